// `npm run restore -- PATH`: see server/README.md, "Backup and restore".
import { runCommand } from "./support/database-command.mjs";

await runCommand("restore");
