// Writing, editing and deleting, and the ticks that tell how far the words have come.

import { expect, test } from "../support/test.js";

test("a new entry is in the list at once with one tick, and a moment later with two", async ({ person, daybook }) => {
  await person.isSynced();
  daybook.freeze();
  await person.write("the first words");
  await expect(person.tick("the first words")).toHaveAttribute("data-tick", "local");
  await expect(person.page.getByText("1 entry in total")).toBeVisible();
  daybook.thaw();
  await expect(person.tick("the first words")).toHaveAttribute("data-tick", "synced");
  await person.isSynced();
});

test("an edit of an entry saves itself and its tick is of this revision", async ({ person, daybook }) => {
  await person.write("before");
  await expect(person.tick("before")).toHaveAttribute("data-tick", "synced");
  await person.read("before");
  daybook.freeze();
  await person.rewrite("after the edit");
  await expect(person.tick("after the edit")).toHaveAttribute("data-tick", "local");
  daybook.thaw();
  await expect(person.tick("after the edit")).toHaveAttribute("data-tick", "synced");
  await expect(person.entry("before")).toHaveCount(0);
});

test("a draft survives a crash of its page, and leaving the page keeps it as one entry", async ({ person }) => {
  await person.begin();
  await person.words.pressSequentially("half a thought");
  await expect(person.page.getByTestId("save-state")).toContainText("Saved on this device");
  const crash = await person.page.context().newCDPSession(person.page);
  // It never answers: the page that would is gone, and it was told nothing.
  void crash.send("Page.crash").catch(() => undefined);
  await person.page.waitForEvent("crash");

  const again = await person.inAnotherTab();
  await again.page.getByRole("link", { name: "New entry" }).click();
  await expect(again.words).toHaveValue("half a thought");
  await again.words.press("End");
  await again.words.pressSequentially(" and the rest");
  await again.toJournal();
  await expect(again.entry("half a thought and the rest")).toHaveCount(1);
  await again.page.reload();
  await expect(again.page.getByTestId("entry")).toHaveCount(1);
  await expect(again.tick("half a thought and the rest")).toHaveAttribute("data-tick", "synced");
});

test("reloading with unfinished words loses none and doubles none", async ({ person }) => {
  await person.begin();
  await person.words.pressSequentially("still thinking");
  await person.page.reload();
  await expect(person.words).toBeVisible();
  await person.toJournal();
  await expect(person.entry("still thinking")).toHaveCount(1);
});

test("a deleted entry can be had back at once, or from the trash, or never again", async ({ person }) => {
  await person.write("do not go");
  await person.deleteEntry("do not go");
  await expect(person.entry("do not go")).toHaveCount(0);
  await person.page.getByRole("button", { name: "Undo" }).click();
  await expect(person.entry("do not go")).toBeVisible();

  await person.deleteEntry("do not go");
  await person.page.getByRole("link", { name: "Trash", exact: true }).click();
  await person.entry("do not go").getByRole("button", { name: "Restore" }).click();
  await person.toJournal();
  await expect(person.entry("do not go")).toBeVisible();

  await person.deleteEntry("do not go");
  await person.page.getByRole("link", { name: "Trash", exact: true }).click();
  await person.entry("do not go").getByRole("button", { name: "Delete for ever" }).click();
  const dialog = person.page.getByRole("dialog", { name: "Delete for ever?" });
  await dialog.getByRole("textbox").fill("delete?");
  await dialog.getByRole("button", { name: "Delete for ever" }).click();
  await expect(dialog.getByText('Please type "DELETE" to confirm')).toBeVisible();
  await dialog.getByRole("textbox").fill("DELETE");
  await dialog.getByRole("button", { name: "Delete for ever" }).click();
  await expect(person.page.getByText("Nothing in the trash")).toBeVisible();
  await person.isSynced();
});

test("an empty entry and one beyond the limit are refused in words and change nothing", async ({ person }) => {
  await person.begin();
  await person.words.fill("   ");
  await person.page.getByRole("button", { name: "Save" }).click();
  await expect(person.page.getByRole("alert")).toContainText("An entry needs words");
  const long = "long words ".repeat(19_000);
  await person.words.fill(long);
  await person.page.getByRole("button", { name: "Save" }).click();
  await expect(person.page.getByRole("alert")).toContainText("200 KiB");
  await expect(person.words).toHaveValue(long);
  await person.words.fill("short words");
  await person.page.getByRole("button", { name: "Save" }).click();
  await expect(person.page.getByText("Journal entry created successfully!")).toBeVisible();
  await person.toJournal();
  await expect(person.page.getByTestId("entry")).toHaveCount(1);
});

test("events of the public face are told with their payloads", async ({ person }) => {
  await person.isSynced();
  await person.page.evaluate(() => {
    const heard: { name: string; detail: unknown }[] = [];
    const face = (window as never as { daybook: { onSyncEvent: Function } }).daybook;
    for (const name of ["changes", "change_status", "lsn_update", "status_changed"]) {
      face.onSyncEvent(name, (detail: unknown) => heard.push({ name, detail }));
    }
    (window as never as { heard: unknown }).heard = heard;
  });
  await person.write("heard of");
  await expect(person.tick("heard of")).toHaveAttribute("data-tick", "synced");
  await expect
    .poll(() => person.page.evaluate(() => (window as never as { heard: unknown[] }).heard))
    .toEqual(
      expect.arrayContaining([
        {
          name: "changes",
          detail: expect.objectContaining({ table: "journal_entries", fromServer: false }),
        },
        { name: "change_status", detail: expect.objectContaining({ status: "done" }) },
        { name: "lsn_update", detail: { scope: "own", lsn: 1 } },
        { name: "status_changed", detail: expect.objectContaining({ isConnected: true }) },
      ]),
    );
});
