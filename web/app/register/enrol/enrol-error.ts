/** Why enrolling failed, in plain words. */
import { textOf } from "../../messages/text-of.ts";
import type { Messages } from "../../messages/messages.svelte.ts";

export function enrolErrorText(error: unknown, messages: Messages): string {
  const { errors } = messages.enrol;
  if (!(error instanceof Error) || !("code" in error)) return errors.network;
  const code = String(error.code);
  if (code === "UNAVAILABLE" || code === "NETWORK" || code === "TIMEOUT") return errors.network;
  return textOf(errors, code) ?? textOf(messages.errors, code) ?? messages.errors.other({ code });
}
