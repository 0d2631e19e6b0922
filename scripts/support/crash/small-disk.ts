/** A disk of its own for PostgreSQL, small enough to be filled: ext4 in a sparse file, where this process may mount one (root on Linux). */
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, statfsSync, truncateSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Grows on the real disk only with what is written: WAL (at most 1 GB between checkpoints) and the shops. */
const SIZE_BYTES = 2 * 1024 ** 3;
/** What `fallocate` leaves for the blocks that describe its own file. */
const SPARED_BYTES = 4 * 1024 ** 2;

export class SmallDisk {
  private constructor(private readonly directory: string) {}

  /** Over that empty directory; null where it cannot be done. It is gone with its last user. */
  static mount(directory: string): SmallDisk | null {
    const image = `${directory}.img`;
    try {
      closeSync(openSync(image, "w"));
      truncateSync(image, SIZE_BYTES);
      run("mkfs.ext4", "-q", "-m", "0", image);
      run("mount", "-o", "loop", image, directory);
      return new SmallDisk(directory);
    } catch {
      return null;
    } finally {
      rmSync(image, { force: true });
    }
  }

  /** Whether `mount` will do here. */
  static canBeArranged(): boolean {
    const directory = mkdtempSync(join(tmpdir(), "tillwire-disk-"));
    try {
      const disk = SmallDisk.mount(directory);
      disk?.unmount();
      return disk !== null;
    } finally {
      rmdirSync(directory);
    }
  }

  /** Not a byte is left. */
  fill(): void {
    const { bavail, bsize } = statfsSync(this.directory);
    const bytes = Math.max(bavail * bsize - SPARED_BYTES, 1);
    run("fallocate", "-l", String(bytes), this.#ballast);
    const file = openSync(this.#ballast, "a");
    try {
      for (const block of [Buffer.alloc(65_536), Buffer.alloc(512)])
        for (;;) {
          try {
            writeSync(file, block);
          } catch {
            break;
          }
        }
    } finally {
      closeSync(file);
    }
  }

  drain(): void {
    rmSync(this.#ballast, { force: true });
  }

  /** Whatever of PostgreSQL is still on its way out may finish. */
  unmount(): void {
    run("umount", "-l", this.directory);
  }

  get #ballast(): string {
    return join(this.directory, "ballast");
  }
}

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, { stdio: "ignore" });
}
