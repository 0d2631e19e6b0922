/** Die Ansicht des Abgleichs. */
import type { panel as english } from "../en/panel.ts";
import type { Translation } from "../texts.ts";

export const panel = {
  explain: {
    live: "Alles ist auf dem Server. Änderungen anderer Kassen erscheinen sofort.",
    syncing: "Hier gesichert und auf dem Weg zum Server.",
    offline:
      "Der Server ist nicht erreichbar. Verkaufen Sie weiter: Alles wird hier gesichert und von selbst gesendet.",
    attention: "Etwas braucht eine Entscheidung. Alles andere läuft weiter.",
    "catching-up": "Es wird geladen, was an den anderen Kassen geschah. Sie können schon verkaufen.",
    polling: "Eine Live-Verbindung kommt nicht zustande; Änderungen werden jede halbe Minute ausgetauscht.",
    connecting: "Der Server wird gesucht. Sie können schon verkaufen.",
  },
  title: "Abgleich",
  now: "Jetzt abgleichen",
  running: "Wird abgeglichen",
  done: "Alles aktuell",
  doneWith: "Fertig; {count} warten noch",
  export: "Exportieren",
  waiting: "Wartet auf das Senden",
  nothingWaiting: "Nichts wartet. Alles von dieser Kasse ist auf dem Server.",
  more: "und {count} weitere",
  entryState: { queued: "wartet", sent: "wird gesendet", rejected: "abgelehnt" },
  rejected: "Vom Server abgelehnt",
  rejectedHint: "Bleibt auf dieser Kasse, bis Sie entscheiden.",
  rejectedCode: "Code für den Support: {code}",
  retry: "Erneut versuchen",
  discard: "Verwerfen",
  discardTitle: "Endgültig verwerfen?",
  discardText:
    "{what} hat der Server nie angenommen. Es wird von dieser Kasse entfernt und lässt sich nicht zurückholen.",
  facts: "Verbindung",
  lastSuccess: "Letzter Erfolg",
  lastError: "Letztes Problem",
  none: "Keins",
  never: "Noch nie",
  transport: "Verbunden über",
  transports: {
    "socket.io": "Live-Verbindung (Socket.IO)",
    websocket: "Live-Verbindung (WebSocket)",
    http: "HTTP, jede halbe Minute",
    none: "Nicht verbunden",
  },
  digests: "Vergleich mit dem Server",
  digestsEqual: "Stimmt Datensatz für Datensatz überein",
  digestsUnequal: "Weicht ab; wird repariert",
  digestsUnknown: "Noch nicht verglichen",
  digestMismatches:
    "{count, plural, one {Einmal wich es ab und wurde repariert} other {#-mal wich es ab und wurde repariert}}",
  led: "Geführt von",
  ledHere: "Dieser Tab",
  ledElsewhere: "Ein anderer Tab dieses Browsers",
  offlineStart: "Start ohne Server",
  offlineReady: "Bereit: Diese Seite öffnet sich auch, wenn der Server fehlt",
  offlinePreparing: "Wird vorbereitet",
  offlineInsecure:
    "Über einfaches http nicht möglich. Ohne Server können Sie weiterverkaufen, solange diese Seite offen bleibt; laden Sie sie dann nicht neu. Öffnen Sie die Kasse über https, damit auch das geht.",
  offlineUnsupported:
    "Dieser Browser kann das nicht. Ohne Server können Sie weiterverkaufen, solange diese Seite offen bleibt; laden Sie sie dann nicht neu.",
  installed: "Als App",
  installedHere: "Installiert: mit eigenem Fenster",
  installHow:
    "Nicht installiert. Das Menü des Browsers bietet es an: „Tillwire installieren“, auf dem iPad „Teilen“ und „Zum Home-Bildschirm“. Die App hat dann ein eigenes Fenster.",
  update: "Eine neue Version ist bereit",
  updateNow: "Jetzt aktualisieren",
  importTitle: "Nicht Gesendetes eines anderen Geräts",
  importHint:
    "Eine Kasse, die nicht mehr senden kann, gibt ihre Arbeit als Datei heraus („Exportieren“). Diese hier übernimmt und sendet sie.",
  import: "Datei importieren",
  importing: "Wird importiert",
  importDone:
    "{imported, plural, =0 {In dieser Datei ist nichts Neues.} one {# Änderung wurde übernommen und wird gesendet.} other {# Änderungen wurden übernommen und werden gesendet.}}",
  importKnown: "{count, plural, one {# war schon hier.} other {# waren schon hier.}}",
  importRefused:
    "{count, plural, one {# kann hier nicht übernommen werden und bleibt nur in der Datei:} other {# können hier nicht übernommen werden und bleiben nur in der Datei:}}",
  importErrors: {
    UNPROCESSABLE: "Das ist keine Datei mit nicht Gesendetem.",
    FORBIDDEN: "Diese Datei gehört einem anderen Geschäft.",
  },
  storage: "Speicherplatz dieses Geräts",
  storageUsed: "{used} von {quota} belegt ({percent} %)",
  storageUnknown: "Dieser Browser gibt darüber keine Auskunft.",
  storageKept: "Der Browser bewahrt die Daten dieser Kasse auf.",
  storageNotKept:
    "Der Browser darf die Daten löschen, wenn der Speicher fast voll ist. Installieren Sie die App oder setzen Sie ein Lesezeichen, damit er sie behält.",
  storageFull: "Dieses Gerät ist fast voll",
  storageFullHint:
    "Ohne Speicherplatz kann nicht mehr verkauft werden. Senden Sie, was wartet („Jetzt abgleichen“), oder exportieren Sie es; löschen Sie dann andere Dateien und die Daten anderer Seiten auf diesem Gerät.",
  updateIdle: "Sie wird von selbst geladen, wenn einige Minuten niemand diese Kasse benutzt. Oder laden Sie sie jetzt.",
  updateBlocked: "Möglich, sobald alles gesendet und der Warenkorb leer ist",
  upgrade: "Für den Abgleich braucht diese Kasse die neuere Version der App. Es geht nichts verloren.",
  upgradeNow: "Neue Version laden",
  reauthenticate: "Der Server kennt diese Kasse nicht mehr",
  reauthenticateText:
    "Sie wurde gesperrt, oder der Server wurde neu eingerichtet. Verkaufen Sie ruhig weiter: Alles bleibt hier gesichert. Für den Abgleich geben Sie einen neuen Code ein.",
  conflicts: "Konflikte",
  conflictsOpen:
    "{count, plural, one {# Konflikt wartet auf Entscheidung} other {# Konflikte warten auf Entscheidung}}",
  conflictsNone: "Nichts wartet auf eine Entscheidung",
  conflictsShow: "Konflikte öffnen",
  copied: "Diese Kasse läuft noch auf einem zweiten Gerät",
  copiedText:
    "Ihre Daten wurden kopiert oder aus einer Kopie zurückgespielt. Nichts ist verloren, aber zwei Geräte verkaufen jetzt unter einem Namen. Richten Sie eines der beiden mit einem eigenen Code neu ein. Danach lässt sich die Warnung in der Verwaltung zurücknehmen.",
  anew: "Diese Kasse neu einrichten",
  anewTitle: "Diese Kasse neu einrichten?",
  anewYes: "Neu einrichten",
  anewText:
    "Sie vergisst, welche Kasse sie ist, und fragt nach einem neuen Code. Alle ihre Vorgänge sind auf dem Server und bleiben dort. Tun Sie das nur auf einem der beiden Geräte.",
  anewBlocked: "Noch nicht möglich: {why}.",
  anewUnsent: "{count, plural, one {# Änderung ist} other {# Änderungen sind}} nicht gesendet",
  anewRejected:
    "{count, plural, one {# abgelehnte Änderung wartet} other {# abgelehnte Änderungen warten}} auf eine Entscheidung",
  anewCart: "der Warenkorb ist nicht leer",
  anewOffline: "der Server ist nicht erreichbar, und ohne ihn gibt es keinen neuen Code",
} as const satisfies Translation<typeof english>;
