/** Who of the staff can sign in, and which changes would leave a shop without somebody who can. Pure. */
import type { StaffMember } from "@tillwire/protocol/pos/catalogue";

export type StaffRole = StaffMember["role"];

/** Active members who have a PIN, by name. */
export function membersWithPin(members: readonly StaffMember[]): StaffMember[] {
  return members
    .filter(({ isActive, pinHash }) => isActive !== false && pinHash)
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** Managers who can say yes to what others may not do. */
export function managersOf(members: readonly StaffMember[]): StaffMember[] {
  return membersWithPin(members).filter(({ role }) => role === "manager");
}

/** Whether people sign in: from the first manager with a PIN on. Before that nobody could let anybody in. */
export function isGuarded(members: readonly StaffMember[]): boolean {
  return managersOf(members).length > 0;
}

export type StaffProblem = "NAME_MISSING" | "NAME_TAKEN" | "LAST_MANAGER" | "FIRST_MANAGER" | "PIN_MISSING";

/** @param next a new member, or a known one (by its id) as it shall be; null: it may be saved */
export function whyNotSaved(members: readonly StaffMember[], next: StaffMember): StaffProblem | null {
  const name = next.name.trim().toLocaleLowerCase();
  const others = members.filter(({ id }) => id !== next.id);
  if (!name) return "NAME_MISSING";
  const active = next.isActive !== false;
  if (active && others.some((each) => each.isActive !== false && each.name.trim().toLocaleLowerCase() === name))
    return "NAME_TAKEN";
  if (isGuarded(members) && !isGuarded([...others, next])) return "LAST_MANAGER";
  if (active && isGuarded([...others, next]) && !next.pinHash) return "PIN_MISSING";
  if (next.pinHash && !isGuarded([...others, next])) return "FIRST_MANAGER";
  return null;
}

export interface Session {
  readonly memberId: string;
  /** Epoch ms of the last touch or key. */
  readonly at: number;
}

/** @param idleMs after so long without a touch the register locks; null: never */
export function isIdle(session: Session, idleMs: number | null, now: number): boolean {
  return idleMs !== null && now - session.at >= idleMs;
}
