import { expect, test } from "vitest";
import { ERRORS, REJECTIONS } from "@tillwire/protocol/errors";
import { textsFrom } from "../testing/texts.ts";
import { enrolErrorText } from "../register/enrol/enrol-error.ts";
import { saveErrorText } from "../register/save-error.ts";
import { rejectionText, syncErrorText } from "../register/sync/sync-words.ts";
import { register as english } from "./en/register.ts";
import { register as german } from "./de/register.ts";

const texts = { en: textsFrom(english, "en"), de: textsFrom(german, "de") };

test.each(Object.entries(texts))("every code of the protocol has a text of its own language: %s", (_, messages) => {
  expect(REJECTIONS.filter((code) => !Object.hasOwn(messages.rejections, code))).toEqual([]);
  expect(Object.keys(ERRORS).filter((code) => !Object.hasOwn(messages.errors, code))).toEqual([]);
});

test("why a write was refused is said by its code; the server's own words are for programmers", () => {
  const refused = (code: string, collection = "orders") => rejectionText({ code }, collection, texts.de);
  expect(refused("GUARD")).toContain("bezahlte Bestellung");
  expect(refused("GUARD", "shifts")).toContain("Schicht");
  expect(refused("GUARD", "settings")).toBe("So lässt es sich nicht mehr ändern.");
  expect(refused("GUARD", "toString")).toBe("So lässt es sich nicht mehr ändern.");
  expect(refused("ROLE")).toBe("Diese Kasse darf das nicht ändern.");
  expect(refused("OF_NEXT_YEAR")).toContain("(OF_NEXT_YEAR)");
  expect(rejectionText(undefined, "orders", texts.de)).toBe("Die Datenbank hat es abgelehnt.");
});

test("no error's own English text reaches a German screen", () => {
  const said = "something in English";
  const errors = [
    new Error(said),
    ...["GUARD", "NOT_FOUND", "FROM_ELSEWHERE"].map((code) => Object.assign(new Error(said), { code })),
    said,
  ];
  for (const error of errors)
    for (const text of [saveErrorText, syncErrorText, enrolErrorText].map((words) => words(error, texts.de)))
      expect(text).not.toContain("English");
});
