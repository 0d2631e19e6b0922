/**
 * Between nodes: NOTIFY after commits, gathered, never inside a write's tx (INVARIANTS.md, trap 3). Every notice is a hint: what it
 * says is looked up, and what gets lost is found by the sweep.
 */
import * as z from "zod/mini";
import type { Logger } from "pino";
import type { Feed } from "./feed.ts";
import type { Runtime } from "./runtime.ts";
import type { Sessions } from "./sessions.ts";
import type { NoticeBoard } from "./store/database.ts";
import type { DeviceKey, DeviceStore } from "./store/device-store.ts";
import type { ReplicationStore } from "./store/store.ts";

export interface Notices {
  /** This node's commits have brought the store's feed to `head`. */
  announceHead(storeId: string, head: number, epoch: string): void;
  /** Or enrolled anew: either way its sessions may have to end. */
  announceRevoked(device: DeviceKey): void;
  close(): Promise<void>;
}

export interface NoticesOptions {
  readonly board: NoticeBoard;
  /** Tells this node's own notices from those of others. */
  readonly nodeId: string;
  readonly store: ReplicationStore;
  readonly devices: DeviceStore;
  readonly feed: Feed;
  readonly sessions: Sessions;
  readonly runtime: Runtime;
  readonly log: Logger;
  /** A connection to listen on was made, first or again. */
  readonly onConnected: () => Promise<void>;
}

const CHANNEL = "tillwire";
const GATHER_MS = 10;
const SWEEP_MS = 2_000;
const REVOCATION_SWEEP_MS = 1_000;
/** One sweep in so many asks about every live device, whatever the database's clock says, and however long it was away. */
const WHOLE_SWEEP = 60;
/** NOTIFY carries less than 8,000 bytes. */
const ENTRIES_A_NOTICE = 30;

const noticeSchema = z.object({
  node: z.string(),
  heads: z.array(z.object({ storeId: z.string(), head: z.int(), epoch: z.string() })),
  revoked: z.array(z.object({ storeId: z.string(), deviceId: z.string() })),
});
type Notice = z.infer<typeof noticeSchema>;

export async function startNotices(options: NoticesOptions): Promise<Notices> {
  const { board, runtime } = options;
  const sender = createSender(options);
  const sweeper = createSweeper(options);
  // What a new connection leads to may not have been looked at yet: while a database recovers, it takes nothing.
  let isLookedAt = true;
  const look = async (): Promise<void> => {
    isLookedAt = false;
    await options.onConnected();
    isLookedAt = true;
  };
  const sweep = async (looking: Promise<void>): Promise<void> => {
    try {
      await looking;
      await sweeper.sweepHeads();
    } catch (error) {
      sweeper.failed(error);
    }
  };
  const listening = await board.listen(
    CHANNEL,
    (payload) => hear(options, payload),
    () => void sweep(look()),
  );
  const timers = [
    runtime.setInterval(() => void sweep(isLookedAt ? Promise.resolve() : look()), SWEEP_MS),
    runtime.setInterval(() => void sweeper.sweepRevoked(), REVOCATION_SWEEP_MS),
  ];
  for (const timer of timers) timer.unref();
  return {
    announceHead: sender.announceHead,
    announceRevoked: sender.announceRevoked,
    async close() {
      for (const timer of timers) runtime.clearInterval(timer);
      await sender.close();
      await listening.unlisten().catch(() => undefined);
    },
  };
}

function hear({ nodeId, sessions, log, devices }: NoticesOptions, payload: string): void {
  let notice: Notice;
  try {
    notice = noticeSchema.parse(JSON.parse(payload));
  } catch {
    log.warn("A notice could not be read");
    return;
  }
  if (notice.node === nodeId) return;
  for (const { storeId, head, epoch } of notice.heads) sessions.hint(storeId, head, epoch);
  if (notice.revoked.length > 0)
    void cutAmong(sessions, devices, notice.revoked).catch((err: unknown) =>
      log.warn({ err }, "Revocations could not be read"),
    );
}

