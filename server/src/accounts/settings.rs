//! What an operator says about accounts.

use super::mail::MailSettings;

/// What an operator says about accounts. Without it they have passwords and recovery codes, and
/// on loopback passkeys too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountSettings {
    /// The site as its people's browsers have it, such as `https://daybook.example.org`. Passkeys
    /// are bound to it for good, and links in mails begin with it. Without it, on loopback, it is
    /// `http://localhost` and the port.
    pub public_url: Option<String>,
    /// How mail leaves this server; without it none does.
    pub mail: Option<MailSettings>,
}
