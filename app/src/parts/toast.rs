//! A word at the bottom about what was just done, with the way back; and the line that offers
//! a new version.

use crate::live::use_client;
use crate::weight::{Leaner, changing};
use crate::words;
use leptos::prelude::*;
use std::time::Duration;

/// How long a toast stands.
const STANDS_MS: u64 = 8_000;

/// What a toast says and can undo.
#[derive(Clone)]
struct Said {
    text: String,
    undo: Option<Callback<()>>,
}

/// The one place for toasts. A new one takes the old one's place.
#[derive(Clone, Copy)]
pub(crate) struct Toasts {
    said: RwSignal<Option<Said>>,
    /// Tells a toast's own clock from that of the one before.
    number: StoredValue<u32>,
}

impl Toasts {
    /// Makes the place, at the root, so that a toast outlives the page that said it.
    pub(crate) fn provide() {
        provide_context(Self {
            said: RwSignal::new(None),
            number: StoredValue::new(0),
        });
    }

    /// Says something.
    pub(crate) fn say(self, text: &str) {
        self.show(Said {
            text: text.into(),
            undo: None,
        });
    }

    /// Says something that can be undone.
    pub(crate) fn say_with_undo(self, text: &str, undo: impl Fn() + Send + Sync + 'static) {
        let undo = Callback::new(move |()| undo());
        self.show(Said {
            text: text.into(),
            undo: Some(undo),
        });
    }

    fn show(self, said: Said) {
        self.said.set(Some(said));
        let number = self.number.get_value().wrapping_add(1);
        self.number.set_value(number);
        let leave = move || {
            if self.number.get_value() == number {
                self.said.set(None);
            }
        };
        set_timeout(leave, Duration::from_millis(STANDS_MS));
    }
}

/// The place for toasts.
pub(crate) fn use_toasts() -> Toasts {
    expect_context::<Toasts>()
}

/// The toast that stands, or else the offer of a new version.
#[component]
pub(crate) fn Toast() -> impl IntoView {
    let toasts = use_toasts();
    let update = use_client().update_ready();
    let content = changing(move || match toasts.said.get() {
        Some(said) => Some(said_view(toasts, said).lean()),
        None => update.get().then(|| offer_view(update).lean()),
    });
    view! {
        <div class="toast" role="status" data-testid="toast">
            {content}
        </div>
    }
}

fn said_view(toasts: Toasts, said: Said) -> impl IntoView {
    let undo = said.undo.map(|undo| {
        let undo = move |_| {
            toasts.said.set(None);
            undo.run(());
        };
        view! {
            <button class="button quiet" type="button" data-testid="undo" on:click=undo>
                {words::UNDO}
            </button>
        }
    });
    view! {
        <p>{said.text}</p>
        {undo}
    }
}

fn offer_view(update: RwSignal<bool>) -> impl IntoView {
    let reload = move |_| {
        // The script that registered the service worker knows whether one waits.
        if let Ok(event) = web_sys::CustomEvent::new("daybook:reload") {
            let _ = window().dispatch_event(&event);
        }
    };
    view! {
        <p data-testid="update">{words::UPDATE_READY}</p>
        <button class="button quiet" type="button" data-testid="reload" on:click=reload>
            {words::RELOAD}
        </button>
        <button class="button quiet" type="button" data-testid="later" on:click=move |_| update.set(false)>
            {words::LATER}
        </button>
    }
}
