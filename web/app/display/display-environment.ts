/** What a board takes from the browser beyond what every face does: a sound, a screen that stays on, keys and touches. */
import type { Environment } from "../environment.ts";
import { watchSound, type Sound } from "./sound.ts";
import { keepAwake, type Awake } from "./wake-lock.ts";

export interface DisplayEnvironment extends Environment {
  readonly sound: Sound;
  readonly awake: Awake;
  /** Any touch or key. */
  onTouched(run: () => void): () => void;
  /** null where there is no such thing. */
  readonly toggleFullScreen: (() => void) | null;
}

export function displayEnvironment(shared: Environment): DisplayEnvironment {
  return {
    ...shared,
    sound: watchSound(() => new AudioContext()),
    awake: keepAwake(navigator, document, isSecureContext),
    onTouched(run) {
      addEventListener("pointerdown", run);
      addEventListener("keydown", run);
      return () => {
        removeEventListener("pointerdown", run);
        removeEventListener("keydown", run);
      };
    },
    toggleFullScreen: document.fullscreenEnabled
      ? () =>
          void (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen())
      : null,
  };
}
