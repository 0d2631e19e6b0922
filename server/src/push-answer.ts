/** The answer to a push, as the text that a device gets: never larger than a message may be. Pure. */
import { LIMITS } from "@tillwire/protocol/limits";
import type { Result } from "@tillwire/protocol/messages";

/** Results that stand whole and bare. */
interface Told {
  readonly whole: string;
  readonly bare: string;
}

/**
 * A small push may clash with records many times as large: an answer that no link takes would be asked for, and be too large, again and
 * again. So what became of each write is told in any case; the server's values, and what differs, as far as there is room. The feed has both.
 * @param id of the push
 */
export function encodeAnswer(id: string, results: readonly Result[]): string {
  const whole = results.map((result) => JSON.stringify(result));
  const bytes = whole.reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0);
  const [before, after] = [`{"type":"pushed","id":${JSON.stringify(id)},"results":[`, "]}"];
  const room = LIMITS.messageBytes - Buffer.byteLength(before) - after.length;
  const texts = bytes <= room ? whole : fitting(toldOf(results, whole), room);
  return before + texts.join(",") + after;
}

function toldOf(results: readonly Result[], whole: readonly string[]): Told[] {
  return results.map((result, index) => ({ whole: whole[index]!, bare: JSON.stringify(bareOf(result)) }));
}

function bareOf({ data, ...result }: Result): Result {
  const bare: Result = data === null ? { ...result, data } : result;
  return bare.conflict ? { ...bare, conflict: { ...bare.conflict, fields: [] } } : bare;
}

function fitting(told: readonly Told[], room: number): string[] {
  let left = told.reduce((sum, { bare }) => sum - Buffer.byteLength(bare) - 1, room);
  return told.map(({ whole, bare }) => {
    const more = Buffer.byteLength(whole) - Buffer.byteLength(bare);
    if (more > left) return bare;
    left -= more;
    return whole;
  });
}
