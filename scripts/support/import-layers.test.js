import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { isForbidden, layers, targetOf } from "./import-layers.js";

const root = resolve(import.meta.dirname, "../..");

function forbids(layer, file, specifier) {
  return isForbidden(layers[layer], targetOf(specifier, join(root, file)));
}

test.each([
  ["protocol-is-pure", "protocol/src/hash.ts", "./errors.ts", false],
  ["protocol-is-pure", "protocol/src/hash.ts", "zod/mini", false],
  ["protocol-is-pure", "protocol/src/hash.ts", "node:crypto", true],
  ["protocol-is-pure", "protocol/src/hash.ts", "../../server/src/decide.ts", true],
  ["decisions-are-pure", "server/src/decide.ts", "@tillwire/protocol/messages", false],
  ["decisions-are-pure", "server/src/decide.ts", "./amend-number.ts", false],
  ["decisions-are-pure", "server/src/decide.ts", "./accept.ts", true],
  ["server-meets-no-web", "server/src/hub.ts", "@tillwire/client/replica", true],
  ["server-meets-no-web", "server/src/hub.ts", "../../web/app/main.ts", true],
  ["server-meets-no-web", "server/src/hub.ts", "ws", false],
  ["web-meets-no-server", "web/app/main.ts", "ws", true],
  ["web-meets-no-server", "web/app/main.ts", "node:fs", true],
  ["web-meets-no-server", "web/app/main.ts", "@tillwire/client/replica", false],
  ["client-knows-rxjs-in-one-file", "web/client/src/replica.ts", "rxjs/operators", true],
  ["transports-see-no-store", "server/src/transports/http.ts", "../store/store.ts", true],
  ["transports-see-no-store", "server/src/transports/http.ts", "../session.ts", false],
])("%s: %s importing %s is forbidden: %s", (layer, file, specifier, forbidden) => {
  expect(forbids(layer, file, specifier)).toBe(forbidden);
});
