import eslint from "@eslint/js";
import svelte from "eslint-plugin-svelte";
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";
import { decisions, importLayers } from "./scripts/support/import-layers.js";

const tests = ["**/*.test.ts", "**/test/**", "web/e2e/**"];

// Clock, randomness and timers are parameters (a default such as `clock = Date.now` is one); these calls would hide them.
const hiddenInputs = [
  ["CallExpression[callee.object.name='Date'][callee.property.name='now']", "the clock is a parameter"],
  ["NewExpression[callee.name='Date'][arguments.length=0]", "the clock is a parameter"],
  ["CallExpression[callee.object.name='performance'][callee.property.name='now']", "the clock is a parameter"],
  ["CallExpression[callee.object.name='Math'][callee.property.name='random']", "randomness is a parameter"],
  ["CallExpression[callee.property.name=/^random(UUID|Bytes)$/]", "randomness is a parameter"],
  ["CallExpression[callee.name=/^(setTimeout|setInterval|setImmediate)$/]", "timers are a parameter"],
].map(([selector, message]) => ({ selector, message }));
const noDefaultExport = { selector: "ExportDefaultDeclaration", message: "exports have names" };

const pure = ["protocol/src/**/*.ts", ...decisions];

export default defineConfig(
  { ignores: ["**/dist/", "**/coverage/", "test-output/", "data/"] },
  eslint.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  ...svelte.configs.recommended,
  {
    languageOptions: { parserOptions: { projectService: true, extraFileExtensions: [".svelte"] } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      // TypeScript knows what is defined
      "no-undef": "off",
      eqeqeq: ["error", "always", { null: "ignore" }],
      "no-restricted-syntax": ["error", noDefaultExport],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      // interfaces whose methods are async keep that shape in their synchronous twins
      "@typescript-eslint/require-await": "off",
      // most of our methods are closures in object literals and know no `this`
      "@typescript-eslint/unbound-method": "off",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "max-lines": ["warn", { max: 250, skipBlankLines: true, skipComments: true }],
      "max-lines-per-function": ["warn", { max: 80, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ["server/src/**/*.ts", "web/client/src/**/*.ts"],
    ignores: [
      ...tests,
      "server/src/{main,embedded-postgres,launcher-connection,launch-lock,postgres-cluster,postmaster,free-port}.ts",
    ],
    rules: { "no-restricted-syntax": ["error", noDefaultExport, ...hiddenInputs] },
  },
  {
    files: pure,
    ignores: tests,
    rules: {
      "no-restricted-syntax": ["error", noDefaultExport, ...hiddenInputs],
      "no-restricted-globals": [
        "error",
        ...["console", "crypto", "document", "fetch", "indexedDB", "localStorage", "navigator", "performance"],
        ...["process", "setInterval", "setTimeout", "WebSocket", "window"],
      ],
    },
  },
  ...importLayers(),
  {
    files: tests,
    rules: {
      "max-lines": "off",
      "max-lines-per-function": "off",
      // bodies of answers are looked into freely
      "@typescript-eslint/no-explicit-any": "off",
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-call": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-return": "off",
    },
  },
  {
    // svelte-check looks at the types of components; here they would be looked up once more, slowly
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: tseslint.parser, projectService: false, program: null } },
    rules: { ...tseslint.configs.disableTypeChecked.rules, "@typescript-eslint/switch-exhaustiveness-check": "off" },
  },
  {
    files: ["**/*.js", "**/*.mjs", "**/*.config.ts"],
    ...tseslint.configs.disableTypeChecked,
    rules: {
      ...tseslint.configs.disableTypeChecked.rules,
      "@typescript-eslint/switch-exhaustiveness-check": "off",
      "no-restricted-syntax": "off",
    },
  },
);
