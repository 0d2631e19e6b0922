/**
 * Lets one process at a time launch PostgreSQL on a data directory. Node has no lock that the kernel takes back from the dead, so
 * this is a directory of numbered files, of which the highest one counts: `7` names the process that holds the lock, `8.free` nobody.
 *
 * To claim is to create the next number, complete and in one step: of those who try only one can. Files stay for many claims after they
 * counted: whoever lists the directory while others write to it finds all but the newest, and then that its number is taken; and
 * whoever looked long ago, and creates a number that was removed meanwhile, sees a higher one and withdraws.
 */
import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { giveTo } from "./postgres-programs.ts";
import { processStart } from "./process-start.ts";

const KEPT = 64;
const draftForMs = 600_000;

interface Holder {
  readonly pid: number;
  /** Null where it cannot be known. */
  readonly start: string | null;
}

export class LaunchLock {
  readonly directory: string;
  #mine: number | undefined;

  /** @param directory made on the first `take`; its parent must be there */
  constructor(directory: string) {
    this.directory = directory;
  }

  /** Takes it if nobody has it. @returns the pid of the living process that has it, which may be this one; undefined: it is taken now */
  take(): number | undefined {
    if (this.#mine !== undefined) return undefined;
    this.#makeDirectory();
    for (;;) {
      const highest = this.#names().at(-1) ?? "0.free";
      const holder = this.#holderOf(highest);
      if (holder && isAlive(holder)) return holder.pid;
      const next = numberOf(highest) + 1;
      if (!this.#create(next)) continue;
      const names = this.#names();
      if (names.at(-1) !== String(next)) {
        this.#remove(String(next));
        continue;
      }
      this.#mine = next;
      for (const name of names) if (numberOf(name) < next - KEPT) this.#remove(name);
      this.#removeOldDrafts();
      return undefined;
    }
  }

  /** If that fails (a full disk), it stays taken, and `take` by the same object succeeds. */
  release(): void {
    if (this.#mine === undefined) return;
    fs.linkSync(this.#pathOf(String(this.#mine)), this.#pathOf(`${String(this.#mine + 1)}.free`));
    this.#mine = undefined;
  }

  /** Root visits a directory of somebody who will want to launch again. */
  #makeDirectory(): void {
    fs.mkdirSync(this.directory, { recursive: true });
    this.#giveAway(this.directory);
  }

  #giveAway(path: string): void {
    if (process.getuid?.() === 0) giveTo(fs.statSync(dirname(this.directory)), path);
  }

  /** Undefined: nobody holds it, or did when the machine went down and the file was damaged. */
  #holderOf(name: string): Holder | undefined {
    if (name.endsWith(".free")) return undefined;
    try {
      return JSON.parse(fs.readFileSync(this.#pathOf(name), "utf8")) as Holder;
    } catch {
      // if a higher number took its place meanwhile, the claim will see that
      return undefined;
    }
  }

  /** @returns false if somebody else was faster */
  #create(number: number): boolean {
    // Not named by the number alone: a process that was killed may leave one behind, which is a claim's file under another name.
    const draft = this.#pathOf(`draft-${String(process.pid)}-${randomUUID()}`);
    const holder: Holder = { pid: process.pid, start: processStart(process.pid) ?? null };
    try {
      fs.writeFileSync(draft, JSON.stringify(holder));
      this.#giveAway(draft);
      fs.linkSync(draft, this.#pathOf(String(number)));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
      throw error;
    } finally {
      fs.rmSync(draft, { force: true });
    }
  }

  /** Of processes that were killed; to link one takes no time. */
  #removeOldDrafts(): void {
    for (const name of fs.readdirSync(this.directory)) {
      if (!name.startsWith("draft-")) continue;
      const stat = fs.statSync(this.#pathOf(name), { throwIfNoEntry: false });
      if (stat && Date.now() - stat.mtimeMs > draftForMs) this.#remove(name);
    }
  }

  /** Lowest first. */
  #names(): string[] {
    const names = fs.readdirSync(this.directory).filter((name) => /^\d+(\.free)?$/.test(name));
    return names.sort((a, b) => numberOf(a) - numberOf(b));
  }

  #pathOf(name: string): string {
    return join(this.directory, name);
  }

  #remove(name: string): void {
    fs.rmSync(this.#pathOf(name), { force: true });
  }
}

function numberOf(name: string): number {
  return Number.parseInt(name, 10);
}

function isAlive({ pid, start }: Holder): boolean {
  const now = processStart(pid);
  return now !== undefined && (now === null || start === null || now === start);
}
