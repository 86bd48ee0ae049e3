// Leaving a device: signed out from elsewhere, erased from elsewhere, and signing out with words
// that are here alone.

import { left_behind, saved_by, Settings } from "../support/settings.js";
import { expect, test } from "../support/test.js";

test("a device that is signed out from elsewhere removes its journal and says so, in every tab", async ({ person, device }) => {
  await person.write("not for whoever found it");
  await person.isSynced();
  const lost = await person.onAnotherDevice(await device());
  await expect(lost.entry("not for whoever found it")).toBeVisible();
  const tab = await lost.inAnotherTab();
  await expect(tab.entry("not for whoever found it")).toBeVisible();
  const settings = await Settings.of(person);
  await settings.revoke();
  await expect(settings.devices).toHaveCount(1);
  for (const page of [lost.page, tab.page]) {
    await expect(page).toHaveURL(/\/auth\/login/);
    await expect(page.getByTestId("farewell")).toHaveAttribute("data-code", "revoked_erase");
    await expect(page.getByTestId("farewell")).toContainText(person.email);
  }
  await expect.poll(() => left_behind(lost.page)).toEqual([]);
  await lost.signIn();
  await expect(lost.entry("not for whoever found it")).toBeVisible();
  await lost.signOut();
  await lost.open("/auth/login");
  await expect(lost.page.getByTestId("sign-submit")).toBeEnabled();
  await expect(lost.page.getByTestId("farewell")).toBeHidden();
});

test("words a revoked device has not sent are offered as a file before they go", async ({ person, device }) => {
  await person.write("known to the server");
  await person.isSynced();
  const lost = await person.onAnotherDevice(await device());
  await expect(lost.entry("known to the server")).toBeVisible();
  await lost.installed();
  await lost.page.context().setOffline(true);
  await lost.write("known to nobody else");
  await (await Settings.of(person)).revoke();
  await lost.page.context().setOffline(false);
  const farewell = lost.page.getByTestId("farewell");
  await expect(farewell).toContainText("Some of your words had not been sent");
  expect(await left_behind(lost.page)).toEqual([]);
  await lost.page.reload();
  const file = await saved_by(lost.page, () => farewell.getByRole("button", { name: "Save to a file" }).click());
  expect(file).toContain("known to nobody else");
  expect(file).not.toContain("known to the server");
  await farewell.getByRole("button", { name: "Remove from this device" }).click();
  await expect(farewell).toBeHidden();
  await lost.page.reload();
  await expect(lost.page.getByTestId("sign-submit")).toBeEnabled();
  await expect(farewell).toBeHidden();
});

test("a device of an erased account offers a copy and keeps nothing else", async ({ person, device }) => {
  await person.write("mine to keep");
  await person.isSynced();
  const other = await person.onAnotherDevice(await device());
  await expect(other.entry("mine to keep")).toBeVisible();
  await (await Settings.of(person)).deleteAccount();
  const farewell = other.page.getByTestId("farewell");
  await expect(farewell).toHaveAttribute("data-code", "account_erased");
  expect(await left_behind(other.page)).toEqual([]);
  const file = await saved_by(other.page, () => farewell.getByRole("button", { name: "Save to a file" }).click());
  expect(file).toContain("mine to keep");
});

test("signing out with unsent words asks, and sends them first when it can", async ({ person, device }) => {
  await person.installed();
  await person.page.context().setOffline(true);
  await person.write("not sent yet");
  await person.page.getByLabel("User menu").click();
  await person.page.getByRole("button", { name: "Sign out" }).click();
  const dialog = person.page.getByRole("dialog", { name: "Sign out?" });
  await expect(dialog).toContainText("1 change is not on the server yet");
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await expect(person.entry("not sent yet")).toBeVisible();
  await person.page.getByLabel("User menu").click();
  await person.page.getByRole("button", { name: "Sign out" }).click();
  const file = await saved_by(person.page, () => dialog.getByRole("button", { name: "Save to a file" }).click());
  expect(file).toContain("not sent yet");
  await person.page.context().setOffline(false);
  await dialog.getByRole("button", { name: "Send first" }).click();
  await expect(person.page.getByRole("link", { name: "Start writing" })).toBeVisible();
  await expect.poll(() => left_behind(person.page)).toEqual([]);
  const other = await person.onAnotherDevice(await device());
  await expect(other.entry("not sent yet")).toBeVisible();
});

test("signing out offline erases all the same, and the server hears of it later", async ({ person }) => {
  await person.write("synced and then left");
  await person.isSynced();
  await person.installed();
  await person.page.context().setOffline(true);
  await person.write("let go");
  await person.page.getByLabel("User menu").click();
  await person.page.getByRole("button", { name: "Sign out" }).click();
  const dialog = person.page.getByRole("dialog", { name: "Sign out?" });
  await dialog.getByRole("button", { name: "Sign out and discard" }).click();
  await expect(person.page.getByRole("link", { name: "Start writing" })).toBeVisible();
  await expect.poll(() => left_behind(person.page)).toEqual([]);
  const heard = person.page.context().waitForEvent("response", (response) =>
    response.url().endsWith("/api/account/sign_out"),
  );
  await person.page.context().setOffline(false);
  expect((await heard).status()).toBe(200);
  const whose = await person.page.evaluate(() =>
    fetch("/api/account/who_am_i", { method: "POST" }).then((answer) => answer.json()),
  );
  expect(whose).toBeNull();
});
