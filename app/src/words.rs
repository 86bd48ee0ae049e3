//! Everything the page says to people, in one place: short plain sentences that say what
//! happened to the words, never blame and never exclaim.

pub mod leaving;
pub mod settings;

use sync::device::status::{Connectivity, HeaderState};
use sync::local::{Failure, Tick};

pub const NAME: &str = "Daybook";
#[cfg(feature = "ssr")]
pub const DESCRIPTION: &str = "A quiet journal that opens and saves without a network. Your words \
    are on your device first, and on your own server when you like.";
pub const SKIP: &str = "Skip to the page";

// The bar.
pub const PLACES: &str = "Places";
pub const JOURNAL: &str = "Journal";
pub const TRASH: &str = "Trash";
pub const WRITE: &str = "New entry";
pub const USER_MENU: &str = "User menu";
pub const THEME: &str = "Theme";
pub const THEME_SYSTEM: &str = "System";
pub const THEME_LIGHT: &str = "Light";
pub const THEME_DARK: &str = "Dark";
pub const SIGN_IN: &str = "Sign in";
pub const SIGN_OUT: &str = "Sign out";
pub const TRY_NOW: &str = "Try now";
pub const OFFLINE: &str = "You’re offline. Writing and reading work. Sync waits.";
pub const DISMISS: &str = "Dismiss";
pub const UPDATE_READY: &str = "A new version is ready.";
pub const RELOAD: &str = "Reload";
pub const LATER: &str = "Later";

// Welcome.
pub const WELCOME_TITLE: &str = "A quiet page for every day.";
pub const WELCOME_LEDE: &str =
    "Write where you are, with or without a network. Your words stay yours.";
pub const START_WRITING: &str = "Start writing";
pub const PROMISES: [&str; 3] = [
    "Kept on this device first",
    "The same page on all your devices",
    "Opens without a network",
];

// Signing in and up.
pub const SIGN_IN_TITLE: &str = "Welcome back";
pub const SIGN_IN_LEDE: &str = "Your journal is where you left it.";
pub const SIGN_UP_TITLE: &str = "Welcome to Daybook";
pub const SIGN_UP_LEDE: &str = "An address and a password, and the first page is open.";
pub const EMAIL: &str = "E-mail";
pub const PASSWORD: &str = "Password";
pub const PASSWORD_HINT: &str = "At least 12 characters. A short sentence is good.";
pub const EMAIL_MISSING: &str = "Your address goes here. It looks like name@example.org.";
pub const PASSWORD_MISSING: &str = "Your password goes here.";
pub const SIGN_UP: &str = "Make an account";
pub const SIGN_IN_OFFLINE: &str = "Signing in needs a connection.";
pub const SIGN_UP_OFFLINE: &str = "Making an account needs a connection.";
pub const NEW_HERE: &str = "New here? ";
pub const HERE_BEFORE: &str = "Here before? ";

// The journal.
pub const JOURNAL_TITLE: &str = "My Journal";
pub const NO_ENTRIES: &str = "No Journal Entries Yet";
pub const NO_ENTRIES_MORE: &str = "Everything you write is kept on this device first.";
pub const CREATE_FIRST: &str = "Create Your First Entry";
pub const READ_MORE: &str = "Read More →";
pub const EARLIER: &str = "Show earlier entries";
pub const PROMPT_MARK: &str = "Prompt";

// Writing.
pub const NEW_TITLE: &str = "New Journal Entry";
pub const NEW_SUB: &str = "Write your thoughts and reflections";
pub const KIND_OF_ENTRY: &str = "Kind of entry";
pub const PROMPTED: &str = "Prompted";
pub const FREE: &str = "Free";
pub const TODAYS_PROMPT: &str = "Today’s Prompt";
pub const THE_PROMPT: &str = "The prompt";
pub const ANOTHER_PROMPT: &str = "Another prompt";
pub const NO_PROMPTS: &str = "Prompts come with the first sync. You can write without one.";
pub const TITLE: &str = "Title";
pub const YOUR_RESPONSE: &str = "Your Response";
pub const YOUR_THOUGHTS: &str = "Your Thoughts";
pub const BODY_PLACEHOLDER: &str = "Begin anywhere.";
pub const SAVE: &str = "Save";
pub const CREATED: &str = "Journal entry created successfully!";
pub const BACK: &str = "Back to Journal Entries";
pub const YOUR_ENTRY: &str = "Your Entry";
pub const DELETE_ENTRY: &str = "Delete Entry";
pub const NEEDS_WORDS: &str =
    "An entry needs words, so this is not saved. The last version with words is kept.";
