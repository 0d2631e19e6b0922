/** Anmelden, die Erlaubnis der Leitung, die Seite des Personals. */
import type { staff as english } from "../en/staff.ts";
import type { Translation } from "../texts.ts";

export const staff = {
  lock: {
    title: "Wer verkauft?",
    choose: "Wählen Sie Ihren Namen",
    hello: "Hallo, {name}",
    cartKept: "{count, plural, one {# Artikel wartet} other {# Artikel warten}} im Warenkorb",
  },
  pin: {
    label: "PIN",
    keypad: "Ziffern",
    erase: "Letzte Ziffer löschen",
    enter: "Weiter",
    typed: "{count, plural, =0 {Keine Ziffer} one {# Ziffer} other {# Ziffern}} eingegeben",
    wrong: "Diese PIN stimmt nicht",
    wait: "Zu viele falsche PINs. Warten Sie {seconds} s.",
    other: "Jemand anders",
  },
  authorise: { title: "PIN der Leitung", who: "Leitung" },
  page: {
    title: "Personal",
    intro:
      "Wer verkauft hat, steht auf jedem Bon. Die Leitung darf außerdem erstatten, stornieren, Kassendifferenzen annehmen und Einstellungen ändern.",
    open: "Noch meldet sich niemand an. Geben Sie einer Leitung eine PIN: Von da an fragen alle Kassen, wer da ist.",
    add: "Person hinzufügen",
    none: "Noch kein Personal",
    noneHint: "Fügen Sie zuerst eine Leitung mit PIN hinzu.",
    roles: { cashier: "Verkauf", manager: "Leitung" },
    inactive: "Inaktiv",
    noPin: "Keine PIN",
    you: "Sie",
    edit: "{name} ändern",
    editTitle: "Person ändern",
    name: "Name",
    role: "Rolle",
    newPin: "Neue PIN, 4 bis 8 Ziffern",
    keepPin: "Bleibt das Feld leer, gilt die bisherige PIN.",
    save: "Speichern",
    deactivate: "Deaktivieren",
    activate: "Wieder aktivieren",
    saved: "{name} wurde gespeichert",
  },
  problems: {
    NAME_MISSING: "Ein Name fehlt.",
    NAME_TAKEN: "So heißt schon jemand.",
    LAST_MANAGER: "Das ist die letzte aktive Leitung mit PIN. Bestimmen Sie zuerst eine andere.",
    FIRST_MANAGER: "Die erste PIN muss die einer Leitung sein.",
    PIN_MISSING: "Zum Anmelden ist eine PIN nötig.",
    PIN_FORM: "Eine PIN hat 4 bis 8 Ziffern.",
    failed: "Das wurde nicht gespeichert",
  },
} as const satisfies Translation<typeof english>;
