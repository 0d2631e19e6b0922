import { describe, expect, test } from "vitest";
import { ConfigError, readConfig } from "./config.ts";
import { databaseFaults } from "./database-check.ts";

describe("settings", () => {
  test("nothing set: embedded database, port 8080, every 30 s", () => {
    expect(readConfig({})).toMatchObject({
      port: 8080,
      database: null,
      dataDir: "./data",
      adminToken: null,
      syncIntervalSeconds: 30,
    });
    expect(readConfig({ SERVER_PORT: "", DATABASE_URL: "" })).toEqual(readConfig({}));
  });

  test("the seed's database settings are understood", () => {
    const { database } = readConfig({
      DATABASE_URL: "jdbc:postgresql://localhost:5432/auraflow_pos",
      DATABASE_USER: "postgres",
      DATABASE_PASSWORD: "secret",
    });
    expect(database).toEqual({ url: "postgresql://localhost:5432/auraflow_pos", user: "postgres", password: "secret" });
  });

  test("origins are a list", () => {
    const { allowedOrigins } = readConfig({ ALLOWED_ORIGINS: "https://a.example/, https://b.example" });
    expect(allowedOrigins).toEqual(["https://a.example", "https://b.example"]);
  });

  test("origins are understood as browsers write them, whichever way they were written", () => {
    const written = "HTTPS://Shop.Example:443/till/, http://10.0.0.5:80, capacitor://localhost, *";
    const { allowedOrigins } = readConfig({ ALLOWED_ORIGINS: written });
    expect(allowedOrigins).toEqual(["https://shop.example", "http://10.0.0.5", "capacitor://localhost", "*"]);
  });

  test.each([
    ["SERVER_PORT", "eighty"],
    ["SERVER_PORT", "70000"],
    ["DATABASE_URL", "mysql://x"],
    ["ADMIN_TOKEN", "short"],
    ["LOG_LEVEL", "loud"],
    ["SYNC_INTERVAL_SECONDS", "0"],
    ["ALLOWED_ORIGINS", "shop"],
  ])("%s=%s is refused by its name", (name, value) => {
    expect(() => readConfig({ [name]: value })).toThrow(ConfigError);
    expect(() => readConfig({ [name]: value })).toThrow(name);
  });
});

describe("the database", () => {
  const good = [
    ["server_version_num", "150004"],
    ["fsync", "on"],
    ["full_page_writes", "on"],
    ["synchronous_commit", "on"],
  ] as const;
  test("that keeps what it confirms is taken", () => {
    expect(databaseFaults(new Map(good))).toEqual([]);
    expect(databaseFaults(new Map([...good, ["synchronous_commit", "remote_apply"]]))).toEqual([]);
  });

  test.each([["fsync"], ["full_page_writes"], ["synchronous_commit"]])("with %s off is refused", (name) => {
    expect(databaseFaults(new Map([...good, [name, "off"]])).join()).toContain(name);
  });

  test("older than 15 is refused", () => {
    expect(databaseFaults(new Map([...good, ["server_version_num", "140011"]]))).toHaveLength(1);
  });
});
