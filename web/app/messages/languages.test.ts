import compile from "icu-minify/compile";
import { describe, expect, test } from "vitest";
import { formatsFor } from "../format.ts";
import { textsFrom } from "../testing/texts.ts";
import { register as german } from "./de/register.ts";
import { languageFor, LANGUAGES, MESSAGE_PARTS, type Language } from "./languages.ts";

const others = Object.keys(LANGUAGES).filter((language): language is Language => language !== "en");

/** Every message of a file by its path, with the names of its arguments. */
function argumentsIn(messages: object, path = ""): [string, string[]][] {
  return Object.entries(messages).flatMap(([key, value]: [string, unknown]) => {
    const here = path === "" ? key : `${path}.${key}`;
    return typeof value === "string" ? [[here, argumentsOf(value)]] : argumentsIn(value as object, here);
  });
}
function argumentsOf(message: string): string[] {
  const names = new Set<string>();
  // compiled: texts, signs for the number of a plural, and arrays of an argument's name, its kind and its cases
  const visit = (node: unknown) => {
    if (Array.isArray(node)) {
      const [name, , cases] = node as [string, unknown, unknown];
      names.add(name);
      for (const text of Object.values(cases ?? {})) visitAll(text);
    }
  };
  const visitAll = (text: unknown) => (Array.isArray(text) ? text.forEach(visit) : undefined);
  visitAll(compile(message));
  return [...names].sort();
}

describe.each(others)("%s", (language) => {
  test.each(MESSAGE_PARTS)("says all that English says, with the same arguments: %s", async (part) => {
    const [english, translated] = await Promise.all([LANGUAGES.en.files[part](), LANGUAGES[language].files[part]()]);
    expect(argumentsIn(translated)).toEqual(argumentsIn(english));
  });

  test.each(MESSAGE_PARTS)("leaves no sentence in English: %s", async (part) => {
    const [english, translated] = await Promise.all([LANGUAGES.en.files[part](), LANGUAGES[language].files[part]()]);
    const sentences = (messages: object) =>
      leaves(messages).filter(
        (text) =>
          text
            .replace(/\{.*\}/g, "")
            .trim()
            .split(/\s+/).length > 2,
      );
    const same = sentences(translated).filter((text) => sentences(english).includes(text));
    expect(same).toEqual([]);
  });
});

function leaves(messages: object): string[] {
  return Object.values(messages).flatMap((value: unknown) =>
    typeof value === "string" ? [value] : leaves(value as object),
  );
}

test.each([
  [["de-AT"], "de"],
  [["fr", "de"], "de"],
  [["DE"], "de"],
  [["fr"], "en"],
  [["toString", ""], "en"],
  [[], "en"],
])("of %j the app speaks %s", (tags, language) => {
  expect(languageFor(tags)).toBe(language);
});

test("German counts and writes numbers as Germans do", () => {
  const texts = textsFrom(german, "de");
  expect(texts.orders.count({ count: 1 })).toBe("1 Bestellung");
  expect(texts.orders.count({ count: 1234 })).toBe("1.234 Bestellungen");
  expect(texts.sync.badge.offline({ count: 0 })).toBe("Offline");
});

test("German amounts and times are written as Germans do, in the shop's currency", () => {
  const german = formatsFor(["de-DE", "en"], "EUR");
  const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, " ");
  expect(plain(german.money(1234.5))).toBe("1.234,50 €");
  expect(plain(german.percent(0.025))).toBe("2,5 %");
  expect(plain(german.roundMoney(20))).toBe("20 €");
  expect(german.ago(0, 180_000, "gerade eben")).toBe("vor 3 Min.");
  expect(german.time(new Date(2026, 0, 3, 14, 3).getTime())).toBe("14:03");
});
