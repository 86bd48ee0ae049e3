//! What the settings and the ways back in say to people.

use super::counted;

pub const SETTINGS: &str = "Settings";
pub const SETTINGS_SUB: &str = "Your account, and where your journal is open.";
pub const TRY_AGAIN: &str = "Try again";

// The account.
pub const ACCOUNT: &str = "Account";
pub const ACCOUNT_MORE: &str = "A new password signs out all other devices.";
pub const SIGNED_IN_AS: &str = "Signed in as";
pub const CHANGE_PASSWORD: &str = "Change password";
pub const PRESENT_PASSWORD: &str = "Present password";
pub const PRESENT_PASSWORD_HINT: &str = "Leave it empty if you sign in by passkey alone.";
pub const NEW_PASSWORD: &str = "New password";
pub const SET_PASSWORD: &str = "Set password";
pub const PASSWORD_CHANGED: &str = "The password is changed. All other devices are signed out.";
pub const PRESENT_WRONG: &str = "This is not the present password.";

// Confirming.
pub const CONFIRM_TITLE: &str = "Is it you?";
pub const CONFIRM: &str = "Confirm";
pub const CONFIRM_PASSWORD: &str = "Your password";
pub const CONFIRM_WRONG: &str = "This is not your password. Nothing was done.";
pub const CONFIRM_NEEDED: &str = "Your password goes here. Without one, use a passkey.";
pub const USE_PASSKEY: &str = "Use a passkey";
pub const OTHER_PERSON: &str = "This passkey belongs to another journal. Nothing was done; sign \
    in to go on.";

// Passkeys.
pub const PASSKEYS: &str = "Passkeys";
pub const PASSKEYS_MORE: &str = "A passkey opens your journal by a finger, a face or a PIN, and \
    cannot be guessed or typed into a wrong page.";
pub const NO_PASSKEYS: &str = "There is no passkey yet.";
pub const NO_PASSKEYS_HERE: &str = "This browser, or this address, has no passkeys.";
pub const ADD_PASSKEY: &str = "Add a passkey";
pub const PASSKEY_ADDED: &str = "The passkey is added.";
pub const ADD_PASSKEY_WHY: &str = "A new passkey is a new way into your journal.";
pub const REMOVE: &str = "Remove";
pub const REMOVE_PASSKEY_WHY: &str = "This passkey will not open your journal any more. The \
    device may go on showing it.";
pub const PASSKEY_REMOVED: &str = "The passkey is removed.";

// Devices.
pub const DEVICES: &str = "Devices";
pub const DEVICES_MORE: &str = "Where your journal is open. A device that you sign out removes \
    what it has of it.";
pub const THIS_DEVICE: &str = "This device";
pub const SIGN_OUT_DEVICE_TITLE: &str = "Sign this device out?";
pub const SIGN_OUT_DEVICE_MORE: &str = "It removes the journal it has as soon as it is in touch \
    with the server. Words it has not sent are offered to whoever holds it, as a file.";
pub const SIGN_OUT_DEVICE_WHY: &str =
    "This ends another device's session and takes the journal off it.";
pub const DEVICE_SIGNED_OUT: &str = "The device is signed out.";
pub const SIGN_OUT_EVERYWHERE: &str = "Sign out everywhere";
pub const EVERYWHERE_TITLE: &str = "Sign out everywhere?";
pub const EVERYWHERE_MORE: &str = "All devices, this one too, keep what they have and ask to sign \
    in before they sync again.";
pub const SIGNED_OUT_EVERYWHERE: &str = "All devices are signed out. Sign in to sync again.";

// Recovery codes.
pub const RECOVERY: &str = "Recovery codes";
pub const RECOVERY_MORE: &str = "Each code sets a new password once, should you forget yours. \
    Keep them where you keep important papers.";
pub const MAKE_CODES: &str = "Make new codes";
pub const MAKE_CODES_WHY: &str = "New codes take the place of all earlier ones.";
pub const CODES_TITLE: &str = "Your recovery codes";
pub const CODES_ONCE: &str = "They are shown this once. Save them before you close this.";
pub const COPY: &str = "Copy";
pub const COPIED: &str = "Copied";
pub const NOT_COPIED: &str = "This browser does not let the page copy. Save them to a file.";
pub const CLOSE: &str = "I have saved them";
pub const CODES_FILE: &str = "daybook-recovery-codes.txt";

// The data.
pub const DATA: &str = "Your data";
pub const DATA_MORE: &str = "Everything you wrote, as one file that any program can read.";
pub const EXPORT: &str = "Export from the server";
pub const EXPORT_HERE: &str = "Export from this device";
pub const EXPORT_HERE_MORE: &str = "What this device has, with what is not sent yet. It works \
    without a network.";
pub const EXPORT_FILE: &str = "daybook.json";
pub const EXPORT_HERE_FILE: &str = "daybook-device.json";
pub const EXPORTED: &str = "Saved to a file";

// The end.
pub const ERASE: &str = "Delete account";
pub const ERASE_MORE: &str = "The account and all entries are deleted, on the server and on this \
    device. Other devices offer a copy and then remove theirs. Nobody can bring it back.";
pub const ERASE_TITLE: &str = "Delete your account?";
pub const ERASE_WHY: &str = "This deletes your account and everything in it, for ever.";
pub const ERASED: &str = "Your account is deleted, and nothing of it is left on this device.";

// Ways back in.
pub const FORGOT: &str = "Forgot password?";
pub const FORGOT_TITLE: &str = "Find your way back";
pub const FORGOT_LEDE: &str = "What is on your devices stays there. This sets a new password.";
pub const SEND_LINK: &str = "Send me a link";
pub const LINK_SENT: &str = "If there is a journal for this address, a link is on its way. It \
    works for half an hour.";
pub const NO_MAIL: &str = "This server sends no mail. A recovery code works, and so does asking \
    who runs it.";
pub const WITH_CODE: &str = "With a recovery code";
pub const CODE: &str = "Recovery code";
pub const CODE_MISSING: &str = "One of your recovery codes goes here.";
pub const SET_NEW_PASSWORD: &str = "Set new password";
pub const RESET_TITLE: &str = "A new password";
pub const RESET_LEDE: &str = "It takes the place of the old one. Passkeys and recovery codes of \
    before do not open your journal any more, and all devices are signed out.";
pub const LINK_BROKEN: &str = "This address is not whole. Open the link of the mail once more, \
    or ask for a new one.";
pub const BACK_TO_SIGN_IN: &str = "Back to signing in";
pub const OR: &str = "or";

/// How many recovery codes are left.
#[must_use]
pub fn codes_left(count: u64) -> String {
    match count {
        0 => "There are no codes.".into(),
        count => {
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            counted(count, "code is left.", "codes are left.")
        }
    }
}

/// When a device was last heard of.
#[must_use]
pub fn last_seen(when: &str) -> String {
    format!("Last seen {when}")
}

/// When a passkey was made and last used.
#[must_use]
pub fn passkey_dates(made: &str, used: Option<&str>) -> String {
    match used {
        Some(used) => format!("Added {made}, last used {used}"),
        None => format!("Added {made}, not used yet"),
    }
}

/// What signing out this device is called, for who hears the page.
#[must_use]
pub fn sign_out_named(name: &str) -> String {
    format!("Sign out {name}")
}

/// What removing this passkey is called, for who hears the page.
#[must_use]
pub fn remove_named(name: &str) -> String {
    format!("Remove {name}")
}
