// A device that holds passkeys, without a finger: the browser's own virtual authenticator.

import type { Page } from "@playwright/test";

/** Gives this page an authenticator that answers at once, and keeps its passkeys. */
export async function give_authenticator(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send("WebAuthn.enable");
  await session.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
}
