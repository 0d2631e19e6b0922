import { expect, test } from "vitest";
import { Program } from "./program.ts";

test("a program that was stopped rejects whatever it is asked, and harms nobody", { timeout: 30_000 }, async () => {
  const program = await Program.start("relay");
  const asked = program.ask("unknown", null).then(
    () => "answered",
    () => "refused",
  );
  expect(await asked).toBe("refused");
  await program.stop();
  await expect(program.ask("listen", null)).rejects.toMatchObject({ code: "ERR_IPC_CHANNEL_CLOSED" });
});
