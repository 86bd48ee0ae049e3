//! What the mailed link opens: a new password. What the link carries stands behind its `#`, which
//! no server sees.

use super::auth_page::{Send, auth_page};
use super::sign::{enter_as, go_in, value_of};
use crate::account::{check_password_length, reset_password};
use crate::live::{Client, use_client};
use crate::parts::field::NewPassword;
use crate::parts::title::set_title;
use crate::weight::whenever;
use crate::words::settings;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;

/// The form's state.
#[derive(Clone, Copy)]
struct Form {
    client: Client,
    new: NodeRef<html::Input>,
    error: RwSignal<Option<String>>,
    busy: RwSignal<bool>,
}

/// The page.
#[component]
pub(crate) fn ResetPage() -> impl IntoView {
    set_title(settings::RESET_TITLE);
    let form = Form {
        client: use_client(),
        new: NodeRef::new(),
        error: RwSignal::new(None),
        busy: RwSignal::new(false),
    };
    let alive = RwSignal::new(false);
    whenever(move || {
        alive.set(true);
        if token().is_empty() {
            form.error.set(Some(settings::LINK_BROKEN.into()));
        }
    });
    let go = go_in();
    let send = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        form.send(go);
    };
    let inside = view! {
            <form method="post" novalidate data-testid="reset-form" on:submit=send>
                <NewPassword name="password" error=form.error node=form.new />
                <Send label=settings::SET_NEW_PASSWORD id="reset" alive busy=form.busy />
            </form>
            <p class="switch">
                <a href="/auth/forgot" data-testid="to-forgot">
                    {settings::FORGOT}
                </a>
            </p>
    };
    auth_page(settings::RESET_TITLE, settings::RESET_LEDE, inside)
}

impl Form {
    fn send(self, go: Callback<()>) {
        let password = value_of(self.new);
        let weak = check_password_length(&password).err();
        self.error.set(weak.map(|error| error.to_string()));
        if self.error.with_untracked(Option::is_some) || self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        spawn_local(async move {
            let entered = match reset_password(token(), password).await {
                Ok(account) => enter_as(self.client, account).await,
                Err(error) => Err(error.into()),
            };
            self.busy.try_set(false);
            match entered {
                Ok(()) => go.run(()),
                Err(trouble) => {
                    self.error.try_set(Some(trouble.words));
                }
            }
        });
    }
}

/// What the link carries.
fn token() -> String {
    let hash = window().location().hash().unwrap_or_default();
    hash.trim_start_matches('#').to_owned()
}
