// The public face: scripts steer sync through `window.daybook` and hear of it by hooks.

import type { Person } from "../support/person.js";
import { expect, test } from "../support/test.js";

interface Face {
  initializeSync(): boolean;
  connectToSyncServer(url?: string): Promise<boolean>;
  disconnectFromSyncServer(reason?: string): void;
  cleanupSync(): void;
  resetLSN(): Promise<boolean>;
  onSyncEvent(event: string, callback: (detail: unknown) => void): void;
  hook(key: string, callback: (payload: unknown, key: string) => void): void;
  unhook(key: string, callback: (payload: unknown, key: string) => void): void;
}

interface Heard {
  key: string;
  payload: unknown;
}

declare global {
  interface Window {
    daybook: Face;
    heard: Heard[];
  }
}

/** Notes every hook and the events that tell of the link. */
async function listen(person: Person): Promise<void> {
  await person.page.evaluate(() => {
    window.heard = [];
    window.daybook.hook("*", (payload, key) => window.heard.push({ key, payload }));
    for (const key of ["connected", "disconnected"]) {
      window.daybook.onSyncEvent(key, (payload) => window.heard.push({ key, payload }));
    }
  });
}

function heard(person: Person, key: string): Promise<unknown[]> {
  return person.page.evaluate(
    (wanted) => window.heard.filter((one) => one.key === wanted).map((one) => one.payload),
    key,
  );
}

test("sync can be ended and begun again, and what was written meanwhile is sent then", async ({ person }) => {
  await person.isSynced();
  await listen(person);
  await person.page.evaluate(() => window.daybook.disconnectFromSyncServer("a test"));
  await expect(person.header).toHaveAttribute("data-sync-code", "disconnected");
  await expect.poll(() => heard(person, "disconnected")).toEqual([{ reason: "stopped" }]);
  await person.write("written apart");
  await expect(person.tick("written apart")).toHaveAttribute("data-tick", "local");

  expect(await person.page.evaluate(() => window.daybook.connectToSyncServer())).toBe(true);
  await expect(person.tick("written apart")).toHaveAttribute("data-tick", "synced");
  await person.isSynced();
  expect(await heard(person, "connected")).toEqual([{}]);
});

test("a journal goes to the server it came from and to no other", async ({ person }) => {
  await person.isSynced();
  const connect = (url: string) =>
    person.page.evaluate((to) => window.daybook.connectToSyncServer(to), url);
  expect(await connect("https://elsewhere.example")).toBe(false);
  expect(await connect("carrier-pigeon://nowhere")).toBe(false);
  await person.isSynced();
  expect(await connect(person.daybook.url)).toBe(true);
  await person.isSynced();
});

test("everything can be taken anew, and nothing is missing or doubled", async ({ person }) => {
  await person.isSynced();
  await person.write("here before");
  await expect(person.tick("here before")).toHaveAttribute("data-tick", "synced");
  await listen(person);
  expect(await person.page.evaluate(() => window.daybook.resetLSN())).toBe(true);
  await expect.poll(() => heard(person, "sync.rescan:action:completed")).toEqual([{}]);
  expect(await heard(person, "sync.rescan:action:starting")).toEqual([{ reason: "reset_asked" }]);
  await person.isSynced();
  await expect(person.page.getByTestId("entry")).toHaveCount(1);
  await person.page.reload();
  await expect(person.tick("here before")).toHaveAttribute("data-tick", "synced");
});

test("a page gives sync up in good order and takes it up again", async ({ person }) => {
  await person.isSynced();
  await listen(person);
  await person.page.evaluate(() => window.daybook.cleanupSync());
  await expect.poll(() => heard(person, "disconnected")).toHaveLength(1);
  expect(await person.page.evaluate(() => window.daybook.initializeSync())).toBe(true);
  await person.isSynced();
  await person.write("afterwards");
  await expect(person.tick("afterwards")).toHaveAttribute("data-tick", "synced");
});

test("hooks tell of an edit from its writing to its arrival, until somebody leaves", async ({ person }) => {
  await person.isSynced();
  await listen(person);
  await person.write("watched");
  await expect(person.tick("watched")).toHaveAttribute("data-tick", "synced");
  const [captured] = (await heard(person, "sync.op:action:captured")) as { table: string; opId: string }[];
  expect(captured).toEqual({
    table: "journal_entries",
    key: expect.any(String),
    opId: expect.any(String),
  });
  expect(await heard(person, "sync.push:action:before")).toEqual([{ count: 1 }]);
  expect(await heard(person, "sync.push:action:after")).toEqual([{ successCount: 1, failCount: 0 }]);

  await person.page.evaluate(() => {
    const count = (_: unknown, key: string) => {
      window.heard.push({ key: "counted", payload: key });
      window.daybook.unhook("sync.op:action:captured", count);
    };
    window.daybook.hook("sync.op:action:captured", count);
  });
  await person.write("counted");
  await person.write("not counted");
  await expect.poll(() => heard(person, "sync.op:action:captured")).toHaveLength(3);
  expect(await heard(person, "counted")).toEqual(["sync.op:action:captured"]);
});
