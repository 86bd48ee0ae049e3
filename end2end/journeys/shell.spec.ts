// The shell: what is kept for offline use, the headers it comes with, and how it installs.

import { expect, test } from "../support/test.js";

test("every file that is kept for offline use is there", async ({ daybook }) => {
  const script = await (await fetch(`${daybook.url}/sw.js`)).text();
  const list = /const PRECACHE = (\[[^\]]*\])/.exec(script)?.[1];
  const urls: string[] = JSON.parse((list ?? "[]").replace(/,\s*\]$/, "]"));
  expect(urls.length).toBeGreaterThan(8);
  for (const url of urls) {
    const answer = await fetch(daybook.url + url);
    expect(answer.status, url).toBe(200);
    if (url.startsWith("/b/")) {
      expect(answer.headers.get("cache-control"), url).toContain("immutable");
    }
  }
  for (const kind of [/\.wasm$/, /\.css$/, /\.js$/, /\.woff2$/, /\.webmanifest$/]) {
    expect(urls.some((url) => kind.test(url)), String(kind)).toBe(true);
  }
});

test("every kind of page comes with the strict policy, and the shell holds nothing of anybody", async ({ person, daybook }) => {
  const cookies = await person.page.context().cookies();
  const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  for (const path of ["/", "/auth/login", "/journal-entries", "/sw.js", "/healthz", "/api/sync/push"]) {
    const answer = await fetch(daybook.url + path, { headers: { accept: "text/html", cookie } });
    const policy = answer.headers.get("content-security-policy") ?? "";
    expect(policy, path).toContain("default-src 'none'");
    expect(policy, path).not.toMatch(/unsafe-inline|'unsafe-eval'|nonce/);
    expect(answer.headers.get("x-content-type-options"), path).toBe("nosniff");
  }
  const shell = async (path: string, headers: Record<string, string>) =>
    (await fetch(daybook.url + path, { headers: { accept: "text/html", ...headers } })).text();
  expect(await shell("/journal-entries", { cookie })).toBe(await shell("/trash", {}));
});

test("no cookie can be read by scripts nor sent by other sites", async ({ person }) => {
  const cookies = await person.page.context().cookies();
  expect(cookies).toHaveLength(2);
  const known = cookies.find((cookie) => cookie.name === "daybook_known");
  expect(known, "of a device that was here before").toMatchObject({ httpOnly: true, sameSite: "Strict", path: "/" });
  const session = cookies.find((cookie) => cookie !== known);
  expect(session).toMatchObject({ httpOnly: true, sameSite: "Lax", path: "/" });
  expect(await person.page.evaluate(() => document.cookie)).toBe("");
});

test("the app can be installed", async ({ person }) => {
  await person.installed();
  const session = await person.page.context().newCDPSession(person.page);
  const manifest = await session.send("Page.getAppManifest");
  expect(manifest.errors).toEqual([]);
  expect(manifest.url).toContain("/manifest.webmanifest");
  const { installabilityErrors } = await session.send("Page.getInstallabilityErrors");
  // A private window cannot install anything; everything else must be in order.
  expect(installabilityErrors.filter((error) => error.errorId !== "in-incognito")).toEqual([]);
});

test("the public pages are there before any script runs", async ({ browser, daybook }) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(daybook.url);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await page.goto(`${daybook.url}/auth/login`);
  await expect(page.getByLabel("E-mail")).toBeVisible();
  await context.close();
});
