//! What signing in and signing up share: one form, and what follows when the server agrees.

use crate::account::{AccountError, check_password_length, checked_email, sign_in, sign_up};
use crate::live::{Client, use_client};
use crate::parts::field::Field;
use crate::weight::{Leaner, changing, whenever};
use crate::words;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_query_map};
use sync::local::{Account, Answer, Ask};

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Into an account that is there.
    SignIn,
    /// Into a new one.
    SignUp,
}

/// The form's state.
#[derive(Clone, Copy)]
struct Form {
    purpose: Purpose,
    client: Client,
    email: NodeRef<html::Input>,
    password: NodeRef<html::Input>,
    email_error: RwSignal<Option<String>>,
    password_error: RwSignal<Option<String>>,
    error: RwSignal<Option<Trouble>>,
    busy: RwSignal<bool>,
}

/// An error that belongs to no field.
#[derive(Clone)]
struct Trouble {
    code: String,
    words: String,
}

/// The form. It works once the page is alive; until then its button is off, so that no
/// password is ever sent as a part of an address.
#[component]
pub(super) fn SignForm(
    /// Which of the two.
    purpose: Purpose,
) -> impl IntoView {
    let form = Form::new(purpose);
    let alive = RwSignal::new(false);
    whenever(move || alive.set(true));
    let (autocomplete, hint, submit) = match purpose {
        Purpose::SignIn => ("current-password", "", words::SIGN_IN),
        Purpose::SignUp => ("new-password", words::PASSWORD_HINT, words::SIGN_UP),
    };
    let next = next_page();
    let navigate = use_navigate();
    let send = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let navigate = navigate.clone();
        form.send(move || {
            let options = NavigateOptions {
                replace: true,
                ..Default::default()
            };
            navigate(&next.get_untracked(), options);
        });
    };
    let trouble = changing(move || {
        form.error.get().map(|trouble| {
            view! {
                <div class="notice error" role="alert" data-testid="sign-error" data-code=trouble.code>
                    <p>{trouble.words}</p>
                </div>
            }
            .lean()
        })
    });
    view! {
        {trouble}
        <form method="post" novalidate data-testid="sign-form" on:submit=send>
            <Field
                name="email"
                label=words::EMAIL
                kind="email"
                autocomplete="username"
                error=form.email_error
                node=form.email
            />
            <Field
                name="password"
                label=words::PASSWORD
                kind="password"
                autocomplete=autocomplete
                hint=hint
                error=form.password_error
                node=form.password
            />
            <button
                class="button primary"
                type="submit"
                data-testid="sign-submit"
                disabled=changing(move || !alive.get())
                aria-busy=changing(move || form.busy.get().then_some("true"))
            >
                {submit}
            </button>
        </form>
    }
}

/// Where to go afterwards: a path of this site, whatever the address says.
fn next_page() -> Memo<String> {
    let query = use_query_map();
    Memo::new(move |_| query.with(|query| local_path(query.get_str("next"))))
}

fn local_path(next: Option<&str>) -> String {
    let local =
        |next: &&str| next.starts_with('/') && !next.starts_with("//") && !next.contains('\\');
    next.filter(local).unwrap_or("/journal-entries").to_owned()
}

impl Form {
    fn new(purpose: Purpose) -> Self {
        Self {
            purpose,
            client: use_client(),
            email: NodeRef::new(),
            password: NodeRef::new(),
            email_error: RwSignal::new(None),
            password_error: RwSignal::new(None),
            error: RwSignal::new(None),
            busy: RwSignal::new(false),
        }
    }

    fn send(self, then: impl FnOnce() + 'static) {
        let value = |node: NodeRef<html::Input>| {
            node.get_untracked()
                .map(|input| input.value())
                .unwrap_or_default()
        };
        let (email, password) = (value(self.email), value(self.password));
        self.error.set(None);
        self.email_error.set(self.wrong_email(&email));
        self.password_error.set(self.wrong_password(&password));
        if self.focus_first_wrong() || self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        spawn_local(async move {
            let result = self.enter(email, password).await;
            self.busy.try_set(false);
            match result {
                Ok(account) => {
                    self.client.be(Some(account));
                    then();
                }
                Err(trouble) => self.explain(trouble),
            }
        });
    }

    /// The server first, then the worker: the server knows sessions, the device knows journals.
    async fn enter(self, email: String, password: String) -> Result<Account, Trouble> {
        let asked = match self.purpose {
            Purpose::SignIn => sign_in(email, password).await,
            Purpose::SignUp => sign_up(email, password).await,
        };
        let account = asked.map_err(|error| self.in_words(&error))?;
        let answer = self
            .client
            .ask(Ask::SignedIn {
                account: account.clone(),
            })
            .await;
        match answer {
            Ok(Answer::Account(Some(account))) => Ok(account),
            Ok(_) => Ok(account),
            Err(failure) => Err(Trouble {
                code: failure.code,
                words: failure.message,
            }),
        }
    }

    fn in_words(self, error: &AccountError) -> Trouble {
        let words = match (error, self.purpose) {
            (AccountError::Network, Purpose::SignIn) => words::SIGN_IN_OFFLINE.into(),
            (AccountError::Network, Purpose::SignUp) => words::SIGN_UP_OFFLINE.into(),
            (error, _) => error.to_string(),
        };
        Trouble {
            code: error.code().into(),
            words,
        }
    }

    /// Puts the error where it belongs.
    fn explain(self, trouble: Trouble) {
        match trouble.code.as_str() {
            "bad_email" | "email_taken" => self.email_error.set(Some(trouble.words)),
            "weak_password" => self.password_error.set(Some(trouble.words)),
            _ => self.error.set(Some(trouble)),
        }
        self.focus_first_wrong();
    }

    fn wrong_email(self, email: &str) -> Option<String> {
        if email.trim().is_empty() {
            return Some(words::EMAIL_MISSING.into());
        }
        checked_email(email).err().map(|error| error.to_string())
    }

    fn wrong_password(self, password: &str) -> Option<String> {
        if password.is_empty() {
            return Some(words::PASSWORD_MISSING.into());
        }
        match self.purpose {
            Purpose::SignIn => None,
            Purpose::SignUp => check_password_length(password)
                .err()
                .map(|error| error.to_string()),
        }
    }

    fn focus_first_wrong(self) -> bool {
        let fields = [
            (self.email_error, self.email),
            (self.password_error, self.password),
        ];
        let wrong = fields
            .iter()
            .find(|(error, _)| error.with_untracked(Option::is_some));
        if let Some(input) = wrong.and_then(|(_, node)| node.get_untracked()) {
            // A field that is gone again needs no focus.
            let _ = input.focus();
        }
        wrong.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site_after_signing_in() {
        for (next, wanted) in [
            (Some("/journal-entries/abc"), "/journal-entries/abc"),
            (None, "/journal-entries"),
            (Some("https://elsewhere.example"), "/journal-entries"),
            (Some("//elsewhere.example"), "/journal-entries"),
            (Some("/\\elsewhere.example"), "/journal-entries"),
            (Some(""), "/journal-entries"),
        ] {
            assert_eq!(local_path(next), wanted, "{next:?}");
        }
    }
}
