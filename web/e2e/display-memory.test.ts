/** A board that runs for weeks: ten thousand changes and fifty lost links later it is as small as before. */
import { createReplica } from "@tillwire/client/replica";
import { browserEnvironment } from "@tillwire/client/browser";
import { enrol } from "@tillwire/client/enrol";
import { MemoryDatabase, openMemoryStore } from "@tillwire/client/memory-store";
import { webSocketLinks } from "@tillwire/client/transports/websocket";
import type { Replica } from "@tillwire/client/api";
import type { Order } from "@tillwire/protocol/pos/orders";
import { SHOP_COLLECTIONS } from "@tillwire/protocol/pos/shop";
import { ticketOf } from "@tillwire/protocol/pos/ticket-of-order";
import { moveTicket } from "@tillwire/protocol/pos/ticket-steps";
import { tickets, type Ticket } from "@tillwire/protocol/pos/tickets";
import type { CDPSession } from "playwright-core";
import { filter, firstValueFrom } from "rxjs";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { startFaultProxy } from "../../scripts/support/fault-proxy.ts";
import { createTestDatabase } from "../../server/test/support/database.ts";
import { Board } from "./support/board.ts";
import { launchBrowser, newDevice } from "./support/browser.ts";
import { newCode } from "./support/register.ts";
import { startServer, type ServerProcess } from "./support/server-process.ts";

const ROUNDS = 50;
const TICKETS_A_ROUND = 50;
const STEPS = ["new", "preparing", "ready", "served"] as const;

async function scriptDevice(server: ServerProcess): Promise<Replica> {
  const identity = await enrol(server.url, await newCode(server, "Script", "script"));
  const links = webSocketLinks((url) => new WebSocket(url));
  const env = browserEnvironment({
    openStore: async () => openMemoryStore(new MemoryDatabase()),
    openChannel: () => null,
  });
  return createReplica(
    { url: server.url, identity, collections: SHOP_COLLECTIONS, subscribe: [tickets.name], live: ["websocket"] },
    { ...env, locks: null, openLink: { ...env.openLink, websocket: links } },
  );
}

function newTickets(round: number): Ticket[] {
  return Array.from({ length: TICKETS_A_ROUND }, (_, i) => {
    const id = `${round}-${i}`;
    const items = ["Flat White", "Ham & cheese toastie", "Carrot Cake"].map((name, at) => ({
      id: `${id}-${at}`,
      product: { id: name, name, price: 4.2 },
      quantity: 1 + (at % 2),
      notes: at === 1 ? "no onions, please" : null,
    }));
    const order = { id, orderNumber: `S1-${String(round * TICKETS_A_ROUND + i + 1).padStart(6, "0")}`, items };
    return ticketOf(order as unknown as Order, { before: null, now: Date.now() })!;
  });
}

interface Size {
  readonly heapMiB: number;
  readonly nodes: number;
  readonly listeners: number;
}
async function sizeOf(session: CDPSession): Promise<Size> {
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  const { nodes, jsEventListeners } = await session.send("Memory.getDOMCounters");
  return { heapMiB: usedSize / 2 ** 20, nodes, listeners: jsEventListeners };
}

test("10,000 changes and 50 reconnects leave a board's memory flat", { timeout: 600_000 }, async () => {
  const database = await createTestDatabase();
  const [server, browser] = await Promise.all([startServer({ where: { databaseUrl: database.url } }), launchBrowser()]);
  const cable = await startFaultProxy(server.port);
  const board = await Board.enrolled(
    await newDevice(browser, { baseURL: cable.url, reducedMotion: true }),
    server,
    "Weeks",
  );
  const session = await board.context.newCDPSession(board.page);
  const script = await scriptDevice(server);
  const sent = () => firstValueFrom(script.stats$.pipe(filter(({ pending }) => pending === 0)));
  let reconnects = 0;
  board.page.on("websocket", () => reconnects++);
  const sizes: Size[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    let current = newTickets(round);
    for (const to of STEPS) {
      current = current.map((ticket) => (to === "new" ? ticket : moveTicket(ticket, to)));
      await script.batch(() => current.map((data) => ({ op: "put", collection: tickets.name, data })));
      // a step that is not sent yet would be one with the next
      await sent();
      // in the middle of it, and at another step each time
      if (STEPS.indexOf(to) === round % STEPS.length) cable.cut();
    }
    await board.page.getByTestId("all-clear").waitFor({ timeout: 30_000 });
    // not by polling alone: the next cut needs a link to cut
    await expect.poll(() => reconnects, { timeout: 30_000 }).toBeGreaterThan(round);
    if (round % 10 === 9) sizes.push(await sizeOf(session));
  }
  console.log(
    sizes.map(({ heapMiB, nodes, listeners }) => `${heapMiB.toFixed(2)} MiB, ${nodes} nodes, ${listeners} listeners`),
  );
  const [changes] = await database.sql<{ head: number }[]>`select head::int as head from stores`;
  expect(changes!.head).toBeGreaterThanOrEqual(10_000);
  expect(reconnects).toBeGreaterThanOrEqual(ROUNDS);
  const [first, last] = [sizes[0]!, sizes.at(-1)!];
  expect(last.heapMiB - first.heapMiB).toBeLessThan(1);
  expect(last.nodes - first.nodes).toBeLessThan(300);
  expect(last.listeners - first.listeners).toBeLessThan(50);
  // what was served last can still be called back
  await board.page.getByTestId("recall").click();
  expect(await board.page.getByTestId("served").count()).toBe(30);
  await script.close();
  await browser.close();
  await cable.close();
  await server.stop();
  await database.drop();
});
