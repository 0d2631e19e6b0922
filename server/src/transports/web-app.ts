/** The built web app: files with a hash in their name stay for ever, the rest is asked for each time. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance } from "fastify";

/** Faces with an address of their own; one without a page of its own is told apart by the app. */
const FACES = ["display", "admin"];

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
  app.get("/", (_request, reply) => reply.sendFile("index.html"));
  for (const face of FACES) {
    const page = existsSync(join(root, `${face}.html`)) ? `${face}.html` : "index.html";
    app.get(`/${face}`, (_request, reply) => reply.sendFile(page));
  }
}
