// Prompts: they come with the server, live on the device, and today's is the same everywhere.

import { expect, test } from "../support/test.js";

test("today's prompt is the same on every device, offline too, and one can write to it", async ({ person, device }) => {
  await person.isSynced();
  await person.page.getByRole("link", { name: "New entry" }).click();
  await expect(person.page.locator("button[value=prompted]")).toHaveAttribute("aria-pressed", "true");
  await expect(person.page.getByRole("heading", { name: "Today’s Prompt" })).toBeVisible();
  const prompt = person.page.getByTestId("prompt");
  const today = await prompt.textContent();
  expect(today?.length).toBeGreaterThan(10);

  const other = await person.onAnotherDevice(await device());
  await other.isSynced();
  await other.installed();
  await other.page.context().setOffline(true);
  await other.open("/journal-entries/new");
  await expect(other.page.getByTestId("prompt")).toHaveText(today ?? "");
  await other.page.getByLabel("Your Response").fill("An answer from a plane.");
  await other.page.getByRole("button", { name: "Save" }).click();
  await expect(other.page.getByText("Journal entry created successfully!")).toBeVisible();
  await other.page.context().setOffline(false);

  await person.toJournal();
  await person.read("An answer from a plane.");
  await expect(person.page.getByTestId("prompt")).toHaveText(today ?? "");
});

test("another prompt can be had, and free writing has none", async ({ person }) => {
  await person.isSynced();
  await person.page.getByRole("link", { name: "New entry" }).click();
  const prompt = person.page.getByTestId("prompt");
  const first = await prompt.textContent();
  await person.page.getByRole("button", { name: "Another prompt" }).click();
  await expect(prompt).not.toHaveText(first ?? "");
  await person.page.locator("button[value=free]").click();
  await expect(prompt).toHaveCount(0);
});

test("at least forty prompts in at least ten categories are mirrored to the device", async ({ person }) => {
  await person.isSynced();
  const categories = await person.page.evaluate(async () => {
    const name = (await indexedDB.databases()).find((d) => d.name?.match(/^daybook-(?!registry)/))?.name;
    const database = await new Promise<IDBDatabase>((resolve, reject) => {
      const open = indexedDB.open(name ?? "");
      open.onsuccess = () => resolve(open.result);
      open.onerror = () => reject(open.error);
    });
    const rows = await new Promise<{ seen: { f: { category: string } } }[]>((resolve) => {
      const all = database.transaction("prompts").objectStore("prompts").getAll();
      all.onsuccess = () => resolve(all.result);
    });
    database.close();
    return rows.map((row) => row.seen.f.category);
  });
  expect(categories.length).toBeGreaterThanOrEqual(40);
  expect(new Set(categories).size).toBeGreaterThanOrEqual(10);
});
