//! Leaving a device: what of a journal is there alone, and what is told of one that was ended
//! from elsewhere.

use alloc::string::String;
use serde::{Deserialize, Serialize};

/// What of a journal is on this device and not on the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsent {
    /// Changes that wait to be sent, or were refused.
    pub changes: u64,
    /// Pages that are no entry yet.
    pub drafts: u64,
}

impl Unsent {
    /// Whether the server has everything.
    #[must_use]
    pub const fn is_nothing(self) -> bool {
        self.changes == 0 && self.drafts == 0
    }
}

/// Why a session was ended for its device, which is to remove what it has of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Its person ended it from another device.
    RevokedErase,
    /// The account was erased.
    AccountErased,
}

impl Ended {
    /// What a server means that answers with this code, if it means either.
    #[must_use]
    pub fn by(code: &str) -> Option<Self> {
        match code {
            "revoked_erase" => Some(Self::RevokedErase),
            "account_erased" => Some(Self::AccountErased),
            _ => None,
        }
    }
}

/// What is left to say of a journal that was ended from elsewhere and is not here any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Farewell {
    /// Why.
    pub why: Ended,
    /// Whose it was, by their address.
    pub email: String,
    /// What would be lost with it, as a document to keep elsewhere: of a revoked device what the
    /// server does not have, of an erased account everything. None when there was nothing.
    pub document: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_codes_ask_a_device_to_erase_what_it_has() {
        assert_eq!(Ended::by("revoked_erase"), Some(Ended::RevokedErase));
        assert_eq!(Ended::by("account_erased"), Some(Ended::AccountErased));
        for code in ["no_session", "cross_site", ""] {
            assert_eq!(Ended::by(code), None, "{code}");
        }
    }

    #[test]
    fn a_draft_alone_is_unsent() {
        let draft = Unsent {
            changes: 0,
            drafts: 1,
        };
        assert!(!draft.is_nothing());
        assert!(Unsent::default().is_nothing());
    }
}
