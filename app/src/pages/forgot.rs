//! For who forgot their password: a link by mail where the server sends mail, or a recovery code.

use super::auth_page::{Send, auth_page};
use super::sign::{Trouble, enter_as, go_in, value_of};
use crate::account::{check_password_length, checked_email, forgot_password, recover, ways_in};
use crate::live::{Client, use_client};
use crate::parts::field::{Field, NewPassword};
use crate::parts::title::set_title;
use crate::weight::{Leaner, changing, whenever};
use crate::words::{self, settings};
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;

/// The form's state.
#[derive(Clone, Copy)]
struct Form {
    client: Client,
    email: NodeRef<html::Input>,
    code: NodeRef<html::Input>,
    new: NodeRef<html::Input>,
    email_error: RwSignal<Option<String>>,
    code_error: RwSignal<Option<String>>,
    new_error: RwSignal<Option<String>>,
    /// Whether the server sends mail; nothing while it has not said so.
    mail: RwSignal<Option<bool>>,
    said: RwSignal<Option<&'static str>>,
    busy: RwSignal<bool>,
}

/// The page.
#[component]
pub(crate) fn ForgotPage() -> impl IntoView {
    set_title(settings::FORGOT_TITLE);
    let form = Form::new();
    let go = go_in();
    let send = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        form.recover(go);
    };
    let inside = view! {
            <form method="post" novalidate data-testid="forgot-form" on:submit=send>
                <Fields form />
            </form>
            <p class="switch">
                <a href="/auth/login" data-testid="to-sign-in">
                    {settings::BACK_TO_SIGN_IN}
                </a>
            </p>
    };
    auth_page(settings::FORGOT_TITLE, settings::FORGOT_LEDE, inside)
}

/// The address, and what comes of it: a link, or a code and a new password.
#[component]
fn Fields(
    /// Their state.
    form: Form,
) -> impl IntoView {
    let alive = RwSignal::new(false);
    whenever(move || alive.set(true));
    let said = changing(move || {
        form.said
            .get()
            .map(|words| view! { <span>{words}</span> }.lean())
    });
    view! {
        <Field
            name="email"
            label=words::EMAIL
            kind="email"
            autocomplete="username"
            error=form.email_error
            node=form.email
        />
        <div class="by-mail">
            <button
                class="button"
                type="button"
                data-testid="send-link"
                hidden=changing(move || form.mail.get() == Some(false))
                disabled=changing(move || !alive.get())
                aria-busy=changing(move || form.busy.get().then_some("true"))
                on:click=move |_| form.mail_link()
            >
                {settings::SEND_LINK}
            </button>
            <p class="said" role="status" data-testid="link-said">
                {said}
            </p>
        </div>
        <p class="or">{settings::WITH_CODE}</p>
        <Field
            name="code"
            label=settings::CODE
            autocomplete="one-time-code"
            error=form.code_error
            node=form.code
        />
        <NewPassword name="password" error=form.new_error node=form.new />
        <Send label=settings::SET_NEW_PASSWORD id="recover" alive busy=form.busy />
    }
}

impl Form {
    fn new() -> Self {
        let form = Self {
            client: use_client(),
            email: NodeRef::new(),
            code: NodeRef::new(),
            new: NodeRef::new(),
            email_error: RwSignal::new(None),
            code_error: RwSignal::new(None),
            new_error: RwSignal::new(None),
            mail: RwSignal::new(None),
            said: RwSignal::new(None),
            busy: RwSignal::new(false),
        };
        whenever(move || {
            spawn_local(async move {
                if let Ok(ways) = ways_in().await {
                    form.mail.try_set(Some(ways.mail));
                    form.said.try_set((!ways.mail).then_some(settings::NO_MAIL));
                }
            });
        });
        form
    }

    /// The address, if it is one.
    fn address(self) -> Option<String> {
        let email = value_of(self.email);
        let wrong = checked_email(&email).err().map(|error| error.to_string());
        self.email_error.set(wrong.clone());
        wrong.is_none().then_some(email)
    }

    fn mail_link(self) {
        let Some(email) = self.address().filter(|_| !self.busy.get_untracked()) else {
            return;
        };
        self.busy.set(true);
        self.said.set(None);
        spawn_local(async move {
            let asked = forgot_password(email).await;
            self.busy.try_set(false);
            match asked {
                Ok(()) => {
                    self.said.try_set(Some(settings::LINK_SENT));
                }
                Err(error) => self.explain(&error.into()),
            }
        });
    }

    fn recover(self, go: Callback<()>) {
        let (code, new) = (value_of(self.code), value_of(self.new));
        let missing = code.trim().is_empty();
        self.code_error
            .set(missing.then(|| settings::CODE_MISSING.to_owned()));
        let weak = check_password_length(&new)
            .err()
            .map(|error| error.to_string());
        self.new_error.set(weak.clone());
        let Some(email) = self.address().filter(|_| !missing && weak.is_none()) else {
            return;
        };
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        spawn_local(async move {
            let entered = match recover(email, code, new).await {
                Ok(account) => enter_as(self.client, account).await,
                Err(error) => Err(error.into()),
            };
            self.busy.try_set(false);
            match entered {
                Ok(()) => go.run(()),
                Err(trouble) => self.explain(&trouble),
            }
        });
    }

    /// Puts the error where it belongs.
    fn explain(self, trouble: &Trouble) {
        let place = match trouble.code.as_str() {
            "bad_email" | "mail_off" => self.email_error,
            "weak_password" => self.new_error,
            _ => self.code_error,
        };
        place.try_set(Some(trouble.words.clone()));
    }
}
