/** In front of the server: it may say that there is a newer build of the app, by another service worker. */
import { createServer, request, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";

export interface BuildProxy {
  readonly url: string;
  /** From now on the server has another build. */
  renew(): void;
  close(): Promise<void>;
}

/** @param port of the server */
export async function startBuildProxy(port: number): Promise<BuildProxy> {
  let newer = "";
  const upstream = ({ method, url, headers }: IncomingMessage) =>
    request({ host: "127.0.0.1", port, method, path: url, headers });
  const server = createServer((incoming, outgoing) => {
    const isWorker = incoming.url === "/service-worker.js";
    if (isWorker) for (const header of ["if-none-match", "if-modified-since"]) delete incoming.headers[header];
    const passed = upstream(incoming).on("response", (answer) => {
      const { "content-length": _length, ...headers } = answer.headers;
      outgoing.writeHead(answer.statusCode ?? 502, isWorker ? headers : answer.headers);
      answer.pipe(outgoing, { end: !isWorker });
      if (isWorker) answer.on("end", () => outgoing.end(newer));
    });
    passed.on("error", () => outgoing.destroy());
    incoming.pipe(passed);
  });
  server.on("upgrade", (incoming, socket, head) => {
    const link = connect(port, "127.0.0.1", () => {
      const headers = incoming.rawHeaders
        .map((text, index) => (index % 2 === 0 ? `${text}: ` : `${text}\r\n`))
        .join("");
      link.write(`${incoming.method} ${incoming.url} HTTP/1.1\r\n${headers}\r\n`);
      link.write(head);
      link.pipe(socket).pipe(link);
    });
    for (const end of [link, socket]) end.on("error", () => void [link.destroy(), socket.destroy()]);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    renew: () => (newer = "\n// a newer build"),
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}
