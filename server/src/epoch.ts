/**
 * Epochs know their order: a shop's first is a plain id, the later ones are `v1-<id>`, `v2-<id>`, ... So a device that comes from an
 * epoch which the database does not know of proves, by its number, that the database was put back to before that epoch.
 */
import { ReplicationError } from "@tillwire/protocol/errors";

/** RESET: a write was sent in another epoch than the one in force. Nothing of it was decided. */
export class EpochOver extends ReplicationError {
  /** @param sentIn the epoch in which it was sent */
  constructor(readonly sentIn: string) {
    super("RESET", "another epoch has begun");
  }
}

const LATER = /^v(\d{1,9})-/;

/** 0 for a shop's first epoch. */
export function ordinalOf(epoch: string): number {
  return Number(LATER.exec(epoch)?.[1] ?? 0);
}

/** @param id that no other epoch has @param before epochs that are over with this one */
export function epochAfter(id: string, ...before: readonly string[]): string {
  return `v${Math.max(...before.map(ordinalOf)) + 1}-${id}`;
}

/** Whether whoever has been in `epoch` has seen something that a database with `current` in force cannot know. */
export function isBeyond(epoch: string, current: string): boolean {
  return epoch !== current && ordinalOf(epoch) >= ordinalOf(current);
}
