// axe finds nothing on any screen, in both themes, on a phone and on a desk; and the keyboard alone
// is enough.

import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { give_authenticator } from "../support/authenticator.js";
import { Settings } from "../support/settings.js";
import { expect, test } from "../support/test.js";

const SIZES = [
  { width: 390, height: 844 },
  { width: 1280, height: 800 },
];

async function finds_nothing(page: Page, screen: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    for (const size of SIZES) {
      await page.setViewportSize(size);
      const { violations } = await new AxeBuilder({ page })
        .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"])
        .analyze();
      const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((n) => n.html).join(" ")}`);
      expect(found, `${screen}, ${colorScheme}, ${size.width}`).toEqual([]);
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(overflow, `${screen} scrolls sideways at ${size.width}`).toBeLessThanOrEqual(0);
    }
  }
}

test("axe finds nothing on the public pages", async ({ device, daybook }) => {
  const page = await (await device()).newPage();
  for (const path of ["/", "/auth/login", "/auth/register", "/auth/forgot", "/auth/reset"]) {
    await page.goto(daybook.url + path);
    await expect(page.getByRole("main")).toBeVisible();
    await finds_nothing(page, path);
  }
});

test("axe finds nothing in the journal, its editor, its dialogs and its trash", async ({ person }) => {
  test.setTimeout(120_000);
  const { page } = person;
  await finds_nothing(page, "empty journal");
  await person.write("An entry with some words in it.");
  await expect(person.tick("An entry")).toHaveAttribute("data-tick", "synced");
  await finds_nothing(page, "journal");
  await page.getByLabel("User menu").click();
  await finds_nothing(page, "user menu");
  await page.getByRole("link", { name: "New entry" }).first().click();
  await expect(page.getByTestId("prompt")).toBeVisible();
  await finds_nothing(page, "new entry");
  await person.toJournal();
  await person.read("An entry");
  await finds_nothing(page, "entry");
  await page.getByRole("button", { name: "Delete Entry" }).click();
  await finds_nothing(page, "delete dialog");
  await page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
  await finds_nothing(page, "toast");
  await page.getByRole("link", { name: "Trash", exact: true }).click();
  await expect(person.entry("An entry")).toBeVisible();
  await finds_nothing(page, "trash");
});

test("axe finds nothing in the settings and their dialogs", async ({ person }) => {
  test.setTimeout(180_000);
  const { page } = person;
  await give_authenticator(page);
  const settings = await Settings.of(person);
  await settings.section("Passkeys").getByRole("button", { name: "Add a passkey" }).click();
  await expect(settings.passkeys).toHaveCount(1);
  await settings.section("Account").getByText("Change password").click();
  await finds_nothing(page, "settings");
  await settings.passkeys.getByRole("button", { name: /^Remove/ }).click();
  await finds_nothing(page, "confirm");
  await page.keyboard.press("Escape");
  await settings.makeCodes();
  await finds_nothing(page, "recovery codes");
  await page.keyboard.press("Escape");
  await settings.section("Delete account").getByRole("button", { name: "Delete account" }).click();
  await finds_nothing(page, "delete account");
});

test("axe finds nothing while offline and after the session expired", async ({ person }) => {
  await person.installed();
  await person.page.context().setOffline(true);
  await expect(person.header).toContainText("No Internet");
  await finds_nothing(person.page, "offline");
  await person.page.context().setOffline(false);
  await person.isSynced();
  await person.page.context().clearCookies();
  await person.write("waits");
  await expect(person.header).toContainText("Session Expired");
  await finds_nothing(person.page, "session expired");
});

test("the keyboard alone writes an entry", async ({ person }) => {
  const { page } = person;
  await page.getByRole("button", { name: "Create Your First Entry" }).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByLabel("Your Response")).toBeFocused();
  await page.locator("button[value=free]").focus();
  await page.keyboard.press("Space");
  await page.getByLabel("Your Thoughts").focus();
  await page.keyboard.type("written without a mouse");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("button", { name: "Save" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByText("Journal entry created successfully!")).toBeVisible();
});

test("a page to write on, opened directly, takes the first key", async ({ person }) => {
  await person.open("/journal-entries/new?mode=free");
  await expect(person.words).toBeFocused();
  await person.page.keyboard.type("at once");
  await expect(person.words).toHaveValue("at once");
});

test("nothing on the page moves once it is painted", async ({ person }) => {
  await person.write("stays where it is");
  const shift = async () => {
    await person.page.addInitScript(() => {
      const shifts: number[] = [];
      (window as never as { shifts: number[] }).shifts = shifts;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) shifts.push((entry as never as { value: number }).value);
      }).observe({ type: "layout-shift", buffered: true });
    });
    await person.page.reload();
    await expect(person.entry("stays where it is")).toBeVisible();
    await person.isSynced();
    return person.page.evaluate(() =>
      (window as never as { shifts: number[] }).shifts.reduce((sum, value) => sum + value, 0),
    );
  };
  expect(await shift()).toBeLessThan(0.02);
});
