/**
 * "Who may import whom" as ESLint rules: each layer of the table below becomes a rule of its own, so that several can
 * hold for one file. Imports are compared by where they lead: a path from the repository's root, or a package.
 */
import { dirname, relative, resolve, sep } from "node:path";

const root = resolve(import.meta.dirname, "../..");
const tests = ["**/*.test.ts"];

/** Modules that decide: plain files here, so that they may import each other. */
export const decisions = [
  "server/src/decide.ts",
  "server/src/policies.ts",
  "server/src/settle.ts",
  "server/src/settling-write.ts",
  "server/src/open-conflict.ts",
  "server/src/take-write.ts",
  "server/src/amend-number.ts",
  "server/src/checked-write.ts",
  "server/src/write-base.ts",
  "server/src/kept-write.ts",
  "server/src/conflict-record.ts",
  "web/client/src/outbox.ts",
  "web/client/src/settlement.ts",
  "web/client/src/settling-row.ts",
  "web/client/src/open-conflicts.ts",
  "web/client/src/link-state.ts",
];

/** `allow`: nothing else may be imported. `deny`: everything else may. Entries cover what lies below them. */
export const layers = {
  "protocol-is-pure": {
    files: ["protocol/src/**/*.ts"],
    ignores: [...tests, "protocol/src/sha256-*.ts"],
    allow: ["protocol/src", "zod", "#sha256"],
    why: "protocol/ holds zod and pure functions only",
  },
  "hashing-is-small": {
    files: ["protocol/src/sha256-*.ts"],
    allow: ["@noble/hashes", "node:crypto"],
    why: "the two hash files hold nothing but the hash",
  },
  "decisions-are-pure": {
    files: decisions,
    ignores: tests,
    allow: ["protocol/src", ...decisions],
    typesFromAnywhere: true,
    why: "what decides is pure, over protocol/ alone; of the rest it knows types",
  },
  "server-meets-no-web": {
    files: ["server/src/**/*.ts"],
    deny: ["web", "scripts", "svelte", "rxjs", "vite"],
    why: "server and web never meet; only scripts and tests import both",
  },
  "web-meets-no-server": {
    files: ["web/app/**/*.{ts,svelte}", "web/client/src/**/*.ts", "web/*.ts"],
    ignores: [...tests, "web/vite.config.ts"],
    deny: ["server", "scripts", "node:", "fastify", "pino", "postgres", "ws", "socket.io"],
    why: "what runs in a browser imports nothing of the server or of Node",
  },
  "client-knows-no-framework": {
    files: ["web/client/src/**/*.ts"],
    deny: ["svelte", "@sveltejs", "bits-ui", "web/app"],
    why: "@tillwire/client is free of any framework",
  },
  "client-knows-rxjs-in-one-file": {
    files: ["web/client/src/**/*.ts"],
    ignores: ["web/client/src/observe*.ts"],
    deny: ["rxjs"],
    why: "observe.ts alone turns the client into observables",
  },
  "transports-see-no-store": {
    files: ["server/src/transports/**/*.ts"],
    ignores: tests,
    deny: ["postgres", "server/src/store", "server/src/migrate.ts", "server/src/embedded-postgres.ts"],
    why: "transports carry messages; they know one interface and no SQL",
  },
  "sql-in-the-store-only": {
    files: ["server/src/**/*.ts"],
    ignores: [
      ...tests,
      "server/src/{store,backup}/**",
      "server/src/{main,server,migrate,database-check,launcher-connection}.ts",
    ],
    deny: ["postgres"],
    why: "every SQL statement lives in server/src/store",
  },
};

const workspaces = {
  "@tillwire/protocol": "protocol/src",
  "@tillwire/server": "server/src",
  "@tillwire/client": "web/client/src",
};

/** Where `specifier` leads, seen from `file`: a path from the root with "/", or the package's own name and subpath. */
export function targetOf(specifier, file) {
  if (specifier.startsWith(".")) {
    return relative(root, resolve(dirname(file), specifier))
      .split(sep)
      .join("/");
  }
  for (const [name, folder] of Object.entries(workspaces)) {
    if (specifier.startsWith(`${name}/`)) return `${folder}/${specifier.slice(name.length + 1)}.ts`;
  }
  return specifier;
}

function covers(entry, target) {
  return target === entry || target.startsWith(entry.endsWith(":") ? entry : `${entry}/`);
}

export function isForbidden({ allow, deny }, target) {
  if (allow) return !allow.some((entry) => covers(entry, target));
  return deny.some((entry) => covers(entry, target));
}

function ruleOf(layer) {
  return {
    meta: { type: "problem", messages: { forbidden: "'{{specifier}}' may not be imported here: {{why}}" }, schema: [] },
    create(context) {
      function check({ source, importKind }) {
        if (typeof source?.value !== "string") return;
        if (layer.typesFromAnywhere && importKind === "type") return;
        if (!isForbidden(layer, targetOf(source.value, context.filename))) return;
        context.report({ node: source, messageId: "forbidden", data: { specifier: source.value, why: layer.why } });
      }
      return {
        ImportDeclaration: check,
        ExportNamedDeclaration: check,
        ExportAllDeclaration: check,
        ImportExpression: check,
      };
    },
  };
}

/** The configuration objects to spread into eslint.config.js. */
export function importLayers() {
  const rules = Object.fromEntries(Object.entries(layers).map(([name, layer]) => [name, ruleOf(layer)]));
  const plugin = { meta: { name: "layers" }, rules };
  return Object.entries(layers).map(([name, { files, ignores = [] }]) => ({
    files,
    ignores,
    plugins: { layers: plugin },
    rules: { [`layers/${name}`]: "error" },
  }));
}
