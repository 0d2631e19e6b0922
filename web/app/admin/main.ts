/** The back office's entry: a page of its own, which loads nothing of the replica. */
import { browserEnvironment } from "../browser-environment.ts";
import { openPage } from "../open-page.ts";
import Admin from "./admin.svelte";

void openPage(Admin, { env: browserEnvironment() }, "admin", "conflicts");
