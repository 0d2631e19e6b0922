/** Script devices of a server: enrolled by an administrator's token or by codes, and kept in a file for the next run. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { enrolResponseSchema } from "@tillwire/protocol/messages";

export interface EnrolOptions {
  readonly url: string;
  readonly count: number;
  /** Holds tokens: keep it as you keep passwords. */
  readonly file: string;
  /** Of an administrator; null: codes are used. */
  readonly adminToken: string | null;
  readonly codes: readonly string[];
  readonly storeId: string | null;
  /** So many there are. */
  readonly progress: (enrolled: number) => void;
}

interface Kept {
  readonly url: string;
  readonly storeId: string;
  readonly token: string;
}

/** @returns tokens of so many devices of one shop @throws when there are neither enough devices nor means to enrol more */
export async function enrolDevices(options: EnrolOptions): Promise<string[]> {
  const { url, count, file, storeId, progress } = options;
  const known: Kept[] = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Kept[]) : [];
  const shop = storeId ?? known.find((kept) => kept.url === url)?.storeId ?? null;
  const devices = known.filter((kept) => kept.url === url && (shop === null || kept.storeId === shop));
  const codes = [...options.codes];
  mkdirSync(dirname(file), { recursive: true });
  while (devices.length < count) {
    progress(devices.length);
    const code = codes.shift() ?? (await newCode(options, devices.length + 1));
    const body = enrolResponseSchema.parse(await post(`${url}/api/enrol`, null, { code }));
    const device = { url, storeId: body.storeId, token: body.token };
    devices.push(device);
    known.push(device);
    writeFileSync(file, JSON.stringify(known, null, 1), { mode: 0o600 });
  }
  return devices.slice(0, count).map(({ token }) => token);
}

async function newCode({ url, adminToken, storeId }: EnrolOptions, number: number): Promise<string> {
  if (adminToken === null)
    throw new Error("not enough devices: give --token (the admin token) or more codes with --code");
  const asked = { name: `Load test ${number}`, role: "script", ...(storeId !== null && { storeId }) };
  const { code } = (await post(`${url}/api/admin/enrolments`, adminToken, asked)) as { code: string };
  return code;
}

/** Enrolment is throttled by address: whoever brings many devices waits. */
async function post(url: string, token: string | null, body: object): Promise<unknown> {
  for (;;) {
    const headers = { "content-type": "application/json", ...(token !== null && { authorization: `Bearer ${token}` }) };
    const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
    if (response.ok) return response.json();
    if (response.status !== 429) throw new Error(`${url}: ${response.status} ${await response.text()}`);
    await delay(Math.max(1, Number(response.headers.get("retry-after") ?? 2)) * 1_000);
  }
}