pub const NEEDS_WORDS_NEW: &str = "An entry needs words. Write some and save again.";
pub const TOO_LONG: &str = "This is more than one entry holds (200 KiB), so the last words are \
    not saved as an entry yet. They are kept here; move some of them to another entry.";
pub const TITLE_TOO_LONG: &str = "This title is longer than a title may be, so it is not saved \
    yet. Make it shorter; the rest is kept.";
pub const NOT_SAVED: &str = "Not saved";
pub const IN_TRASH: &str = "This entry is in the trash.";

// Deleting.
pub const DELETE_TITLE: &str = "Delete Journal Entry?";
pub const DELETE_MORE: &str = "It goes to the trash, where you can find it again.";
pub const CANCEL: &str = "Cancel";
pub const DELETE: &str = "Delete";
pub const DELETED: &str = "Deleted";
pub const UNDO: &str = "Undo";
pub const TRASH_SUB: &str = "Kept here until you restore it or delete it for ever.";
pub const TRASH_EMPTY: &str = "Nothing in the trash";
pub const TRASH_EMPTY_MORE: &str = "Entries you delete come here first.";
pub const RESTORE: &str = "Restore";
pub const RESTORED: &str = "Restored";
pub const FOR_EVER: &str = "Delete for ever";
pub const FOR_EVER_TITLE: &str = "Delete for ever?";
pub const FOR_EVER_MORE: &str =
    "This entry will be gone from all your devices, and nobody can bring it back.";
pub const FOR_EVER_LABEL: &str = "Type DELETE";
pub const FOR_EVER_WORD: &str = "DELETE";
pub const FOR_EVER_WRONG: &str = "Please type \"DELETE\" to confirm";
pub const DELETED_FOR_EVER: &str = "Deleted for ever";

// Not here.
pub const NOT_HERE: &str = "Not here yet";
pub const NO_SUCH_PAGE: &str = "There is no such page.";
pub const NO_SUCH_PAGE_MORE: &str = "The address may have a slip in it. Your journal is safe.";
pub const NO_SUCH_ENTRY: &str = "This entry is not on this device.";
pub const NO_SUCH_ENTRY_MORE: &str = "It may come with the next sync, or it was deleted for ever \
    on another device.";
pub const GO_TO_JOURNAL: &str = "Go to my journal";

// When the worker is not there.
pub const WORKER_SLOW: &str = "The journal on this device takes too long to answer. What you \
    wrote is still on this page; try again in a moment.";
pub const WORKER_BROKE: &str = "The part that keeps your journal had to start again. What you \
    wrote is still on this page; it is saved with your next key.";
pub const NO_WORKER: &str = "The journal on this device cannot be opened. Nothing was lost. \
    Copy what you wrote on this page, then reload it.";
pub const OTHER_BUILD: &str = "A new version is ready and this page is of the old one. Nothing \
    was lost. Copy what is not saved, then reload.";

/// A failure of the page itself.
#[must_use]
pub fn failure(code: &str, message: &str) -> Failure {
    Failure {
        code: code.into(),
        message: message.into(),
    }
}

/// A title of the document.
#[must_use]
pub fn document_title(page: &str) -> String {
    if page == NAME {
        page.into()
    } else {
        format!("{page} · {NAME}")
    }
}

/// "1 entry", "2 entries".
fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// How many entries there are.
#[must_use]
pub fn entries_in_total(count: usize) -> String {
    format!("{} in total", counted(count, "entry", "entries"))
}

/// How many words there are.
#[must_use]
pub fn words_written(count: usize) -> String {
    counted(count, "word", "words")
}

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderAction {
    /// A link to signing in.
    SignIn,
    /// A button that tries to reach the server.
    TryNow,
}

/// The label under the glyph.
#[must_use]
pub const fn header_label(state: HeaderState) -> &'static str {
    match state {
        HeaderState::AuthError => "Session Expired",
        HeaderState::ConnectionError => "No Internet",
        HeaderState::SyncError => "Sync Issue",
        HeaderState::Syncing => "Syncing…",
        HeaderState::Pending => "Saved",
        HeaderState::Synced => "Synced",
    }
}

