/**
 * Every maximum of the protocol, in one place. `welcome` carries the ones that a device must respect,
 * so that a server may tighten them without a new client.
 */
const KIB = 1024;
const MIB = 1024 * KIB;

export const LIMITS = {
  /** Canonical JSON of one write's data, in bytes; numbers count as written out in full. */
  writeBytes: 256 * KIB,
  pushWrites: 500,
  pushBytes: 1 * MIB,
  /** One WebSocket or Socket.IO message, in bytes, either way. */
  messageBytes: 2 * MIB,
  /** A frame holds at most this many bytes of changes, or one change. */
  frameBytes: 256 * KIB,
  pageChanges: 500,
  jsonDepth: 32,
  idLength: 64,
  /** Order and reference numbers, in characters. */
  numberLength: 50,
  syncVersion: 2 ** 31 - 1,
  helloTimeoutMs: 5_000,
  heartbeatMs: 15_000,
  deadAfterMs: 40_000,
  sendBufferBytes: 4 * MIB,
  sendBehindMs: 30_000,
  pushesPerSecond: 50,
  pushBurst: 100,
  unauthenticatedLinksPerAddress: 20,
  /** For a request over HTTP to arrive whole. */
  requestTimeoutMs: 10 * 60_000,
  enrolmentTtlMs: 10 * 60_000,
  enrolmentTries: 5,
  /** Requests to the enrolment door per address and minute. */
  enrolmentsPerMinute: 30,
  /** The seed's batch door: its devices never split what they send. */
  batchItems: 5_000,
  batchBytes: 16 * MIB,
  batchUpdates: 500,
  /** Overlap of the seed's `since` in epoch milliseconds. */
  sinceOverlapMs: 5 * 60_000,
} as const;

/** The part of LIMITS that a device needs; travels in `welcome`. */
export const WIRE_LIMITS = {
  writeBytes: LIMITS.writeBytes,
  pushWrites: LIMITS.pushWrites,
  pushBytes: LIMITS.pushBytes,
  messageBytes: LIMITS.messageBytes,
} as const;
export type WireLimits = { [K in keyof typeof WIRE_LIMITS]: number };
