/**
 * Lets the app start without the server: the files of one build, kept together under one version. Nothing of the API
 * is ever kept here; data lives in IndexedDB alone.
 */
/// <reference lib="webworker" />
export {}; // a module: `self` below is the worker, not the window
declare const self: ServiceWorkerGlobalScope;
declare const __PRECACHE_MANIFEST__: { readonly version: string; readonly urls: readonly string[] };

const manifest = __PRECACHE_MANIFEST__;
const PREFIX = "tillwire-";
const cacheName = PREFIX + manifest.version;
const kept = new Set(manifest.urls);
/** Addresses of the server, never of a page. */
const SERVER = /^\/(api|sync|socket\.io|metrics|healthz|readyz)(\/|$)/;

self.addEventListener("install", (event) => {
  event.waitUntil(install());
});
self.addEventListener("activate", (event) => {
  event.waitUntil(activate());
});
self.addEventListener("message", (event) => {
  // A new build waits until the page asks for it: never in the middle of a sale.
  if (event.data === "activate") void self.skipWaiting();
});
self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self.location.origin || SERVER.test(url.pathname)) return;
  if (event.request.mode === "navigate") event.respondWith(fromCache(pageOf(url.pathname), event.request));
  else if (kept.has(url.pathname)) event.respondWith(fromCache(url.pathname, event.request));
});

async function install(): Promise<void> {
  const cache = await caches.open(cacheName);
  // Past the browser's own cache: index.html must be the one that names these assets.
  await cache.addAll(manifest.urls.map((url) => new Request(url, { cache: "reload" })));
}

async function activate(): Promise<void> {
  for (const name of await caches.keys()) if (name.startsWith(PREFIX) && name !== cacheName) await caches.delete(name);
  // The first visit counts: its next reload may already be offline.
  await self.clients.claim();
}

/** A face with a page of its own (`/display`), or the register. */
function pageOf(path: string): string {
  const page = path.replace(/\/+$/, "");
  return kept.has(page) ? page : "/";
}

async function fromCache(url: string, request: Request): Promise<Response> {
  const cache = await caches.open(cacheName);
  return (await cache.match(url)) ?? fetch(request);
}
