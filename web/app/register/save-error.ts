/** Why something could not be saved on this device, in plain words. */
import type { Messages } from "../messages/messages.svelte.ts";
import { textOf } from "../messages/text-of.ts";

export function saveErrorText(error: unknown, messages: Messages): string {
  if (!(error instanceof Error)) return messages.rejections.other({ code: typeof error });
  if (error.name === "QuotaExceededError") return messages.rejections.quota;
  const code = "code" in error ? String(error.code) : "";
  return (
    textOf(messages.rejections, code) ??
    textOf(messages.errors, code) ??
    messages.rejections.other({ code: code || error.name })
  );
}
