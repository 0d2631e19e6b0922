import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  linkSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LaunchLock } from "./launch-lock.ts";
import { processStart } from "./process-start.ts";

let parent: string;
let directory: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "tillwire-lock-"));
  directory = join(parent, "launching");
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

function heldBy(number: number, holder: object): void {
  new LaunchLock(directory).take();
  for (const name of readdirSync(directory)) rmSync(join(directory, name));
  writeFileSync(join(directory, String(number)), JSON.stringify(holder));
}

test("one holder at a time, and the next one after it", () => {
  const [one, two] = [new LaunchLock(directory), new LaunchLock(directory)];
  expect(one.take()).toBeUndefined();
  expect(two.take()).toBe(process.pid);
  one.release();
  expect(two.take()).toBeUndefined();
  expect(one.take()).toBe(process.pid);
  two.release();
});

test("a dead holder's lock is taken over", async () => {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  const { pid } = child as { pid: number };
  heldBy(7, { pid, start: processStart(pid) });
  expect(new LaunchLock(directory).take()).toBe(pid);
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(new LaunchLock(directory).take()).toBeUndefined();
  expect(readdirSync(directory).sort()).toEqual(["7", "8"]);
});

test("the draft that a killed process left, another name of its claim, is not written to", () => {
  const claim = JSON.stringify({ pid: process.pid, start: "before" });
  heldBy(3, {});
  writeFileSync(join(directory, "3"), claim);
  linkSync(join(directory, "3"), join(directory, `draft-${String(process.pid)}`));
  expect(new LaunchLock(directory).take()).toBeUndefined();
  expect(readFileSync(join(directory, "3"), "utf8")).toBe(claim);
});

test("drafts that killed processes left are removed when they are old", () => {
  heldBy(3, {});
  const old = new Date(Date.now() - 3_600_000);
  for (const name of ["draft-1-old", "draft-1-new"]) writeFileSync(join(directory, name), "");
  utimesSync(join(directory, "draft-1-old"), old, old);
  expect(new LaunchLock(directory).take()).toBeUndefined();
  expect(readdirSync(directory).sort()).toEqual(["3", "4", "draft-1-new"]);
});

test("a number that belongs to a later process is not the holder", () => {
  heldBy(3, { pid: process.pid, start: "before" });
  expect(new LaunchLock(directory).take()).toBeUndefined();
});

test("a holder whose start is unknown counts as alive while its number is taken", () => {
  heldBy(3, { pid: process.pid, start: null });
  expect(new LaunchLock(directory).take()).toBe(process.pid);
});

test.each(["", "{", "null", "{}"])(
  "a file that a machine left damaged as it went down (%j) holds nothing up",
  (text) => {
    heldBy(3, {});
    writeFileSync(join(directory, "3"), text);
    expect(new LaunchLock(directory).take()).toBeUndefined();
  },
);

test("its files do not pile up", () => {
  const lock = new LaunchLock(directory);
  for (let times = 1; times <= 100; times++) {
    lock.take();
    lock.release();
  }
  expect(readdirSync(directory).length).toBeLessThan(70);
  expect(readdirSync(directory)).toContain("200.free");
});

test("of processes that all want it at once, one at a time has it", async () => {
  // Whoever holds it makes a directory and removes it again; somebody who finds it there was not alone.
  const program = `
    const { LaunchLock } = await import(${JSON.stringify(resolve(import.meta.dirname, "launch-lock.ts"))});
    const { mkdirSync, rmdirSync } = await import("node:fs");
    const [, directory, room] = process.argv;
    for (let times = 0; times < 25;) {
      const lock = new LaunchLock(directory);
      if (lock.take() !== undefined) continue;
      mkdirSync(room);
      rmdirSync(room);
      times++;
      // some die with it
      if (times === 25) process.kill(process.pid, "SIGKILL");
      lock.release();
    }`;
  const room = join(parent, "room");
  const options = ["--import", "tsx", "--input-type=module", "-e", program, directory, room];
  const ends = Array.from({ length: 3 }, async () => {
    for (let lives = 1; lives <= 2; lives++) {
      const child = spawn(process.execPath, options, { stdio: ["ignore", "ignore", "inherit"] });
      const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
      expect({ code, signal }).toEqual({ code: null, signal: "SIGKILL" });
    }
  });
  await Promise.all(ends);
  expect(existsSync(room)).toBe(false);
}, 60_000);
