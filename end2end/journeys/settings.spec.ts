// The account as its person keeps it: the password, the devices, the data, and the end.

import { left_behind, saved_by, Settings } from "../support/settings.js";
import { expect, test } from "../support/test.js";

const NEW_PASSWORD = "another page for another year";

test("a changed password opens the journal and the old one does not", async ({ person }) => {
  const settings = await Settings.of(person);
  const account = settings.section("Account");
  await expect(account).toContainText(person.email);
  await account.getByText("Change password").click();
  await account.getByLabel("Present password").fill("not the present one");
  await account.getByLabel("New password").fill(NEW_PASSWORD);
  await account.getByRole("button", { name: "Set password" }).click();
  await expect(account.getByLabel("Present password")).toHaveAttribute("aria-invalid", "true");
  await account.getByLabel("Present password").fill("a quiet page for every day");
  await account.getByRole("button", { name: "Set password" }).click();
  await expect(person.page.getByTestId("toast")).toContainText("The password is changed");
  await person.signOut();
  await person.open("/auth/login");
  await person.fillIn("Sign in");
  await expect(person.page.getByTestId("sign-error")).toHaveAttribute("data-code", "wrong_credentials");
  await person.fillIn("Sign in", NEW_PASSWORD);
  await expect(person.journal).toBeVisible();
});

test("both devices are in the list, and this one is marked", async ({ person, device }) => {
  await person.onAnotherDevice(await device());
  const settings = await Settings.of(person);
  await expect(settings.devices).toHaveCount(2);
  await expect(settings.section("Devices").getByTestId("this-device")).toHaveCount(1);
});

test("signing out everywhere ends every session and removes nothing", async ({ person, device }) => {
  await person.write("stays on both");
  const other = await person.onAnotherDevice(await device());
  await expect(other.entry("stays on both")).toBeVisible();
  const settings = await Settings.of(person);
  await settings.section("Devices").getByRole("button", { name: "Sign out everywhere" }).click();
  const dialog = settings.dialog("Sign out everywhere?");
  await dialog.getByRole("button", { name: "Sign out everywhere" }).click();
  for (const one of [person, other]) {
    await expect(one.header).toHaveAttribute("data-sync-state", "auth-error");
    await one.toJournal();
    await expect(one.entry("stays on both")).toBeVisible();
  }
});

test("the exports hold what was written, the device's without a network too", async ({ person }) => {
  await person.write("to take along");
  await person.isSynced();
  const settings = await Settings.of(person);
  const data = settings.section("Your data");
  const whole = await saved_by(person.page, () =>
    data.getByRole("button", { name: "Export from the server" }).click(),
  );
  expect(JSON.parse(whole).complete).toBe(true);
  expect(whole).toContain("to take along");
  await person.page.context().setOffline(true);
  const here = await saved_by(person.page, () =>
    data.getByRole("button", { name: "Export from this device" }).click(),
  );
  expect(JSON.parse(here).tables.journal_entries[0].body).toContain("to take along");
});

test("a deleted account is gone, and nothing of it is left on the device", async ({ person }) => {
  await person.write("gone with the rest");
  const settings = await Settings.of(person);
  await settings.section("Delete account").getByRole("button", { name: "Delete account" }).click();
  const dialog = settings.dialog("Delete your account?");
  await dialog.getByLabel("Type DELETE").fill("delete it");
  await dialog.getByRole("button", { name: "Delete account" }).click();
  await expect(dialog.getByText('Please type "DELETE" to confirm')).toBeVisible();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await settings.deleteAccount("not my password");
  await expect(settings.dialog("Is it you?")).toContainText("This is not your password");
  await settings.confirm();
  await expect(person.page.getByRole("link", { name: "Start writing" })).toBeVisible();
  await expect.poll(() => left_behind(person.page)).toEqual([]);
  await person.open("/auth/login");
  await expect(person.page.getByTestId("farewell")).toBeHidden();
  await person.fillIn("Sign in");
  await expect(person.page.getByTestId("sign-error")).toHaveAttribute("data-code", "wrong_credentials");
});
