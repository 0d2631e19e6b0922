/**
 * Keeps the register's first load small: the JavaScript that a browser needs before somebody can sell. The build prints its size and
 * fails over the limit.
 */
import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";

const LIMIT_BYTES = 120_000;
/** The page, and the texts that it asks for at once; of the languages the longest counts. */
const PAGE = /\/index\.html$/;
const TEXTS = /\/app\/messages\/[a-z]{2}\/register\.ts$/;

interface Chunk {
  readonly fileName: string;
  readonly facadeModuleId: string | null;
  readonly imports: readonly string[];
  readonly code: string;
}

export function firstLoad(print: (line: string) => void = console.log): Plugin {
  return {
    name: "tillwire-first-load",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        const chunks = Object.values(bundle).filter((file) => file.type === "chunk");
        const sizes = firstLoadSizes(chunks);
        const total = sizes.reduce((sum, [, bytes]) => sum + bytes, 0);
        print(`The register's first load: ${kb(total)} of ${kb(LIMIT_BYTES)} gzip`);
        for (const [fileName, bytes] of sizes) print(`  ${kb(bytes).padStart(9)}  ${fileName}`);
        if (total > LIMIT_BYTES)
          throw new Error("the register's first load is too large: make a part of it lazy (parts.ts)");
      },
    },
  };
}

/** @returns file names with their bytes as gzip, largest first */
export function firstLoadSizes(chunks: readonly Chunk[]): [fileName: string, bytes: number][] {
  const page = chunks.filter((chunk) => PAGE.test(chunk.facadeModuleId ?? ""));
  if (page.length !== 1) throw new Error("the build has no page of the register");
  const needed = new Set<Chunk>();
  const need = (chunk: Chunk | undefined) => {
    if (!chunk || needed.has(chunk)) return;
    needed.add(chunk);
    for (const fileName of chunk.imports) need(chunks.find((each) => each.fileName === fileName));
  };
  page.forEach(need);
  const bytesOf = ({ code }: Chunk) => gzipSync(code, { level: 9 }).length;
  const texts = chunks.filter((chunk) => TEXTS.test(chunk.facadeModuleId ?? "") && !needed.has(chunk));
  if (texts.length === 0) throw new Error("the build has no texts of the register");
  need(texts.reduce((longest, chunk) => (bytesOf(chunk) > bytesOf(longest) ? chunk : longest)));
  return [...needed].map((chunk): [string, number] => [chunk.fileName, bytesOf(chunk)]).sort((a, b) => b[1] - a[1]);
}

function kb(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} KB`;
}
