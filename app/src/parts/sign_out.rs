//! The way out: what is on this device alone is sent, saved or let go first, and then the journal
//! leaves the device, with or without a network.

use super::button::Button;
use super::dialog::Dialog;
use super::toast::{Toasts, use_toasts};
use crate::account::{AccountError, sign_out};
use crate::live::{Client, save_file, use_client};
use crate::weight::{Lean, Leaner, changing};
use crate::words::{self, leaving as said};
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use std::time::Duration;
use sync::local::{Answer, Ask, Failure, Unsent};

/// How often the device is asked how much is left to send, in milliseconds.
const GLANCE_MS: u64 = 400;

/// How often it is asked before the person is told that it takes too long: 20 s in all.
const GLANCES_MAX: u32 = 50;

/// Goes to a page of this site.
type Going = Box<dyn Fn(&str)>;

/// The way out, and how far somebody is on it.
#[derive(Clone, Copy)]
pub(crate) struct Leaving {
    client: Client,
    toasts: Toasts,
    go: StoredValue<Going, LocalStorage>,
    /// What is on this device alone; the question stands while there is something.
    unsent: RwSignal<Option<Unsent>>,
    busy: RwSignal<bool>,
    sending: RwSignal<bool>,
    problem: RwSignal<Option<&'static str>>,
}

impl Leaving {
    /// The way out of this page.
    pub(crate) fn new() -> Self {
        let navigate = use_navigate();
        let go: Going = Box::new(move |path| navigate(path, NavigateOptions::default()));
        Self {
            client: use_client(),
            toasts: use_toasts(),
            go: StoredValue::new_local(go),
            unsent: RwSignal::new(None),
            busy: RwSignal::new(false),
            sending: RwSignal::new(false),
            problem: RwSignal::new(None),
        }
    }

    /// Leaves, or asks when words would be lost.
    pub(crate) fn begin(self) {
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        self.problem.set(None);
        spawn_local(async move {
            match self.count().await {
                Ok(unsent) if unsent.is_nothing() => self.leave(false).await,
                Ok(unsent) => {
                    self.unsent.try_set(Some(unsent));
                }
                Err(failure) => self.toasts.say(&failure.message),
            }
            self.busy.try_set(false);
        });
    }

    fn close(self) {
        self.sending.set(false);
        self.unsent.set(None);
    }

    async fn count(self) -> Result<Unsent, Failure> {
        match self.client.ask(Ask::Unsent).await? {
            Answer::Unsent(unsent) => Ok(unsent),
            _ => Ok(Unsent::default()),
        }
    }

    /// The server first, if it is there: who leaves on a plane leaves all the same, and the
    /// device tells the server at the next contact.
    async fn leave(self, discard: bool) {
        let heard = match sign_out().await {
            Ok(()) => true,
            Err(AccountError::Network) => false,
            Err(error) => return self.toasts.say(&error.to_string()),
        };
        match self.client.ask(Ask::SignedOut { discard, heard }).await {
            Ok(_) => {
                self.unsent.try_set(None);
                self.client.be(None);
                self.go.with_value(|go| go("/"));
            }
            Err(failure) => self.toasts.say(&failure.message),
        }
    }

    /// An open page becomes an entry when it is left, and can be sent then.
    fn send_first(self) {
        if self.sending.get_untracked() {
            return;
        }
        self.problem.set(Some(said::SENDING));
        self.sending.set(true);
        self.go.with_value(|go| go("/journal-entries"));
        self.client.tell(Ask::SyncNow);
        self.glance(GLANCES_MAX);
    }

    fn glance(self, left: u32) {
        let look = move || {
            spawn_local(async move {
                let Some(true) = self.sending.try_get_untracked() else {
                    return;
                };
                match self.count().await {
                    Ok(unsent) if unsent.is_nothing() => self.leave(false).await,
                    Ok(unsent) if left > 0 => {
                        self.unsent.try_set(Some(unsent));
                        return self.glance(left - 1);
                    }
                    _ => {
                        self.problem.try_set(Some(said::NOT_ALL_SENT));
                    }
                }
                self.sending.try_set(false);
            });
        };
        set_timeout(look, Duration::from_millis(GLANCE_MS));
    }

    fn save(self) {
        spawn_local(async move {
            match self.client.ask(Ask::Export { unsent_only: true }).await {
                Ok(Answer::Document(text)) => {
                    save_file(said::UNSENT_FILE, &text);
                    self.problem.try_set(Some(said::SAVED_FILE));
                }
                Ok(_) => {}
                Err(failure) => self.toasts.say(&failure.message),
            }
        });
    }

    fn discard(self) {
        if !self.busy.get_untracked() {
            self.busy.set(true);
            spawn_local(async move {
                self.leave(true).await;
                self.busy.try_set(false);
            });
        }
    }
}

/// The button that begins it.
pub(crate) fn sign_out_button(leaving: Leaving) -> Lean {
    Button::new(words::SIGN_OUT, "sign-out")
        .dressed("button quiet")
        .busy(leaving.busy)
        .press(move || leaving.begin())
}

/// The question before words are lost.
#[component]
pub(crate) fn UnsentDialog(
    /// The way out.
    leaving: Leaving,
) -> impl IntoView {
    let open = Signal::derive(move || leaving.unsent.with(Option::is_some));
    let what = changing(move || {
        let unsent = leaving.unsent.get();
        unsent.map(said::would_be_lost).unwrap_or_default()
    });
    let note = changing(move || {
        leaving
            .problem
            .get()
            .map(|words| view! { <p data-testid="unsent-note">{words}</p> }.lean())
    });
    let ways = vec![
        Button::new(said::SEND_FIRST, "send-first")
            .dressed("button primary")
            .busy(leaving.sending)
            .press(move || leaving.send_first()),
        Button::new(said::SAVE_FILE, "save-unsent").press(move || leaving.save()),
        Button::new(said::DISCARD, "discard")
            .dressed("button quiet danger")
            .press(move || leaving.discard()),
        Button::new(words::CANCEL, "cancel")
            .dressed("button quiet")
            .press(move || leaving.close()),
    ];
    view! {
        <Dialog open on_close=move |()| leaving.close() id="unsent" title=said::TITLE>
            <p>{what}</p>
            <div class="news" role="status">
                {note}
            </div>
            <div class="actions stacked">{ways}</div>
        </Dialog>
    }
}
