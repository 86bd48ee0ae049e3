//! What the page says to people who leave this device, or were signed out from elsewhere.

use super::counted;
use sync::local::{Ended, Farewell, Unsent};

pub const TITLE: &str = "Sign out?";
pub const SEND_FIRST: &str = "Send first, then sign out";
pub const SENDING: &str = "Sending…";
pub const NOT_ALL_SENT: &str = "Not everything could be sent now. It is all still here: try again \
    later, or save it to a file.";
pub const SAVE_FILE: &str = "Save to a file";
pub const SAVED_FILE: &str = "Saved to a file";
pub const DISCARD: &str = "Sign out and discard";
pub const REMOVE: &str = "Remove from this device";
pub const REMOVE_UNSAVED: &str = "Remove without saving";
pub const UNDERSTOOD: &str = "Understood";

/// The name of the file with what is on this device alone.
pub const UNSENT_FILE: &str = "daybook-unsent.json";

/// What would be lost by signing out.
#[must_use]
pub fn would_be_lost(unsent: Unsent) -> String {
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let changes = counted(
        count(unsent.changes),
        "change is not on the server yet",
        "changes are not on the server yet",
    );
    let drafts = counted(
        count(unsent.drafts),
        "page is not saved as an entry",
        "pages are not saved as entries",
    );
    let what = match (unsent.changes, unsent.drafts) {
        (_, 0) => changes,
        (0, _) => drafts,
        _ => format!("{changes}, and {drafts}"),
    };
    format!("{what}. Signing out removes the journal from this device.")
}

/// What happened to the journal that was here.
#[must_use]
pub fn farewell(farewell: &Farewell) -> String {
    let email = &farewell.email;
    match farewell.why {
        Ended::RevokedErase => format!(
            "This device was signed out from another one, which asked that the journal of {email} \
             be removed here. It was removed. What was synced is safe: sign in to open it again."
        ),
        Ended::AccountErased => format!(
            "The account of {email} was erased, with all that the server had of it. The journal \
             was removed from this device too."
        ),
    }
}

/// What of it was kept for its person, and what they can do.
#[must_use]
pub const fn farewell_document(why: Ended) -> &'static str {
    match why {
        Ended::RevokedErase => {
            "Some of your words had not been sent. They are kept here until you save them to a \
             file or remove them."
        }
        Ended::AccountErased => {
            "A copy of your entries is kept here until you save it to a file or remove it."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_what_would_be_lost() {
        for (changes, drafts, said) in [
            (1, 0, "1 change is not on the server yet. "),
            (0, 1, "1 page is not saved as an entry. "),
            (
                2,
                1,
                "2 changes are not on the server yet, and 1 page is not saved as an entry. ",
            ),
        ] {
            let words = would_be_lost(Unsent { changes, drafts });
            assert!(words.starts_with(said), "{words}");
        }
    }
}
