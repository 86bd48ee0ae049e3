//! What signing in and signing up share: one form, and what follows when the server agrees.

use super::auth_page::Send;
use crate::account::{AccountError, check_password_length, checked_email, sign_in, sign_up};
use crate::live::{Client, has_passkeys, sign_in_by_passkey, use_client};
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

/// Why somebody did not get in.
#[derive(Clone)]
pub(super) struct Trouble {
    /// The word that programs go by.
    pub(super) code: String,
    /// What happened, in words.
    pub(super) words: String,
}

impl From<AccountError> for Trouble {
    fn from(error: AccountError) -> Self {
        Self {
            code: error.code().into(),
            words: error.to_string(),
        }
    }
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
    let go = go_in();
    let send = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        form.send(go);
    };
    let passkey = (purpose == Purpose::SignIn).then(|| view! { <ByPasskey form go alive /> });
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
        {passkey}
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
            <Send label=submit id="sign-submit" alive busy=form.busy />
        </form>
    }
}

/// The passkey, before the password where the browser has both.
#[component]
fn ByPasskey(
    /// The form beside it.
    form: Form,
    /// Goes on, once somebody is in.
    go: Callback<()>,
    /// Whether the page works already.
    alive: RwSignal<bool>,
) -> impl IntoView {
    let missing = RwSignal::new(false);
    whenever(move || missing.set(!has_passkeys()));
    view! {
        <div class="by-passkey" hidden=changing(move || missing.get())>
            <button
                class="button"
                type="button"
                data-testid="sign-passkey"
                disabled=changing(move || !alive.get())
                on:click=move |_| form.by_passkey(go)
            >
                {words::settings::USE_PASSKEY}
            </button>
            <p class="or">{words::settings::OR}</p>
        </div>
    }
}

/// Goes to where somebody was going before they had to sign in.
pub(super) fn go_in() -> Callback<()> {
    let next = next_page();
    let navigate = StoredValue::new_local(use_navigate());
    Callback::new(move |()| {
        let options = NavigateOptions {
            replace: true,
            ..Default::default()
        };
        navigate.with_value(|navigate| navigate(&next.get_untracked(), options));
    })
}

/// Opens the journal of who is signed in: the server knows sessions, the device knows journals.
pub(super) async fn enter_as(client: Client, account: Account) -> Result<(), Trouble> {
    let asked = Ask::SignedIn {
        account: account.clone(),
    };
    let account = match client.ask(asked).await {
        Ok(Answer::Account(Some(account))) => account,
        Ok(_) => account,
        Err(failure) => {
            return Err(Trouble {
                code: failure.code,
                words: failure.message,
            });
        }
    };
    client.be(Some(account));
    Ok(())
}

/// What is typed into a field.
pub(super) fn value_of(node: NodeRef<html::Input>) -> String {
    let input = node.get_untracked();
    input.map(|input| input.value()).unwrap_or_default()
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

    fn send(self, go: Callback<()>) {
        let (email, password) = (value_of(self.email), value_of(self.password));
        self.error.set(None);
        self.email_error.set(self.wrong_email(&email));
        self.password_error.set(self.wrong_password(&password));
        if self.focus_first_wrong() || self.busy.get_untracked() {
            return;
        }
        self.enter(go, async move {
            match self.purpose {
                Purpose::SignIn => sign_in(email, password).await,
                Purpose::SignUp => sign_up(email, password).await,
            }
        });
    }

    fn by_passkey(self, go: Callback<()>) {
        self.error.set(None);
        if !self.busy.get_untracked() {
            self.enter(go, sign_in_by_passkey());
        }
    }

    /// The server first, then the worker.
    fn enter(
        self,
        go: Callback<()>,
        asked: impl Future<Output = Result<Account, AccountError>> + 'static,
    ) {
        self.busy.set(true);
        spawn_local(async move {
            let entered = match asked.await {
                Ok(account) => enter_as(self.client, account).await,
                Err(error) => Err(self.in_words(&error)),
            };
            self.busy.try_set(false);
            match entered {
                Ok(()) => go.run(()),
                Err(trouble) => self.explain(trouble),
            }
        });
    }

    fn in_words(self, error: &AccountError) -> Trouble {
        let words = match (error, self.purpose) {
            (AccountError::Network, Purpose::SignIn) => words::SIGN_IN_OFFLINE.into(),
            (AccountError::Network, Purpose::SignUp) => words::SIGN_UP_OFFLINE.into(),
            (error, _) => error.to_string(),
        };
        Trouble {
            words,
            ..error.clone().into()
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
