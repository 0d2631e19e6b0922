/**
 * The link, as one state machine. Pure: every state answers every event with the next state and what is to be done; link-driver.ts
 * does it.
 *
 *              start              welcomed           reached head
 *   stopped ─────────► connecting ────────► catching up ────────► live
 *      ▲                 ▲     │                │  ▲               │ │
 *      │ stop            │     │ failed         │  └──fell behind──┘ │
 *      │ (from any)      │     ▼                ▼ failed             │ failed
 *      │       retry due └── waiting ◄──────────┴────────────────────┘
 *      │       or nudged
 *      └── paused ◄── refused (from any); resumed leads to connecting
 *
 * Beside it runs `polling` over HTTP: off ──► trying (two failures in a row, or the grace is over) ⇄ working ──► off (welcomed).
 */
export type Phase = "stopped" | "connecting" | "catching up" | "live" | "waiting" | "paused";
export type Pause = "reauthenticate" | "upgrade";

export interface LinkState {
  readonly phase: Phase;
  /** Live links that failed in a row. */
  readonly failures: number;
  readonly polling: "off" | "trying" | "working";
  readonly pausedFor: Pause | null;
  /** False: no live link is wanted, HTTP alone. */
  readonly wantsLive: boolean;
}

export type LinkEvent =
  | { readonly type: "start" | "stop" | "welcomed" | "reached head" | "fell behind" | "retry due" | "grace over" }
  | { readonly type: "polled" | "poll failed" | "nudged" | "resumed" }
  | { readonly type: "failed"; readonly retryAfterMs: number }
  | { readonly type: "refused"; readonly pause: Pause };

export type LinkEffect =
  | { readonly type: "connect"; readonly attempt: number }
  | { readonly type: "schedule retry"; readonly failures: number; readonly retryAfterMs: number }
  | {
      readonly type:
        "disconnect" | "cancel timers" | "start grace" | "start polling" | "stop polling" | "poll now" | "probe";
    };

export interface Step {
  readonly state: LinkState;
  readonly effects: readonly LinkEffect[];
}

type EventOf<T extends LinkEvent["type"]> =
  Extract<LinkEvent, { readonly type: T }> extends never ? LinkEvent : Extract<LinkEvent, { type: T }>;
type Answer<T extends LinkEvent["type"]> = (state: LinkState, event: EventOf<T>) => Step;
type Row = { readonly [T in LinkEvent["type"]]: Answer<T> };

/** Failures in a row after which polling begins without waiting for the grace to end. */
export const FAILURES_BEFORE_POLLING = 2;

export function stoppedLink(wantsLive: boolean): LinkState {
  return { phase: "stopped", failures: 0, polling: "off", pausedFor: null, wantsLive };
}

export function step(state: LinkState, event: LinkEvent): Step {
  // The row's type says that every event has its answer; the cast only joins what the union took apart.
  const answer = LINK_TRANSITIONS[state.phase][event.type] as (state: LinkState, event: LinkEvent) => Step;
  return answer(state, event);
}

const ignore = (state: LinkState): Step => ({ state, effects: [] });

function connect(state: LinkState): Step {
  if (!state.wantsLive) {
    const waiting: LinkState = { ...state, phase: "waiting", pausedFor: null, polling: "trying" };
    return { state: waiting, effects: [{ type: "start polling" }] };
  }
  const effects: LinkEffect[] = [{ type: "connect", attempt: state.failures }];
  if (state.polling === "off") effects.unshift({ type: "start grace" });
  return { state: { ...state, phase: "connecting", pausedFor: null }, effects };
}

function stop(state: LinkState): Step {
  return {
    state: stoppedLink(state.wantsLive),
    effects: [{ type: "cancel timers" }, { type: "stop polling" }, { type: "disconnect" }],
  };
}

function pause(state: LinkState, event: EventOf<"refused">): Step {
  return {
    state: { ...stoppedLink(state.wantsLive), phase: "paused", pausedFor: event.pause },
    effects: [{ type: "cancel timers" }, { type: "stop polling" }, { type: "disconnect" }],
  };
}

function welcomed(state: LinkState): Step {
  return {
    state: { ...state, phase: "catching up", failures: 0, polling: "off" },
    effects: [{ type: "cancel timers" }, { type: "stop polling" }],
  };
}

function failed(state: LinkState, event: EventOf<"failed">): Step {
  const failures = state.failures + 1;
  const effects: LinkEffect[] = [
    { type: "disconnect" },
    { type: "schedule retry", failures, retryAfterMs: event.retryAfterMs },
  ];
  let { polling } = state;
  if (polling === "off" && failures >= FAILURES_BEFORE_POLLING) {
    polling = "trying";
    effects.push({ type: "start polling" });
  } else if (polling === "off") effects.push({ type: "start grace" });
  return { state: { ...state, phase: "waiting", failures, polling }, effects };
}

function graceOver(state: LinkState): Step {
  if (state.polling !== "off") return ignore(state);
  return { state: { ...state, polling: "trying" }, effects: [{ type: "start polling" }] };
}

const polled = (state: LinkState): Step => ignore(state.polling === "off" ? state : { ...state, polling: "working" });
const pollFailed = (state: LinkState): Step =>
  ignore(state.polling === "off" ? state : { ...state, polling: "trying" });
const probe = (state: LinkState): Step => ({ state, effects: [{ type: "probe" }] });

function nudgedWaiting(state: LinkState): Step {
  const effects: LinkEffect[] = state.polling === "off" ? [] : [{ type: "poll now" }];
  if (!state.wantsLive) return { state, effects };
  const next = connect(state);
  return { state: next.state, effects: [{ type: "cancel timers" }, ...next.effects, ...effects] };
}

const IDLE: Row = {
  start: ignore,
  stop: ignore,
  welcomed: ignore,
  "reached head": ignore,
  "fell behind": ignore,
  failed: ignore,
  "retry due": ignore,
  "grace over": ignore,
  polled: ignore,
  "poll failed": ignore,
  nudged: ignore,
  refused: ignore,
  resumed: ignore,
};

const RUNNING: Row = { ...IDLE, stop, refused: pause };

/** Total: every phase names an answer to every event, be it `ignore`. */
export const LINK_TRANSITIONS: Readonly<Record<Phase, Row>> = {
  stopped: { ...IDLE, start: connect },
  connecting: { ...RUNNING, welcomed, failed, "grace over": graceOver, polled, "poll failed": pollFailed },
  "catching up": { ...RUNNING, "reached head": (state) => ignore({ ...state, phase: "live" }), failed, nudged: probe },
  live: { ...RUNNING, "fell behind": (state) => ignore({ ...state, phase: "catching up" }), failed, nudged: probe },
  waiting: {
    ...RUNNING,
    "retry due": connect,
    "grace over": graceOver,
    polled,
    "poll failed": pollFailed,
    nudged: nudgedWaiting,
  },
  paused: { ...IDLE, stop, resumed: connect, refused: pause },
};

/** The machine's state in the words that people see. */
export function linkName(state: LinkState): "offline" | "connecting" | "catching up" | "live" | "polling" {
  switch (state.phase) {
    case "catching up":
    case "live":
      return state.phase;
    case "connecting":
      return state.polling === "working" ? "polling" : state.failures === 0 ? "connecting" : "offline";
    case "waiting":
      return state.polling === "working" ? "polling" : "offline";
    case "stopped":
    case "paused":
      return "offline";
  }
}