async function cut(sessions: Sessions, revoked: Promise<readonly DeviceKey[]>): Promise<void> {
  for (const { storeId, deviceId } of await revoked)
    sessions.cut(storeId, deviceId, "DEVICE_REVOKED", "the device was revoked");
}

/** Those of the suspects that were revoked, or enrolled anew on another node. */
async function cutAmong(sessions: Sessions, devices: DeviceStore, suspects: readonly DeviceKey[]): Promise<void> {
  await cut(sessions, devices.revokedAmong(suspects));
  const names = new Set(suspects.map(nameOf));
  const live = sessions.devices().filter((device) => names.has(nameOf(device)));
  for (const replaced of await devices.replacedAmong(live)) sessions.cutReplaced(replaced);
}

function nameOf({ storeId, deviceId }: DeviceKey): string {
  return `${storeId}/${deviceId}`;
}

/** One notice in flight; what is announced meanwhile goes with the next. */
function createSender({ board, nodeId, runtime, log }: NoticesOptions) {
  const heads = new Map<string, { head: number; epoch: string }>();
  const revoked: DeviceKey[] = [];
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> | null = null;

  function takeNotice(): Notice | null {
    const some = [...heads].slice(0, ENTRIES_A_NOTICE);
    for (const [storeId] of some) heads.delete(storeId);
    const cut = revoked.splice(0, ENTRIES_A_NOTICE);
    if (some.length + cut.length === 0) return null;
    return { node: nodeId, heads: some.map(([storeId, at]) => ({ storeId, ...at })), revoked: cut };
  }

  async function send(): Promise<void> {
    try {
      for (let notice = takeNotice(); notice; notice = takeNotice())
        await board.notify(CHANNEL, JSON.stringify(notice));
    } catch (err) {
      // Lost: the sweeps of the other nodes find out.
      log.warn({ err }, "A notice could not be sent");
    }
  }

  function schedule(): void {
    timer ??= runtime.setTimeout(() => {
      timer = undefined;
      if (sending) return;
      sending = send().finally(() => {
        sending = null;
        if (heads.size + revoked.length > 0) schedule();
      });
    }, GATHER_MS);
  }

  return {
    announceHead(storeId: string, head: number, epoch: string): void {
      heads.set(storeId, { head, epoch });
      schedule();
    },
    announceRevoked(device: DeviceKey): void {
      revoked.push(device);
      schedule();
    },
    async close(): Promise<void> {
      runtime.clearTimeout(timer);
      await sending;
      await send();
    },
  };
}

function createSweeper({ store, devices, feed, sessions, log }: NoticesOptions) {
  let sweeping = false;
  let sweeps = 0;

  function failed(err: unknown): void {
    log.warn({ err }, "The sweep failed");
  }

  return {
    failed,
    async sweepHeads(): Promise<void> {
      const positions = sessions.positions();
      if (sweeping || positions.size === 0) return;
      sweeping = true;
      try {
        for (const { storeId, head, epoch, stamp } of await store.readHeads([...positions.keys()])) {
          const { seq, stamp: known = null } = positions.get(storeId) ?? { seq: null };
          // The hub stood there before this was read: a head below it, or by another commit, proves that the database lost it.
          const differs = seq !== null && (head < seq || (head === seq && stamp !== known));
          const isThere = sessions.positions().get(storeId)?.seq === seq;
          if (differs && isThere) await feed.beginEpochAfterLoss(storeId, epoch);
          else sessions.hint(storeId, head, epoch);
        }
      } catch (error) {
        failed(error);
      } finally {
        sweeping = false;
      }
    },
    async sweepRevoked(): Promise<void> {
      if (sessions.isEmpty) return;
      sweeps += 1;
      const isWhole = sweeps % WHOLE_SWEEP === 0;
      const cutting = isWhole
        ? cutAmong(sessions, devices, sessions.devices())
        : cut(sessions, devices.revokedLately());
      await cutting.catch(failed);
    },
  };
}
