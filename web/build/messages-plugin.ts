/** Compiles the ICU messages of `app/messages/<language>/*.ts`, so that browsers get no parser of them. */
import compile from "icu-minify/compile";
import { parseAst, type Plugin } from "vite";

const MESSAGE_FILE = /\/app\/messages\/[a-z]{2}\/[a-z-]+\.ts$/;

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly value?: unknown;
}

export function compiledMessages(): Plugin {
  return {
    name: "tillwire-messages",
    enforce: "pre",
    transform: {
      filter: { id: MESSAGE_FILE },
      handler: (code) => ({ code: compileMessages(code), map: null }),
    },
  };
}

/** @param code a message file: every text that is the value of a property is a message */
export function compileMessages(code: string): string {
  const messages: { start: number; end: number; text: string }[] = [];
  const visit = (node: Node) => {
    const value = node.type === "Property" ? (node.value as Node) : null;
    if (value?.type === "Literal" && typeof value.value === "string") {
      messages.push({ start: value.start, end: value.end, text: value.value });
    }
    for (const child of Object.values(node)) for (const each of [child].flat()) if (isNode(each)) visit(each);
  };
  visit(parseAst(code, { lang: "ts" }));
  let compiled = code;
  // from the end, so that the places before stay where they are
  for (const { start, end, text } of messages.reverse()) {
    compiled = compiled.slice(0, start) + JSON.stringify(compile(text)) + compiled.slice(end);
  }
  return compiled;
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as Node).type === "string";
}
