/**
 * A WebSocket client that costs next to nothing: thousands of them in one process must not be what is measured. Text messages alone;
 * RFC 6455 and, where it is asked for, RFC 7692.
 */
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { constants, inflateRawSync } from "node:zlib";

export interface RawSocket {
  send(text: string): void;
  /** Ends at once. */
  close(): void;
  readonly isOpen: boolean;
  /** Resolves when the link is gone. */
  readonly closed: Promise<void>;
}

export interface RawSocketOptions {
  /** http://host:port/path */
  readonly url: string;
  readonly onText: (payload: Buffer) => void;
  /** Offers compression, as every browser does. */
  readonly compressed?: boolean | undefined;
  /** Address to come from: servers limit strangers by address. */
  readonly localAddress?: string | undefined;
}

const TEXT = 1;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const COMPRESSED = 0x40;
const END_OF_BLOCK = Buffer.from([0, 0, 0xff, 0xff]);

export async function openRawSocket({ url, onText, compressed, localAddress }: RawSocketOptions): Promise<RawSocket> {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), ...(localAddress !== undefined && { localAddress }) });
  socket.setNoDelay(true);
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const rest = await shakeHands(socket, `${hostname}:${port}`, pathname, compressed === true);
  const parser = createParser((opcode, payload) => {
    if (opcode === TEXT) onText(payload);
    else if (opcode === PING) socket.write(frame(PONG, payload));
    else if (opcode === CLOSE) socket.destroy();
  });
  socket.on("error", () => undefined);
  socket.on("data", parser);
  if (rest.length > 0) parser(rest);
  return {
    send: (text) => void socket.write(frame(TEXT, Buffer.from(text))),
    close: () => void socket.destroy(),
    get isOpen() {
      return !socket.destroyed && socket.writable;
    },
    closed,
  };
}

function shakeHands(socket: Socket, host: string, path: string, compressed: boolean): Promise<Buffer> {
  const key = randomBytes(16).toString("base64");
  return new Promise((resolve, reject) => {
    let head = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      socket.off("data", onData);
      socket.off("close", onClose);
      if (!head.toString("latin1").startsWith("HTTP/1.1 101")) reject(new Error(head.toString("latin1", 0, 80)));
      else resolve(head.subarray(end + 4));
    };
    const onClose = (): void => reject(new Error("the link was closed before it was open"));
    socket.on("data", onData);
    socket.once("close", onClose);
    socket.once("error", reject);
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n` +
        (compressed ? "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n" : "\r\n"),
    );
  });
}

/** Whole frames out of whatever chunks the network makes of them; servers send messages in one frame each. */
function createParser(onFrame: (opcode: number, payload: Buffer) => void): (chunk: Buffer) => void {
  let parts: Buffer[] = [];
  let held = 0;
  let wanted = 2;
  return (chunk) => {
    parts.push(chunk);
    held += chunk.length;
    if (held < wanted) return;
    let buffer = parts.length === 1 ? chunk : Buffer.concat(parts, held);
    for (;;) {
      const size = frameSize(buffer);
      if (size === null || buffer.length < size.header + size.payload) {
        wanted = size === null ? buffer.length + 1 : size.header + size.payload;
        break;
      }
      const end = size.header + size.payload;
      const payload = buffer.subarray(size.header, end);
      onFrame(buffer[0]! & 0x0f, buffer[0]! & COMPRESSED ? inflated(payload) : payload);
      buffer = buffer.subarray(end);
    }
    parts = buffer.length > 0 ? [buffer] : [];
    held = buffer.length;
  };
}

/** Each message by itself: the servers under test keep nothing from one to the next. */
function inflated(payload: Buffer): Buffer {
  return inflateRawSync(Buffer.concat([payload, END_OF_BLOCK]), { finishFlush: constants.Z_SYNC_FLUSH });
}

/** null: more bytes are needed to know. */
function frameSize(buffer: Buffer): { header: number; payload: number } | null {
  if (buffer.length < 2) return null;
  const short = buffer[1]! & 0x7f;
  if (short < 126) return { header: 2, payload: short };
  if (short === 126) return buffer.length < 4 ? null : { header: 4, payload: buffer.readUInt16BE(2) };
  return buffer.length < 10 ? null : { header: 10, payload: Number(buffer.readBigUInt64BE(2)) };
}

/** Clients mask; a mask of zeros is one, and costs nothing. */
function frame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const header = Buffer.alloc(length < 126 ? 6 : length < 65_536 ? 8 : 14);
  header[0] = 0x80 | opcode;
  if (length < 126) header[1] = 0x80 | length;
  else if (length < 65_536) {
    header[1] = 0x80 | 126;
    header.writeUInt16BE(length, 2);
  } else {
    header[1] = 0x80 | 127;
    header.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([header, payload]);
}
