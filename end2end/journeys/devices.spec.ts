// Two devices and two tabs of one person come to the same page by themselves.

import { expect, test } from "../support/test.js";

test("a new entry, an edit and a deletion come to another device without a refresh", async ({ person, device }) => {
  const other = await person.onAnotherDevice(await device());
  await other.isSynced();
  await person.write("hello from here");
  await expect(other.entry("hello from here")).toBeVisible();
  await expect(other.tick("hello from here")).toHaveAttribute("data-tick", "synced");
  await person.read("hello from here");
  await person.rewrite("changed from here");
  await expect(other.entry("changed from here")).toBeVisible();
  await other.read("changed from here");
  await other.rewrite("changed from there");
  await expect(person.entry("changed from there")).toBeVisible();
  await person.deleteEntry("changed from there");
  await expect(other.page.getByText("No Journal Entries Yet")).toBeVisible();
});

test("an open editor shows the other device's words until its own person types", async ({ person, device }) => {
  await person.write("shared page");
  const other = await person.onAnotherDevice(await device());
  await other.read("shared page");
  await person.read("shared page");
  await person.words.fill("shared page, continued");
  await expect(other.words).toHaveValue("shared page, continued");
  await other.words.press("End");
  await other.words.pressSequentially(" by both");
  await expect(person.words).toHaveValue("shared page, continued by both");
});

test("two devices that wrote apart come to the same page", async ({ person, device }) => {
  await person.write("written together");
  const other = await person.onAnotherDevice(await device());
  await expect(other.entry("written together")).toBeVisible();
  for (const one of [person, other]) await one.page.context().setOffline(true);
  await person.write("apart, here");
  await other.write("apart, there");
  await person.read("written together");
  await person.rewrite("written together, edited here");
  for (const one of [person, other]) await one.page.context().setOffline(false);
  for (const one of [person, other]) {
    for (const text of ["apart, here", "apart, there", "written together, edited here"]) {
      await expect(one.tick(text)).toHaveAttribute("data-tick", "synced", { timeout: 40_000 });
    }
    await expect(one.page.getByTestId("entry")).toHaveCount(3);
  }
});

test("two tabs show the same, and when the leading one closes the other takes over", async ({ person }) => {
  await person.isSynced();
  const tab = await person.inAnotherTab();
  await tab.write("from the second tab");
  await expect(person.tick("from the second tab")).toHaveAttribute("data-tick", "synced");
  await person.page.close();
  await tab.write("after the first tab closed");
  await expect(tab.tick("after the first tab closed")).toHaveAttribute("data-tick", "synced");
});