/// The sentence beside the label; empty when there is nothing to add.
#[must_use]
pub fn header_detail(now: &Connectivity) -> String {
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    match now.header {
        HeaderState::AuthError if now.waiting == 0 => "Keep writing. It is all kept here.".into(),
        HeaderState::AuthError => {
            let waiting = counted(count(now.waiting), "entry waits", "entries wait");
            format!("Keep writing. {waiting} on this device.")
        }
        HeaderState::ConnectionError if now.server_silent => "The server does not answer.".into(),
        HeaderState::ConnectionError => "Saved on this device. Sync starts by itself.".into(),
        HeaderState::SyncError if now.failed == 0 => {
            "Something was not understood. Your words are kept here.".into()
        }
        HeaderState::SyncError => {
            let failed = counted(count(now.failed), "entry was", "entries were");
            format!("{failed} not accepted.")
        }
        HeaderState::Syncing | HeaderState::Pending if now.waiting > 0 => {
            format!("{} to send", now.waiting)
        }
        HeaderState::Syncing | HeaderState::Pending => String::new(),
        HeaderState::Synced => "Just now".into(),
    }
}

/// What a person can do about it.
#[must_use]
pub const fn header_action(state: HeaderState) -> Option<HeaderAction> {
    match state {
        HeaderState::AuthError => Some(HeaderAction::SignIn),
        HeaderState::ConnectionError | HeaderState::SyncError => Some(HeaderAction::TryNow),
        HeaderState::Syncing | HeaderState::Pending | HeaderState::Synced => None,
    }
}

/// What the words of an entry are called.
#[must_use]
pub const fn body_label(prompted: bool) -> &'static str {
    if prompted {
        YOUR_RESPONSE
    } else {
        YOUR_THOUGHTS
    }
}

/// What a tick means; nothing while saving has not taken long.
#[must_use]
pub fn tick_label(tick: Option<Tick>) -> String {
    match tick {
        None => "Saving…".into(),
        Some(Tick::Local) => "Saved on this device".into(),
        Some(Tick::Synced) => "Synced".into(),
        Some(Tick::Attention { message, .. }) => message,
    }
}

/// What the mail to somebody who forgot their password is about.
#[cfg(feature = "ssr")]
pub const RESET_MAIL_SUBJECT: &str = "A new password for Daybook";

/// What that mail says.
#[cfg(feature = "ssr")]
#[must_use]
pub fn reset_mail(link: &str) -> String {
    format!(
        "Somebody, probably you, asked for a new password for the journal of this address.\n\n\
         To set one, open this link within half an hour. It works once:\n\n{link}\n\n\
         If it was not you, do nothing: your password is as it was, and nobody has seen it.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync::device::status::Status;

    fn connectivity(header: HeaderState, waiting: u64) -> Connectivity {
        Connectivity {
            status: Status::Connected,
            header,
            waiting,
            failed: waiting,
            server_silent: false,
            synced_at_ms: 0,
        }
    }

    #[test]
    fn one_is_one_and_everything_else_is_many() {
        assert_eq!(entries_in_total(0), "0 entries in total");
        assert_eq!(entries_in_total(1), "1 entry in total");
        assert_eq!(entries_in_total(2), "2 entries in total");
        assert_eq!(words_written(1), "1 word");
    }

    #[test]
    fn the_header_says_what_happens_to_the_words() {
        for (state, waiting, detail) in [
            (
                HeaderState::AuthError,
                3,
                "Keep writing. 3 entries wait on this device.",
            ),
            (
                HeaderState::AuthError,
                1,
                "Keep writing. 1 entry waits on this device.",
            ),
            (
                HeaderState::AuthError,
                0,
                "Keep writing. It is all kept here.",
            ),
            (
                HeaderState::ConnectionError,
                1,
                "Saved on this device. Sync starts by itself.",
            ),
            (HeaderState::SyncError, 2, "2 entries were not accepted."),
            (HeaderState::SyncError, 1, "1 entry was not accepted."),
            (HeaderState::Pending, 2, "2 to send"),
            (HeaderState::Syncing, 0, ""),
            (HeaderState::Synced, 0, "Just now"),
        ] {
            assert_eq!(
                header_detail(&connectivity(state, waiting)),
                detail,
                "{state:?}"
            );
        }
    }

    #[test]
    fn a_silent_server_is_not_called_a_missing_network() {
        let connectivity = connectivity(HeaderState::ConnectionError, 0);
        let silent = Connectivity {
            server_silent: true,
            ..connectivity
        };
        assert_eq!(header_detail(&silent), "The server does not answer.");
    }

    #[test]
    fn every_problem_has_a_way_out() {
        for state in [
            HeaderState::AuthError,
            HeaderState::ConnectionError,
            HeaderState::SyncError,
        ] {
            assert!(header_action(state).is_some(), "{state:?}");
        }
    }
}
