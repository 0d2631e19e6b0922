// `npx tsx scripts/conflict-table.ts`: writes server/CONFLICTS.md anew.
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { conflictDocument } from "./support/conflict-document.ts";

writeFileSync(resolve(import.meta.dirname, "../server/CONFLICTS.md"), conflictDocument());
