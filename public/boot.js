// Loads the page's program and gives it the page; then puts the service worker in place and watches for new builds.

/** How often a page that stays open asks for a new build. */
const UPDATE_CHECK_MS = 60 * 60 * 1000;

/** What people read when the program cannot run here. */
const CANNOT_RUN = {
  title: 'Daybook cannot run in this browser just now.',
  more: 'Your entries are safe. Reload the page; if that does not help, update the browser or try another one.',
};

/**
 * The arrays Leptos reads when it takes over the server's page. The server streams nothing, so they are empty.
 * @returns {void}
 */
function prepare() {
  Object.assign(globalThis, {
    __RESOLVED_RESOURCES: [],
    __SERIALIZED_ERRORS: [],
    __INCOMPLETE_CHUNKS: [],
  });
}

/**
 * @returns {Promise<void>}
 */
async function start() {
  prepare();
  try {
    const program = await import('./pkg/daybook.js');
    await program.default({ module_or_path: new URL('./pkg/daybook.wasm', import.meta.url) });
    program.start();
  } catch (error) {
    console.error(error);
    explain();
  }
}

/**
 * Says in the page that the program did not start: a blank page helps nobody.
 * @returns {void}
 */
function explain() {
  const notice = document.createElement('div');
  notice.className = 'notice error';
  notice.setAttribute('role', 'alert');
  notice.dataset.testid = 'cannot-run';
  for (const text of [CANNOT_RUN.title, CANNOT_RUN.more]) {
    const line = document.createElement('p');
    line.textContent = text;
    notice.append(line);
  }
  document.body.prepend(notice);
}

/**
 * @returns {Promise<void>}
 */
async function registerServiceWorker() {
  if (!('serviceWorker' in navigator)) return;
  try {
    const registration = await navigator.serviceWorker.register('/sw.js', { updateViaCache: 'none' });
    watchForUpdates(registration);
  } catch (error) {
    // Without it everything works but for opening offline.
    console.warn('no service worker:', error);
  }
}

/**
 * A new build that waits is offered in the page, which asks for it with `daybook:reload`.
 * @param {ServiceWorkerRegistration} registration
 * @returns {void}
 */
function watchForUpdates(registration) {
  const offer = () => {
    // Without a controller this is the first install, and nothing to reload for.
    if (!registration.waiting || !navigator.serviceWorker.controller) return;
    document.documentElement.dataset.update = 'ready';
    dispatchEvent(new CustomEvent('daybook:update'));
  };
  offer();
  registration.addEventListener('updatefound', () => {
    registration.installing?.addEventListener('statechange', offer);
  });
  addEventListener('daybook:reload', () => takeOver(registration), { once: true });

  let asked = Date.now();
  const ask = () => {
    if (document.visibilityState !== 'visible' || Date.now() - asked < UPDATE_CHECK_MS) return;
    asked = Date.now();
    registration.update().catch(() => {});
  };
  document.addEventListener('visibilitychange', ask);
  setInterval(ask, UPDATE_CHECK_MS);
}

/**
 * Lets the waiting build take over, and reloads once when it has.
 * @param {ServiceWorkerRegistration} registration
 * @returns {void}
 */
function takeOver(registration) {
  if (!registration.waiting) {
    location.reload();
    return;
  }
  navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true });
  registration.waiting.postMessage('SKIP_WAITING');
}

await start();
if (document.readyState === 'complete') {
  registerServiceWorker();
} else {
  addEventListener('load', registerServiceWorker, { once: true });
}
