//! The data, to take along.

use super::{actions, note, part};
use crate::live::{save_export, save_file, use_client};
use crate::parts::button::Button;
use crate::parts::toast::use_toasts;
use crate::weight::Lean;
use crate::words::settings;
use leptos::prelude::*;
use leptos::task::spawn_local;
use sync::local::{Answer, Ask};

/// The exports: the server's, and this device's.
pub(super) fn section() -> Lean {
    let toasts = use_toasts();
    let client = use_client();
    let busy = RwSignal::new(false);
    let export = move || {
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        spawn_local(async move {
            let saved = save_export(settings::EXPORT_FILE).await;
            busy.try_set(false);
            match saved {
                Ok(()) => toasts.say(settings::EXPORTED),
                Err(error) => toasts.say(&error.to_string()),
            }
        });
    };
    let export_here = move || {
        spawn_local(async move {
            match client.ask(Ask::Export { unsent_only: false }).await {
                Ok(Answer::Document(text)) => {
                    save_file(settings::EXPORT_HERE_FILE, &text);
                    toasts.say(settings::EXPORTED);
                }
                Ok(_) => {}
                Err(failure) => toasts.say(&failure.message),
            }
        });
    };
    let ways = actions(vec![
        Button::new(settings::EXPORT, "export")
            .busy(busy)
            .press(export),
        Button::new(settings::EXPORT_HERE, "export-device").press(export_here),
    ]);
    let (title, more) = (settings::DATA, settings::DATA_MORE);
    part(
        "data",
        title,
        more,
        vec![ways, note(settings::EXPORT_HERE_MORE)],
    )
}
