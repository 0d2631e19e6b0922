/** Optionen von Artikeln, Bearbeiten einer Position, Angaben zur Bestellung, Bezahlung in Teilen. */
import type { selling as english } from "../en/selling.ts";
import type { Translation } from "../texts.ts";

export const selling = {
  options: {
    variation: "Welche Ausführung?",
    choose: "{count, plural, one {Bitte eines wählen} other {Bitte # wählen}}",
    upTo: "{count, plural, one {Auf Wunsch} other {Bis zu #}}",
    between: "Bitte {min} bis {max} wählen",
    add: "{amount} hinzufügen",
    missing: "Noch zu wählen: {groups}",
    more: "Einer mehr",
    fewer: "Einer weniger",
    quantity: "Menge",
    favourite: "Favorit",
  },
  line: {
    quantity: "Menge",
    discount: "Rabatt",
    none: "Keiner",
    unit: "Rabatt in",
    percent: "Prozent",
    amount: "Betrag",
    note: "Notiz zu diesem Artikel",
    remove: "Entfernen",
    done: "Fertig",
    gone: "Nicht mehr im Sortiment: {names}",
    total: "Summe der Position",
  },
  order: {
    title: "Angaben zur Bestellung",
    customer: "Name des Kunden",
    note: "Notiz",
    discount: "Rabatt auf die ganze Bestellung",
    done: "Fertig",
  },
  pay: {
    remaining: "Noch zu zahlen",
    taken: "Bereits erhalten",
    removePart: "{method}, {amount} entfernen",
    part: "{amount} annehmen · {rest} offen",
    otherAmount: "Nur einen Teil",
    whole: "Den ganzen Betrag",
    amount: "Betrag",
    rest: "Bleibt offen",
    giftCardHint: "Buchen Sie den Betrag vom Gutschein ab und bestätigen Sie ihn dann hier.",
    tip: "Trinkgeld",
    noTip: "Ohne",
    tipOf: "{percent} % · {amount}",
    overpaid: "Es wurde mehr angenommen, als zu zahlen ist",
    overpaidHint: "Entfernen Sie einen Teil und nehmen Sie ihn neu an.",
  },
} as const satisfies Translation<typeof english>;
