/** Who stands at this register. Where no manager has a PIN it is the device itself, and everybody may do everything. */
import type { StaffMember } from "@tillwire/protocol/pos/catalogue";
import type { Person } from "@tillwire/protocol/pos/fields";
import type { Environment } from "../../environment.ts";
import { isGuarded, isIdle, managersOf, membersWithPin, type Session, type StaffRole } from "./members.ts";
import { afterWrong, NO_TRIES, readTries, waitMs, type PinTries } from "./pin-tries.ts";

export interface CurrentPerson extends Person {
  readonly role: StaffRole;
}
export interface Asked {
  readonly reason: string;
  readonly answer: (person: Person | null) => void;
}

/** Of this tab; it outlives a reload. */
const SESSION = "tillwire.session";
/** Of the device: no tab, and no reload, gives new tries. */
const TRIES = "tillwire.pin-tries";

export class People {
  readonly #env: Pick<Environment, "now" | "tabMemory" | "deviceMemory">;
  readonly #read: () => readonly StaffMember[] | undefined;
  readonly #device: Person;
  readonly #idleMs: () => number | null;
  #session = $state.raw<Session | null>(null);
  #tries: PinTries;
  /** A manager is asked for; the dialog answers. */
  asked = $state.raw<Asked | null>(null);

  constructor(
    env: Pick<Environment, "now" | "tabMemory" | "deviceMemory">,
    device: Person,
    read: () => readonly StaffMember[] | undefined,
    idleMs: () => number | null,
  ) {
    this.#env = env;
    this.#device = device;
    this.#read = read;
    this.#idleMs = idleMs;
    this.#tries = readTries(env.deviceMemory.read(TRIES));
    const remembered = env.tabMemory.read(SESSION);
    if (remembered) this.#session = JSON.parse(remembered) as Session;
    this.tick();
  }

  readonly members = $derived.by(() => this.#read() ?? []);
  /** Those who can sign in. */
  readonly names = $derived.by(() => membersWithPin(this.members));
  readonly managers = $derived.by(() => managersOf(this.members));
  readonly isGuarded = $derived.by(() => isGuarded(this.members));
  readonly #member = $derived.by(() => this.names.find(({ id }) => id === this.#session?.memberId) ?? null);
  /** Somebody must sign in first. */
  readonly isLocked = $derived.by(() => this.isGuarded && this.#member === null);
  /** Who every order and every movement of money names. */
  readonly current = $derived.by((): CurrentPerson => {
    if (!this.isGuarded) return { ...this.#device, role: "manager" };
    const member = this.#member;
    return member ? { id: member.id, name: member.name, role: member.role } : { ...this.#device, role: "cashier" };
  });

  /** How long no PIN is looked at. */
  waitMs(): number {
    return waitMs(this.#tries, this.#env.now());
  }

  /** Wrong ones are counted, whoever they were for. */
  async check({ pinHash }: StaffMember, pin: string): Promise<boolean> {
    // another tab may have counted meanwhile
    this.#tries = readTries(this.#env.deviceMemory.read(TRIES));
    if (!pinHash || this.waitMs() > 0) return false;
    // none of the first load; it comes with the lock screen
    const { verifyPin } = await import("./pin.ts");
    const right = await verifyPin(pin, pinHash);
    this.#tries = right ? NO_TRIES : afterWrong(this.#tries, this.#env.now());
    this.#env.deviceMemory.write(TRIES, right ? null : JSON.stringify(this.#tries));
    return right;
  }

  signIn({ id }: StaffMember): void {
    this.#keep({ memberId: id, at: this.#env.now() });
  }
  /** The cart, and whatever is open, stays for whoever signs in next. */
  lock(): void {
    this.#keep(null);
    this.answer(null);
  }
  /** A touch or a key. */
  touch(): void {
    if (this.#session) this.#keep({ ...this.#session, at: this.#env.now() });
  }
  /** Locks when nobody touched it for long enough. */
  tick(): void {
    if (this.#session && isIdle(this.#session, this.#idleMs(), this.#env.now())) this.lock();
  }

  /**
   * The manager who lets something happen. Passes at once where a manager is signed in, or where nobody signs in.
   * @param reason what it is for, in the language that is spoken
   * @returns null: nobody did
   */
  authorise(reason: string): Promise<Person | null> {
    const { id, name, role } = this.current;
    if (role === "manager") return Promise.resolve({ id, name });
    this.answer(null);
    return new Promise((answer) => (this.asked = { reason, answer }));
  }
  answer(person: Person | null): void {
    const asked = this.asked;
    this.asked = null;
    asked?.answer(person);
  }

  #keep(session: Session | null): void {
    this.#session = session;
    this.#env.tabMemory.write(SESSION, session && JSON.stringify(session));
  }
}
