/** The back office's entry: a page of its own, which loads nothing of the replica. */
import "../theme/base.css";
import { mount } from "svelte";
import * as z from "zod/mini";
import { browserEnvironment } from "../browser-environment.ts";
import { speak } from "../messages/messages.svelte.ts";
import Admin from "./admin.svelte";

// The content security policy forbids compiling code, which zod would otherwise try.
z.config({ jitless: true });

const env = browserEnvironment();
speak(env.languages);
const target = document.getElementById("app");
if (!target) throw new Error("admin.html has no #app");
mount(Admin, { target, props: { env } });
