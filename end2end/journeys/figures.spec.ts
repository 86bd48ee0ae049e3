// The figures of docs/figures.md, measured on the real parts and held to generous bounds, so that a
// slow change is noticed. `cargo xtask test --filter figures` prints them.

import type { Page } from "@playwright/test";
import { expect, test } from "../support/test.js";

const ROUNDS = 20;

function median(values: number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function report(name: string, values: number[]): number {
  const middle = median(values);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  console.log(`${name}: median ${middle.toFixed(0)} ms of ${values.length} (${low.toFixed(0)}–${high.toFixed(0)})`);
  return middle;
}

/** Milliseconds from the start of the navigation to the frame in which the first entry stands. */
async function firstEntryPainted(page: Page): Promise<number> {
  return page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        const look = () => {
          if (document.querySelector("[data-testid=entry]")) {
            requestAnimationFrame(() => resolve(performance.now()));
          } else {
            requestAnimationFrame(look);
          }
        };
        look();
      }),
  );
}

test("figures: the first entry is painted soon, online and offline", async ({ person }) => {
  await person.write("here at once");
  await expect(person.tick("here at once")).toHaveAttribute("data-tick", "synced");
  await person.installed();
  for (const offline of [false, true]) {
    await person.page.context().setOffline(offline);
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      await person.open();
      times.push(await firstEntryPainted(person.page));
    }
    const middle = report(`first entry painted, ${offline ? "offline" : "online"}`, times);
    expect(middle).toBeLessThan(2_500);
  }
});

test("figures: an edit is on the other device's screen within a second", async ({ person, device }) => {
  test.setTimeout(120_000);
  await person.write("round start");
  const other = await person.onAnotherDevice(await device());
  await expect(other.entry("round start")).toBeVisible();
  await person.read("round start");
  await other.isSynced();
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const text = `round ${round} done`;
    const painted = other.page.evaluate(
      (wanted) =>
        new Promise<number>((resolve) => {
          const look = () => {
            const entry = document.querySelector("[data-testid=entry]");
            if (entry?.textContent?.includes(wanted)) {
              requestAnimationFrame(() => resolve(Date.now()));
            } else {
              requestAnimationFrame(look);
            }
          };
          look();
        }),
      text,
    );
    // The save: the moment the device has the words on its disk and tells its scripts so.
    const saved = person.page.evaluate(
      () =>
        new Promise<number>((resolve) => {
          const { daybook } = window as never as {
            daybook: Record<"onSyncEvent" | "offSyncEvent", (name: string, told: unknown) => void>;
          };
          const told = (detail: { fromServer: boolean }) => {
            if (!detail.fromServer) {
              daybook.offSyncEvent("changes", told);
              resolve(Date.now());
            }
          };
          daybook.onSyncEvent("changes", told);
        }),
    );
    await person.words.fill(text);
    times.push((await painted) - (await saved));
    await expect(person.page.getByTestId("save-state")).toContainText("Synced");
  }
  expect(report("from a save on one device to the paint on another", times)).toBeLessThan(1_000);
});

test("figures: a first visit fits its budget", async ({ daybook }) => {
  const script = await (await fetch(`${daybook.url}/sw.js`)).text();
  const paths = [...script.matchAll(/"(\/b\/[^"]+\.(?:js|wasm|css|woff2))"/g)].map((match) => match[1] ?? "");
  let total = 0;
  for (const path of paths) {
    const answer = await fetch(daybook.url + path, { headers: { "accept-encoding": "br" } });
    const bytes = Number(answer.headers.get("content-length"));
    expect(bytes, path).toBeGreaterThan(0);
    total += bytes;
    console.log(`${path.split("/").slice(3).join("/")}: ${(bytes / 1000).toFixed(1)} kB`);
  }
  console.log(`first visit: ${(total / 1000).toFixed(1)} kB`);
  expect(total).toBeLessThan(700_000);
});
