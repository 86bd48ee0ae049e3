// Starts the data worker of this build. Messages that come before its WASM is ready are kept.

import init, { data_worker } from "./worker/daybook_worker.js";

/** @type {string[]} */
const early = [];
self.onmessage = (event) => early.push(event.data);

// This file is served from /b/<build>/, or from / where builds have no name.
const build = /^\/b\/([^/]+)\//.exec(self.location.pathname)?.[1] ?? "";

await init({ module_or_path: new URL("./worker/daybook_worker.wasm", import.meta.url) });
const receive = data_worker(build);
self.onmessage = (event) => receive(event.data);
for (const message of early) receive(message);
