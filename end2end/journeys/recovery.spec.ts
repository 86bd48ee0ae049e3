// Forgotten passwords: a recovery code sets a new one, once; a mailed link that is not good says so.

import { Person } from "../support/person.js";
import { saved_by, Settings } from "../support/settings.js";
import { expect, test } from "../support/test.js";

const NEW_PASSWORD = "another page for another year";

async function recover(person: Person, code: string, password: string): Promise<void> {
  await person.page.getByLabel("E-mail").fill(person.email);
  await person.page.getByLabel("Recovery code").fill(code);
  await person.page.getByLabel("New password").fill(password);
  await person.page.getByRole("button", { name: "Set new password" }).click();
}

test("a recovery code sets a new password, once", async ({ person, device, daybook }) => {
  const settings = await Settings.of(person);
  await expect(settings.section("Recovery codes")).toContainText("There are no codes.");
  const codes = await settings.makeCodes();
  expect(new Set(codes).size).toBe(codes.length);
  expect(codes.length).toBeGreaterThan(4);
  const dialog = settings.dialog("Your recovery codes");
  const file = await saved_by(person.page, () => dialog.getByRole("button", { name: "Save to a file" }).click());
  expect(file.trim().split("\n")).toEqual(codes);
  await dialog.getByRole("button", { name: "I have saved them" }).click();
  await expect(settings.section("Recovery codes")).toContainText(`${codes.length} codes are left.`);
  await expect(person.page.getByTestId("recovery-code")).toHaveCount(0);

  const other = new Person(await (await device()).newPage(), daybook, person.email);
  await other.open("/auth/login");
  await other.page.getByRole("link", { name: "Forgot password?" }).click();
  await expect(other.page.getByTestId("link-said")).toContainText("This server sends no mail");
  await recover(other, codes[0] ?? "", NEW_PASSWORD);
  await expect(other.journal).toBeVisible();

  const third = new Person(await (await device()).newPage(), daybook, person.email);
  await third.open("/auth/forgot");
  await recover(third, codes[0] ?? "", "yet another password here");
  await expect(third.page.getByLabel("Recovery code")).toHaveAttribute("aria-invalid", "true");
  await third.open("/auth/login");
  await third.fillIn("Sign in", NEW_PASSWORD);
  await expect(third.journal).toBeVisible();
});

test("a mailed link that is not good says so and leads to a new one", async ({ device, daybook }) => {
  const page = await (await device()).newPage();
  await page.goto(`${daybook.url}/auth/reset#${"x".repeat(43)}`);
  await page.getByLabel("New password").fill(NEW_PASSWORD);
  await page.getByRole("button", { name: "Set new password" }).click();
  await expect(page.getByRole("alert")).toContainText("This link is not good any more");
  await page.getByRole("link", { name: "Forgot password?" }).click();
  await expect(page.getByRole("heading", { name: "Find your way back" })).toBeVisible();
});
