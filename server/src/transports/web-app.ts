/** The built web app: files with a hash in their name stay for ever, the rest is asked for each time. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance } from "fastify";

/** Addresses that the app itself tells apart. */
const PAGES = ["/", "/display", "/admin"];

export async function addWebApp(app: FastifyInstance, root: string | null): Promise<void> {
  if (root === null || !existsSync(join(root, "index.html"))) {
    app.get("/", (_request, reply) =>
      reply.type("text/plain").send("Tillwire runs. The web app is not built: npm run build.\n"),
    );
    return;
  }
  await app.register(fastifyStatic, {
    root,
    index: false,
    cacheControl: false,
    setHeaders(response, path) {
      const hashed = path.startsWith(join(root, "assets"));
      response.setHeader("cache-control", hashed ? "public, max-age=31536000, immutable" : "no-cache");
    },
  });
  for (const page of PAGES) app.get(page, (_request, reply) => reply.sendFile("index.html"));
}
