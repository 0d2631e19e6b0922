// `npm run backup [-- PATH] [--keep N] [--verify]`: see server/README.md, "Backup and restore".
import { runCommand } from "./support/database-command.mjs";

await runCommand("backup");
