// Making an account, signing in and out, and what goes wrong with it, in words.

import { Person } from "../support/person.js";
import { expect, test } from "../support/test.js";

test("a new person signs up and sees an empty journal that invites them to write", async ({ person }) => {
  await expect(person.page.getByText("No Journal Entries Yet")).toBeVisible();
  await person.isSynced();
  await person.page.getByRole("button", { name: "Create Your First Entry" }).click();
  await expect(person.page.getByRole("heading", { name: "New Journal Entry" })).toBeVisible();
});

test("signing out closes the journal and signing in brings it back", async ({ person }) => {
  await person.write("kept while I am away");
  await expect(person.tick("kept while I am away")).toHaveAttribute("data-tick", "synced");
  await person.signOut();
  await person.open("/journal-entries");
  await expect(person.page).toHaveURL(/\/auth\/login/);
  const databases = await person.page.evaluate(async () =>
    (await indexedDB.databases()).map((database) => database.name),
  );
  expect(databases, "nothing of the journal is left behind").toEqual(["daybook-registry"]);
  await person.signIn();
  await expect(person.entry("kept while I am away")).toBeVisible();
});

test("a wrong password and an unknown person get the same answer", async ({ person, device, daybook }) => {
  const words: (string | null)[] = [];
  for (const email of [person.email, "nobody@example.org"]) {
    const other = new Person(await (await device()).newPage(), daybook, email);
    await other.open("/auth/login");
    await other.fillIn("Sign in", "not the password at all");
    words.push(await other.page.getByRole("alert").textContent());
  }
  expect(words[0]).toBeTruthy();
  expect(words[0]).toBe(words[1]);
});

test("a weak password and a taken address are refused next to their field", async ({ person, device, daybook }) => {
  const other = new Person(await (await device()).newPage(), daybook, person.email);
  await other.open("/auth/register");
  await other.fillIn("Make an account", "short");
  await expect(other.page.getByLabel("Password")).toHaveAttribute("aria-invalid", "true");
  await other.fillIn("Make an account");
  await expect(other.page.getByLabel("E-mail")).toHaveAttribute("aria-invalid", "true");
});
