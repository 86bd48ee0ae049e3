// The shell without a network: keeps this build's files, answers navigations from them, and lets the page decide when a
// new build takes over. The server writes two lines above this file when it serves it: BUILD, the build's name, and
// PRECACHE, the addresses of its files.

/** @typedef {ServiceWorkerGlobalScope & { BUILD?: string }} Scope */
/* global BUILD, PRECACHE */

/** Every cache of ours is called so, and its build. */
const OURS = 'daybook-';

/** This build's cache. */
const CACHE = OURS + BUILD;

/** The document that every address of the page opens with. */
const SHELL = '/_shell';

/** Addresses that are not pages: the server answers these itself, or nobody does. */
const NOT_PAGES = ['/api', '/healthz', '/readyz', '/metrics', '/docs', '/sw.js', '/b', '/_shell'];

/** Files without a build in their address, which change seldom. */
const SELDOM = ['/icons/', '/manifest.webmanifest'];

const worker = /** @type {Scope} */ (/** @type {unknown} */ (self));

worker.addEventListener('install', (event) => {
  event.waitUntil(install());
});

worker.addEventListener('activate', (event) => {
  event.waitUntil(activate());
});

worker.addEventListener('message', (event) => {
  if (event.data === 'SKIP_WAITING') worker.skipWaiting();
});

worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== location.origin) return;
  if (request.mode === 'navigate') {
    if (!isBelow(url.pathname, NOT_PAGES)) event.respondWith(shell(request));
  } else if (url.pathname.startsWith('/b/')) {
    event.respondWith(cacheFirst(request));
  } else if (SELDOM.some((start) => url.pathname.startsWith(start))) {
    event.respondWith(keepSeldom(request));
  }
});

/**
 * All files or none: a build that is not whole is not installed, and the old one goes on.
 * @returns {Promise<void>}
 */
async function install() {
  const cache = await caches.open(CACHE);
  try {
    // Past the browser's own cache: what is kept must be what the server has now.
    const files = PRECACHE.map((url) => new Request(url, { cache: 'no-cache' }));
    const page = new Request(SHELL, { cache: 'no-cache', headers: { accept: 'text/html' } });
    await cache.addAll([page, ...files]);
  } catch (error) {
    await caches.delete(CACHE);
    throw error;
  }
}

/**
 * Older builds' files go; other caches of this origin are not ours to touch.
 * @returns {Promise<void>}
 */
async function activate() {
  const names = await caches.keys();
  const older = names.filter((name) => name.startsWith(OURS) && name !== CACHE);
  await Promise.all(older.map((name) => caches.delete(name)));
  await worker.clients.claim();
}

/**
 * Whether a path is one of these or below one.
 * @param {string} path
 * @param {string[]} roots
 * @returns {boolean}
 */
function isBelow(path, roots) {
  return roots.some((root) => path === root || path.startsWith(`${root}/`));
}

/**
 * The shell of this build, whatever the address.
 * @param {Request} request
 * @returns {Promise<Response>}
 */
async function shell(request) {
  const cached = await caches.match(SHELL, { cacheName: CACHE });
  return cached ?? fetch(request);
}

/**
 * A file of a build never changes, so the kept one is right.
 * @param {Request} request
 * @returns {Promise<Response>}
 */
async function cacheFirst(request) {
  const cached = await caches.match(request, { cacheName: CACHE, ignoreVary: true });
  return cached ?? fetch(request);
}

/**
 * Kept once seen.
 * @param {Request} request
 * @returns {Promise<Response>}
 */
async function keepSeldom(request) {
  const cache = await caches.open(CACHE);
  const cached = await cache.match(request);
  if (cached) return cached;
  const response = await fetch(request);
  if (response.ok) await cache.put(request, response.clone());
  return response;
}
