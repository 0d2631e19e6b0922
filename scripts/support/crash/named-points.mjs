/**
 * Loaded before a node of the crash test (`node --import`), and by nothing else: looks at what the node writes to its sockets, and kills
 * at a named point whom the test wants dead there. The product knows nothing of it.
 *
 * Armed by a file, named by CRASH_POINT_FILE: `{"point", "pid"}`; no file, no harm.
 */
import { readFileSync } from "node:fs";
import { Socket } from "node:net";

const file = process.env["CRASH_POINT_FILE"];
const PARSE = "P".charCodeAt(0);
const BIND = "B".charCodeAt(0);

/** @returns {{ point: string, pid: number } | undefined} */
function armed() {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

/** Does not return if this process is the one to die. */
function die(point) {
  const order = armed();
  if (order?.point !== point) return;
  try {
    process.kill(order.pid, "SIGKILL");
  } catch {
    // it is dead already
  }
}

/** By connection to PostgreSQL: names of the prepared statements that commit. */
const statements = new WeakMap();

/** Whether a chunk of PostgreSQL's protocol (whole messages: type, length, content) executes `commit_new` or `commit_writes`. */
function commits(socket, bytes) {
  let isCommit = false;
  for (let at = 0; at + 5 <= bytes.length && bytes[at] !== 0; at += 1 + bytes.readUInt32BE(at + 1)) {
    const texts = bytes.toString("latin1", at + 5, at + 1 + bytes.readUInt32BE(at + 1)).split("\0", 2);
    const known = statements.get(socket) ?? new Set();
    if (bytes[at] === PARSE && /commit_(new|writes)\(/.test(texts[1])) statements.set(socket, known.add(texts[0]));
    if (bytes[at] === BIND && known.has(texts[1])) isCommit = true;
  }
  return isCommit;
}

const write = Socket.prototype.write;
Socket.prototype.write = function (chunk, ...rest) {
  const bytes =
    typeof chunk === "string" ? Buffer.from(chunk) : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
  if (commits(this, bytes)) {
    die("before commit");
    this.prependOnceListener("data", () => die("after commit"));
    const isFlushed = write.call(this, chunk, ...rest);
    die("commit sent");
    return isFlushed;
  }
  if (bytes.includes('"type":"changes"')) die("before broadcast");
  if (bytes.includes('"type":"pushed"')) {
    die("before result");
    if (armed()?.point === "within result") {
      write.call(this, bytes.subarray(0, bytes.length / 2));
      die("within result");
    }
  }
  return write.call(this, chunk, ...rest);
};
