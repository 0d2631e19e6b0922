/** Two rising tones for what is new. Browsers stay silent until somebody has tapped, and say so. */
export type SoundState =
  | "on"
  /** Switched off here. */
  | "off"
  /** The browser waits for a tap. */
  | "blocked"
  /** This browser has none. */
  | "none";

export interface Sound {
  current(): SoundState;
  onChange(run: () => void): () => void;
  /** Must be called by a tap or a key, if it is to end `blocked`. */
  toggle(): void;
  /** Silent unless `on`. */
  play(): void;
}

const TONES_HZ = [660, 880];
const TONE_S = 0.16;
const LOUDNESS = 0.35;
const KEY = "tillwire.display.sound";

export function watchSound(open: () => AudioContext, memory: Storage = localStorage): Sound {
  const listeners = new Set<() => void>();
  const changed = () => listeners.forEach((run) => run());
  let context: AudioContext | null = null;
  try {
    context = open();
    context.addEventListener("statechange", changed);
  } catch {
    // a browser without, or one that refuses more
  }
  let wanted = memory.getItem(KEY) !== "off";
  const current = (): SoundState => {
    if (!context) return "none";
    if (!wanted) return "off";
    return context.state === "running" ? "on" : "blocked";
  };
  // any tap allows it, not only one on the button
  const allow = () => {
    if (wanted && context?.state === "suspended") void context.resume();
  };
  addEventListener("pointerdown", allow);
  addEventListener("keydown", allow);
  return {
    current,
    onChange(run) {
      listeners.add(run);
      return () => listeners.delete(run);
    },
    toggle() {
      const blocked = current() === "blocked";
      wanted = blocked || !wanted;
      memory.setItem(KEY, wanted ? "on" : "off");
      allow();
      changed();
    },
    play() {
      if (context && current() === "on") TONES_HZ.forEach((hz, index) => tone(context, hz, index * TONE_S));
    },
  };
}

function tone(context: AudioContext, hz: number, delayS: number): void {
  const oscillator = context.createOscillator();
  const gain = context.createGain();
  const from = context.currentTime + delayS;
  oscillator.frequency.value = hz;
  // without a fade, the end of a tone clicks
  gain.gain.setValueAtTime(LOUDNESS, from);
  gain.gain.exponentialRampToValueAtTime(0.001, from + TONE_S * 1.8);
  oscillator.connect(gain).connect(context.destination);
  oscillator.start(from);
  oscillator.stop(from + TONE_S * 2);
}
