// A person at a page: what they do and what they see, in the words of the contract.

import { type BrowserContext, expect, type Locator, type Page } from "@playwright/test";
import type { Daybook } from "./daybook.js";

export const PASSWORD = "a quiet page for every day";
let people = 0;

export class Person {
  constructor(
    readonly page: Page,
    readonly daybook: Daybook,
    readonly email = `person${++people}@example.org`,
  ) {}

  /** Makes an account through the form and ends on the empty journal. */
  static async signUp(context: BrowserContext, daybook: Daybook): Promise<Person> {
    const person = new Person(await context.newPage(), daybook);
    await person.page.goto(`${daybook.url}/auth/register`);
    await person.fillIn("Make an account");
    await expect(person.journal).toBeVisible();
    return person;
  }

  /** The same person on another device. */
  async onAnotherDevice(context: BrowserContext): Promise<Person> {
    const other = new Person(await context.newPage(), this.daybook, this.email);
    await other.signIn();
    return other;
  }

  /** The same person in another tab of this browser. */
  async inAnotherTab(): Promise<Person> {
    const other = new Person(await this.page.context().newPage(), this.daybook, this.email);
    await other.page.goto(`${this.daybook.url}/journal-entries`);
    return other;
  }

  async signIn(): Promise<void> {
    await this.page.goto(`${this.daybook.url}/auth/login`);
    await this.fillIn("Sign in");
    await expect(this.journal).toBeVisible();
  }

  /** Signs out and ends on the welcome page. */
  async signOut(): Promise<void> {
    await this.page.getByLabel("User menu").click();
    await this.page.getByRole("button", { name: "Sign out", exact: true }).click();
    await expect(this.page.getByRole("link", { name: "Start writing" })).toBeVisible();
  }

  async fillIn(button: string, password = PASSWORD): Promise<void> {
    await this.page.getByLabel("E-mail").fill(this.email);
    await this.page.getByLabel("Password").fill(password);
    await this.page.getByRole("button", { name: button }).click();
  }

  get journal(): Locator {
    return this.page.getByRole("heading", { name: "My Journal", level: 1 });
  }

  /** The header's word on the connection. */
  get header(): Locator {
    return this.page.getByTestId("connectivity");
  }

  get words(): Locator {
    return this.page.locator("textarea[name=content]");
  }

  entry(text: string): Locator {
    return this.page.getByTestId("entry").filter({ hasText: text });
  }

  tick(text: string): Locator {
    return this.entry(text).getByTestId("tick");
  }

  async open(path = "/journal-entries"): Promise<void> {
    await this.page.goto(`${this.daybook.url}${path}`);
  }

  /** Presses "New entry" and chooses to write freely. */
  async begin(): Promise<void> {
    await this.page.getByRole("link", { name: "New entry" }).click();
    await this.page.locator("button[value=free]").click();
    await expect(this.page.getByLabel("Your Thoughts")).toBeVisible();
  }

  /** Writes a new entry, saves it, and goes back to the list. */
  async write(text: string): Promise<void> {
    await this.begin();
    await this.words.fill(text);
    await this.page.getByRole("button", { name: "Save" }).click();
    await expect(this.page.getByText("Journal entry created successfully!")).toBeVisible();
    await expect(this.words).toHaveValue("");
    await this.toJournal();
  }

  async toJournal(): Promise<void> {
    await this.page.getByRole("link", { name: "Journal", exact: true }).click();
    await expect(this.journal).toBeVisible();
  }

  /** Opens an entry of the list. */
  async read(text: string): Promise<void> {
    await this.entry(text).getByRole("link", { name: "Read More" }).click();
    await expect(this.page.getByRole("heading", { name: "Your Entry" })).toBeVisible();
    await expect(this.words).toHaveValue(new RegExp(text));
  }

  /** Rewrites the open entry and waits until the device has it. */
  async rewrite(text: string): Promise<void> {
    await this.words.fill(text);
    await expect(this.page.getByTestId("save-state")).toContainText(/Saved on this device|Synced/);
    await this.page.getByRole("link", { name: "Back to Journal Entries" }).click();
    await expect(this.entry(text)).toBeVisible();
  }

  async deleteEntry(text: string): Promise<void> {
    await this.read(text);
    await this.page.getByRole("button", { name: "Delete Entry" }).click();
    const dialog = this.page.getByRole("dialog", { name: "Delete Journal Entry?" });
    await dialog.getByRole("button", { name: "Delete", exact: true }).click();
    await expect(this.journal).toBeVisible();
  }

  /** Waits until the app's shell is kept for offline use and in charge of this page. */
  async installed(): Promise<void> {
    await this.page.waitForFunction(async () => {
      const registration = await navigator.serviceWorker.ready;
      return registration.active?.state === "activated" && navigator.serviceWorker.controller !== null;
    });
  }

  async isSynced(): Promise<void> {
    await expect(this.header).toHaveAttribute("data-sync-state", "synced");
  }
}
