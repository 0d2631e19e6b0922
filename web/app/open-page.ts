/** What every page of the app starts with: its look, its texts, and then its one component. */
import "./theme/base.css";
import { mount, type Component } from "svelte";
import * as z from "zod/mini";
import type { Environment } from "./environment.ts";
import type { MessagePart } from "./messages/languages.ts";
import { needTexts, speak } from "./messages/messages.svelte.ts";
import { applyScheme, readScheme, SCHEME_MEMORY } from "./theme/scheme.ts";

/** @param parts the texts that it reads beyond those of `register` */
export async function openPage<Props extends { env: Environment }>(
  page: Component<Props>,
  props: Props,
  ...parts: readonly MessagePart[]
): Promise<void> {
  // The content security policy forbids compiling code, which zod would otherwise try.
  z.config({ jitless: true });
  applyScheme(readScheme(props.env.deviceMemory.read(SCHEME_MEMORY)));
  await speak(props.env.languages);
  await needTexts("register", ...parts);
  const target = document.getElementById("app");
  if (!target) throw new Error("the page has no #app");
  mount(page, { target, props });
}
