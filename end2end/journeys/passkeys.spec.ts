// A passkey is added, opens the journal, stands in for the password where it may, and is removed.

import { give_authenticator } from "../support/authenticator.js";
import { Person } from "../support/person.js";
import { Settings } from "../support/settings.js";
import { expect, test } from "../support/test.js";

test("a passkey is added, opens the journal without a password, and is removed", async ({ person }) => {
  await give_authenticator(person.page);
  await person.write("behind a passkey");
  await person.isSynced();
  let settings = await Settings.of(person);
  await expect(settings.section("Passkeys")).toContainText("There is no passkey yet.");
  await settings.section("Passkeys").getByRole("button", { name: "Add a passkey" }).click();
  await expect(settings.passkeys).toHaveCount(1);
  await expect(settings.passkeys).toContainText("not used yet");
  await person.signOut();

  await person.page.getByRole("link", { name: "Sign in" }).click();
  await person.page.getByRole("button", { name: "Use a passkey" }).click();
  await expect(person.entry("behind a passkey")).toBeVisible();

  settings = await Settings.of(person);
  await settings.passkeys.getByRole("button", { name: /^Remove/ }).click();
  await settings.dialog("Is it you?").getByRole("button", { name: "Use a passkey" }).click();
  await expect(settings.passkeys).toHaveCount(0);
  await person.isSynced();
});

test("a device without the passkey says so and takes the password", async ({ person, device, daybook }) => {
  const page = await (await device()).newPage();
  await give_authenticator(page);
  await page.goto(`${daybook.url}/auth/login`);
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await expect(page.getByTestId("sign-error")).toHaveAttribute("data-code", "passkey_refused");
  await page.getByLabel("E-mail").fill(person.email);
  await page.getByLabel("Password").fill("a quiet page for every day");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { name: "My Journal" })).toBeVisible();
  await new Person(page, daybook, person.email).isSynced();
});
