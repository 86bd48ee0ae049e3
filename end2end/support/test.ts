// The fixtures every journey uses: a server of its own, people on devices, and an eye on the
// console. A violation of the content security policy or an error nobody expects fails the test.

import { type BrowserContext, test as base, expect } from "@playwright/test";
import { Daybook } from "./daybook.js";
import { Person } from "./person.js";

interface Fixtures {
  /** A server with an empty database. */
  daybook: Daybook;
  /** A new browser profile: one device. */
  device: () => Promise<BrowserContext>;
  /** Somebody with a new account on a device of their own. */
  person: Person;
}

/** What Chromium logs by itself when a server is away or a session has ended. */
const EXPECTED = [
  /net::ERR_INTERNET_DISCONNECTED/,
  /net::ERR_CONNECTION_REFUSED/,
  /net::ERR_CONNECTION_RESET/,
  /net::ERR_EMPTY_RESPONSE/,
  /net::ERR_INCOMPLETE_CHUNKED_ENCODING/,
  /net::ERR_NETWORK_CHANGED/,
  /status of 4(01|03|09|10|22|29)/,
];

export const test = base.extend<Fixtures>({
  daybook: async ({}, use) => {
    const daybook = await Daybook.start();
    await use(daybook);
    await daybook.remove();
  },

  device: async ({ browser }, use) => {
    const contexts: BrowserContext[] = [];
    const unexpected: string[] = [];
    await use(async () => {
      const context = await browser.newContext({ reducedMotion: "reduce" });
      contexts.push(context);
      context.on("console", (message) => {
        const text = message.text();
        if (message.type() === "error" && !EXPECTED.some((known) => known.test(text))) {
          unexpected.push(text);
        }
      });
      context.on("weberror", (error) => unexpected.push(String(error.error())));
      return context;
    });
    for (const context of contexts) await context.close();
    expect(unexpected, "errors in the console").toEqual([]);
  },

  person: async ({ device, daybook }, use) => {
    await use(await Person.signUp(await device(), daybook));
  },
});

export { expect };
