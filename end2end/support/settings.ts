// The settings and the dialogs they open, in the words of the contract.

import type { Locator, Page } from "@playwright/test";
import { expect } from "./test.js";
import { PASSWORD, type Person } from "./person.js";

export class Settings {
  private readonly page: Page;

  constructor(readonly person: Person) {
    this.page = person.page;
  }

  /** Opens them by the user menu. */
  static async of(person: Person): Promise<Settings> {
    await person.page.getByLabel("User menu").click();
    await person.page.getByRole("link", { name: "Settings" }).click();
    await expect(person.page.getByRole("heading", { name: "Settings", level: 1 })).toBeVisible();
    return new Settings(person);
  }

  section(name: string): Locator {
    return this.page.getByRole("region", { name, exact: true });
  }

  dialog(name: string): Locator {
    return this.page.getByRole("dialog", { name });
  }

  get devices(): Locator {
    return this.section("Devices").getByTestId("device");
  }

  get passkeys(): Locator {
    return this.section("Passkeys").getByTestId("passkey");
  }

  /** Answers "Is it you?" by the password. */
  async confirm(password = PASSWORD): Promise<void> {
    const dialog = this.dialog("Is it you?");
    await dialog.getByLabel("Your password").fill(password);
    await dialog.getByRole("button", { name: "Confirm" }).click();
  }

  /** Signs the other device out. */
  async revoke(): Promise<void> {
    await this.devices.getByRole("button", { name: /^Sign out/ }).click();
    await this.dialog("Sign this device out?").getByRole("button", { name: "Sign out" }).click();
  }

  async deleteAccount(password = PASSWORD): Promise<void> {
    await this.section("Delete account").getByRole("button", { name: "Delete account" }).click();
    const dialog = this.dialog("Delete your account?");
    await dialog.getByLabel("Type DELETE").fill("DELETE");
    await dialog.getByRole("button", { name: "Delete account" }).click();
    await this.confirm(password);
  }

  /** Makes recovery codes and reads them. */
  async makeCodes(): Promise<string[]> {
    await this.section("Recovery codes").getByRole("button", { name: "Make new codes" }).click();
    await this.confirm();
    const dialog = this.dialog("Your recovery codes");
    await expect(dialog).toBeVisible();
    return dialog.getByTestId("recovery-code").allTextContents();
  }
}

/** What of Daybook this browser keeps: its databases but the registry, and notes in its storage. */
export async function left_behind(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const databases = (await indexedDB.databases()).map((database) => database.name ?? "");
    const notes = Object.keys(localStorage).filter((key) => key.startsWith("daybook-unkept"));
    return [...databases.filter((name) => name !== "daybook-registry"), ...notes];
  });
}

/** The text of the file that `act` makes the browser save. */
export async function saved_by(page: Page, act: () => Promise<void>): Promise<string> {
  const [download] = await Promise.all([page.waitForEvent("download"), act()]);
  const stream = await download.createReadStream();
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
}
