//! What an assertion said before it stopped a play, and where it stands.

use std::cell::RefCell;
use std::panic::{PanicHookInfo, set_hook};

thread_local! {
    static SAID: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// From now on assertions say what they have to say to the history that met them.
pub fn listen() {
    set_hook(Box::new(|said: &PanicHookInfo<'_>| {
        let place = said
            .location()
            .map(|at| format!(" ({}:{})", at.file(), at.line()));
        let words = said.payload_as_str().unwrap_or("an assertion");
        let words = format!("{words}{}", place.unwrap_or_default());
        SAID.with_borrow_mut(|last| *last = Some(words));
    }));
}

/// What the last assertion of this thread said, once.
pub(crate) fn said() -> Option<String> {
    SAID.take()
}
