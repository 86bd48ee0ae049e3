// Without a network, and without a server, which is not the same: the page opens, everything is
// there, writing goes on, the header says what is wrong, and everything drains by itself.

import { expect, test } from "../support/test.js";
import { Person } from "../support/person.js";

/** Two ways of being cut off, and the words for each. */
const cuts = [
  {
    name: "offline",
    words: "Saved on this device. Sync starts by itself.",
    cut: (person: Person) => person.page.context().setOffline(true),
    mend: (person: Person) => person.page.context().setOffline(false),
  },
  {
    name: "with the server stopped",
    words: "The server does not answer.",
    cut: (person: Person) => person.daybook.stop(),
    mend: (person: Person) => person.daybook.start(),
  },
];

for (const { name, words, cut, mend } of cuts) {
  test(`${name}, the page opens and writing goes on, and it drains by itself afterwards`, async ({ person }) => {
    await person.write("written before");
    await expect(person.tick("written before")).toHaveAttribute("data-tick", "synced");
    await person.installed();

    await cut(person);
    await person.page.reload();
    await expect(person.entry("written before")).toBeVisible();
    await person.write("written meanwhile");
    await expect(person.tick("written meanwhile")).toHaveAttribute("data-tick", "local");
    await person.read("written before");
    await person.rewrite("edited meanwhile");
    await expect(person.tick("edited meanwhile")).toHaveAttribute("data-tick", "local");
    await expect(person.header).toHaveAttribute("data-sync-state", "connection-error");
    await expect(person.header).toContainText("No Internet");
    await expect(person.header).toContainText(words);

    // Once more from nothing but what this device holds.
    await person.page.reload();
    await expect(person.tick("written meanwhile")).toHaveAttribute("data-tick", "local");
    await expect(person.tick("edited meanwhile")).toHaveAttribute("data-tick", "local");

    await mend(person);
    await expect(person.tick("written meanwhile")).toHaveAttribute("data-tick", "synced", { timeout: 40_000 });
    await expect(person.tick("edited meanwhile")).toHaveAttribute("data-tick", "synced");
    await person.isSynced();
    await expect(person.page.getByTestId("entry")).toHaveCount(2);
  });
}

test("deep links open without a network, and an entry that is not here says so", async ({ person }) => {
  await person.write("deep down");
  await person.read("deep down");
  const address = new URL(person.page.url()).pathname;
  await person.installed();
  await person.page.context().setOffline(true);
  await person.open(address);
  await expect(person.words).toHaveValue("deep down");
  await person.open(`/journal-entries/${address.split("/").pop()?.replace(/.$/, "z")}`);
  await expect(person.page.getByText("This entry is not on this device.")).toBeVisible();
  await person.open("/nowhere/at/all");
  await expect(person.page.getByText("There is no such page.")).toBeVisible();
});

test("a server that dies while words are on their way loses none and doubles none", async ({ person, daybook, device }) => {
  test.setTimeout(120_000);
  await person.isSynced();
  const written: string[] = [];
  for (let round = 0; round < 4; round += 1) {
    await person.begin();
    for (let n = 0; n < 3; n += 1) {
      const text = `round ${round} entry ${n}.`;
      await person.words.fill(text);
      await person.page.getByRole("button", { name: "Save" }).click();
      await expect(person.words).toHaveValue("");
      written.push(text);
    }
    await daybook.kill();
    await daybook.start();
    await person.toJournal();
  }
  for (const text of written) {
    await expect(person.tick(text)).toHaveAttribute("data-tick", "synced", { timeout: 40_000 });
  }
  const other = await person.onAnotherDevice(await device());
  await expect(other.page.getByTestId("entry")).toHaveCount(written.length);
});

test("an expired session stops the sync and not the writing, and signing in sends it all", async ({ person, daybook }) => {
  await person.write("written before");
  await expect(person.tick("written before")).toHaveAttribute("data-tick", "synced");
  await person.page.context().clearCookies();
  await person.write("written without a session");
  await expect(person.header).toHaveAttribute("data-sync-state", "auth-error");
  await expect(person.header).toContainText("Session Expired");
  await expect(person.header).toContainText("1 entry waits on this device");
  await expect(person.tick("written without a session")).toHaveAttribute("data-tick", "local");
  await person.header.getByRole("link", { name: "Sign in" }).click();
  await expect(person.page).toHaveURL(new RegExp(`^${daybook.url}/auth/login`));
  await person.fillIn("Sign in");
  await expect(person.tick("written without a session")).toHaveAttribute("data-tick", "synced");
  await expect(person.page.getByTestId("entry")).toHaveCount(2);
});

test("another person on the same device sees nothing of the first, and nothing mixes", async ({ person, daybook }) => {
  await person.write("mine alone");
  await expect(person.tick("mine alone")).toHaveAttribute("data-tick", "synced");
  await person.signOut();
  const other = new Person(person.page, daybook, "somebody.else@example.org");
  await other.open("/auth/register");
  await other.fillIn("Make an account");
  await expect(other.page.getByText("No Journal Entries Yet")).toBeVisible();
  await other.write("mine instead");
  await expect(other.tick("mine instead")).toHaveAttribute("data-tick", "synced");
  await expect(other.page.getByTestId("entry")).toHaveCount(1);
});

test("unfinished words are asked about at signing out, and sent as an entry", async ({ person }) => {
  await person.begin();
  await person.words.pressSequentially("not finished");
  await expect(person.page.getByTestId("save-state")).toContainText("Saved on this device");
  await person.page.getByLabel("User menu").click();
  await person.page.getByRole("button", { name: "Sign out" }).click();
  const dialog = person.page.getByRole("dialog", { name: "Sign out?" });
  await expect(dialog).toContainText("1 page is not saved as an entry");
  await dialog.getByRole("button", { name: "Send first" }).click();
  await expect(person.page.getByRole("link", { name: "Start writing" })).toBeVisible();
  await person.signIn();
  await expect(person.entry("not finished")).toHaveCount(1);
});
