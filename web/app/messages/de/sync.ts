/** Was über den Abgleich gesagt wird. */
import type { sync as english } from "../en/sync.ts";
import type { Translation } from "../texts.ts";

export const sync = {
  sync: {
    badge: {
      live: "Live",
      syncing: "Abgleich {count}",
      offline: "{count, plural, =0 {Offline} other {Offline · # gesichert}}",
      attention: "{count, plural, =0 {Prüfen} other {Prüfen: #}}",
      "catching-up": "Lädt",
      catchingUpPercent: "Lädt {percent} %",
      polling: "{count, plural, =0 {Im Intervall} other {Im Intervall · # gesichert}}",
      connecting: "{count, plural, =0 {Verbinden} other {Verbinden · # gesichert}}",
    },
    open: "Abgleich: {label}. Einzelheiten anzeigen",
    kinds: {
      orders: "Bestellung",
      transactions: "Zahlung",
      products: "Artikel",
      settings: "Einstellungen",
      staff: "Personal",
      tickets: "Küchenbon",
      shifts: "Schicht",
      carts: "Warenkorb",
    },
    deleted: "Löschung",
    conflictToast:
      "{what} wurde gleichzeitig an anderer Stelle geändert. Deren Stand gilt; Ihrer bleibt unter „Konflikte“ erhalten.",
    conflictOpenToast:
      "{what} wurde gleichzeitig an anderer Stelle geändert. Beide Stände bleiben erhalten, bis jemand entscheidet.",
    server: "Server",
  },
  strip: {
    offline: "Offline. Verkaufen, kassieren und parken geht weiter; alles wird hier gesichert und später gesendet.",
    offlineShort: "Offline – der Verkauf läuft, alles wird hier gesichert",
    catchingUp: "{done} von {of} Änderungen geladen. Sie können schon verkaufen.",
    copied: "Diese Kasse läuft noch auf einem zweiten Gerät.",
    copiedShort: "Läuft auf einem zweiten Gerät",
    copiedDetails: "Was tun?",
    reauthenticate: "Für den Abgleich braucht diese Kasse einen neuen Code. Der Verkauf geht weiter.",
    upgrade: "Für den Abgleich muss eine neuere Version geladen werden. Der Verkauf geht weiter.",
    enterCode: "Code eingeben",
    update: "Neue Version bereit – lädt, wenn Ruhe ist",
    load: "Laden",
    loadNow: "Jetzt laden",
  },
  errors: {
    UNAUTHENTICATED: "Der Server kennt diese Kasse nicht.",
    DEVICE_REVOKED: "Diese Kasse wurde gesperrt.",
    FORBIDDEN: "Der Server lässt das nicht zu.",
    PROTOCOL_VERSION: "Der Server hat eine neuere Version.",
    RATE_LIMITED: "Zu viele Anfragen auf einmal; der Server bittet um eine Pause.",
    TOO_MANY_LINKS: "Zu viele Verbindungen von dieser Adresse.",
    UNAVAILABLE: "Der Server ist nicht erreichbar oder ausgelastet.",
    SHUTTING_DOWN: "Der Server startet neu.",
    INTERNAL: "Auf dem Server ist ein Fehler aufgetreten.",
    RESET: "Der Server wurde wiederhergestellt; alles wird neu verglichen.",
    offline: "Der Server ist nicht erreichbar.",
    other: "Meldung des Servers: {message}",
  },
  rejections: {
    SCHEMA: "Der Server nimmt es in dieser Form nicht an.",
    ROLE: "Diese Kasse darf das nicht ändern.",
    GUARD: "So lässt es sich nicht mehr ändern.",
    WRITE_TOO_LARGE: "Es ist zu groß.",
    WRITE_FAILED: "Die Datenbank hat es abgelehnt.",
    TEXT_INVALID: "Ein Text enthält Zeichen, die sich nicht speichern lassen.",
    quota: "Auf diesem Gerät ist kein Speicherplatz mehr frei. Schaffen Sie Platz und versuchen Sie es erneut.",
    other: "{message}",
  },
} as const satisfies Translation<typeof english>;
