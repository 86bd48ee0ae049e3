//! The data, to take along.

use super::Section;
use crate::live::{save_export, save_file, use_client};
use crate::parts::toast::use_toasts;
use crate::weight::changing;
use crate::words::settings;
use leptos::prelude::*;
use leptos::task::spawn_local;
use sync::local::{Answer, Ask};

/// The exports: the server's, and this device's.
#[component]
pub(super) fn DataSection() -> impl IntoView {
    let toasts = use_toasts();
    let client = use_client();
    let busy = RwSignal::new(false);
    let export = move |_| {
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
    let export_here = move |_| {
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
    view! {
        <Section id="data" title=settings::DATA more=settings::DATA_MORE>
            <div class="actions">
                <button
                    class="button"
                    type="button"
                    data-testid="export"
                    aria-busy=changing(move || busy.get().then_some("true"))
                    on:click=export
                >
                    {settings::EXPORT}
                </button>
                <button class="button" type="button" data-testid="export-device" on:click=export_here>
                    {settings::EXPORT_HERE}
                </button>
            </div>
            <p class="none">{settings::EXPORT_HERE_MORE}</p>
        </Section>
    }
}
