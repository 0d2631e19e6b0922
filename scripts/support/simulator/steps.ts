/** The words of a plan's steps: what people do, and what goes wrong. What is named more often is drawn more often. */

/** What people do. */
export const DEEDS = [
  ...["sell", "sell", "sell", "open tab", "edit order", "complete order"],
  ...["note", "note", "note", "edit note", "edit note", "edit note", "stale edit", "stale edit", "stale edit"],
  ...["delete note", "move stock", "move stock", "settle", "settle", "retry", "discard", "sync now", "same id"],
  ...["choose again"],
] as const;
/** What goes wrong with one machine. */
export const MACHINE_FAULTS = [
  ...["offline", "half open", "one way up", "one way down", "cut", "lossy", "duplicate", "slow reader"],
  ...["kill tab", "reload", "open tab", "close tab", "power cut", "kill inside tx", "kill after tx"],
  ...["quota full", "clear storage", "copy device", "clock jump", "sleep", "revoke", "enrol anew", "old protocol"],
  ...["overtaken"],
] as const;
/** What goes wrong at the shop. */
export const SHOP_FAULTS = [
  ...["node crash", "node crash", "crash before commit", "crash after commit", "answer lost", "drain"],
  ...["database down", "notices lost", "restore", "restore", "restore unnoticed", "restore unnoticed"],
  ...["new epoch", "new epoch that wants nothing", "policy", "policy", "policy before a commit"],
  ...["policy before a commit", "stranger", "stranger"],
] as const;
/** What goes wrong at the shop besides, drawn apart: in a quarter of the shops clocks of nodes are set anew. */
export const CLOCK_FAULTS = ["node clock jump"] as const;
/** All that goes wrong, each once. */
export const FAULTS: readonly Fault[] = [...new Set([...MACHINE_FAULTS, ...SHOP_FAULTS, ...CLOCK_FAULTS])];

export type Deed = (typeof DEEDS)[number];
export type MachineFault = (typeof MACHINE_FAULTS)[number];
export type ShopFault = (typeof SHOP_FAULTS)[number] | (typeof CLOCK_FAULTS)[number];
export type Fault = MachineFault | ShopFault;

export interface Step {
  /** From the beginning, ms. */
  readonly at: number;
  readonly type: Deed | Fault;
  /** Index of the machine; of a node, for faults of the shop. */
  readonly who: number;
  /** Whatever else is to be chosen, in [0, 1). */
  readonly x: number;
  /** How long it lasts, ms. */
  readonly forMs: number;
}
