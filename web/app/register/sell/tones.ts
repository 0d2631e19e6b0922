/** What a scan sounds like: one high tone for a product, two low ones for a code that nothing has. */
type Tone = readonly [hz: number, atS: number];
const TONES: Record<"found" | "unknown", readonly Tone[]> = {
  found: [[1320, 0]],
  unknown: [
    [233, 0],
    [196, 0.18],
  ],
};
const TONE_S = 0.11;
const LOUDNESS = 0.3;
let context: AudioContext | null | undefined;

/** Silent in browsers that have no sound, or do not allow it yet. */
export function playTone(kind: keyof typeof TONES): void {
  try {
    context ??= new AudioContext();
    void context.resume();
    for (const [hz, atS] of TONES[kind]) play(context, hz, atS);
  } catch {
    context = null;
  }
}

function play(on: AudioContext, hz: number, atS: number): void {
  const oscillator = on.createOscillator();
  const gain = on.createGain();
  const from = on.currentTime + atS;
  oscillator.frequency.value = hz;
  oscillator.type = hz < 400 ? "square" : "sine";
  gain.gain.setValueAtTime(LOUDNESS, from);
  // without a fade, the end of a tone clicks
  gain.gain.exponentialRampToValueAtTime(0.001, from + TONE_S * 1.5);
  oscillator.connect(gain).connect(on.destination);
  oscillator.start(from);
  oscillator.stop(from + TONE_S * 1.6);
}
