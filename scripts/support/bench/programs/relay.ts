/** A raw relay: what one link sends goes to all links, this one included. No storage, no checks: the least that live costs. */
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import { serve } from "../program.ts";

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false, backlog: 4096 });
server.on("connection", (socket) => {
  socket.on("error", () => undefined);
  socket.on("message", (data) => {
    for (const each of server.clients) each.send(data, { binary: false });
  });
});

serve({
  heap: () => process.memoryUsage().heapUsed,
  async listen() {
    if (server.address() === null) await new Promise((resolve) => server.once("listening", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  },
});
