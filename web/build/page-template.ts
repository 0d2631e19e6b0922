/** The faces of the app are pages of their own that differ in title and script alone: what they share stands in page.html. */
import { readFileSync } from "node:fs";
import type { Plugin } from "vite";

const TEMPLATE = new URL("page.html", import.meta.url);

export function pageTemplate(): Plugin {
  return {
    name: "tillwire-page-template",
    configureServer: (server) => void server.watcher.add(TEMPLATE.pathname),
    transformIndexHtml: { order: "pre", handler: (page) => fillTemplate(readFileSync(TEMPLATE, "utf8"), page) },
  };
}

/** @param page its title and its script. A page that has a body already is left as it is */
export function fillTemplate(template: string, page: string): string {
  if (/<body/.test(page)) return page;
  const title = /<title>.*<\/title>/.exec(page)?.[0];
  const script = /<script .*<\/script>/.exec(page)?.[0];
  if (!title || !script) throw new Error("a page needs a title and a script");
  return template.replace("<!-- title -->", () => title).replace("<!-- script -->", () => script);
}
