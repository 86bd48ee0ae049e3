//! The frame around every page: the bar for personal ones, the routes, the toast, and who may
//! be where.

use super::bar::Bar;
use super::connectivity::OfflineLine;
use super::focus;
use super::toast::Toast;
use super::trouble::Trouble;
use crate::live::{Session, use_client};
use crate::pages::entry::EntryPage;
use crate::pages::forgot::ForgotPage;
use crate::pages::journal::JournalPage;
use crate::pages::new_entry::NewEntryPage;
use crate::pages::not_here::NotHerePage;
use crate::pages::reset::ResetPage;
use crate::pages::settings::SettingsPage;
use crate::pages::sign_in::SignInPage;
use crate::pages::sign_up::SignUpPage;
use crate::pages::trash::TrashPage;
use crate::pages::welcome::WelcomePage;
use crate::weight::{Leaner, changing, whenever};
use crate::words;
use leptos::prelude::*;
use leptos_router::components::{FlatRoutes, Route};
use leptos_router::hooks::{use_location, use_navigate};
use leptos_router::{NavigateOptions, path};

/// The frame.
#[component]
pub(crate) fn Frame() -> impl IntoView {
    let path = use_location().pathname;
    let personal = Memo::new(move |_| path.with(|path| is_personal(path)));
    let trouble = use_client().trouble();
    keep_to_the_journal(path);
    focus::follow_routes(path);
    focus::open_new_page_on_key(personal);
    let skip = move |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        focus::focus_page();
    };
    view! {
        <a class="skip-link" href="#main" on:click=skip>
            {words::SKIP}
        </a>
        <div class:shell=changing(move || personal.get())>
            {changing(move || {
                personal
                    .get()
                    .then(|| {
                        view! {
                            <Bar path />
                            <OfflineLine />
                        }
                            .lean()
                    })
            })}
            {changing(move || {
                trouble.get().map(|failure| view! { <Trouble failure /> }.lean())
            })}
            <FlatRoutes fallback=NotHerePage>
                <Route path=path!("/") view=WelcomePage />
                <Route path=path!("/auth/login") view=SignInPage />
                <Route path=path!("/auth/register") view=SignUpPage />
                <Route path=path!("/auth/forgot") view=ForgotPage />
                <Route path=path!("/auth/reset") view=ResetPage />
                <Route path=path!("/settings") view=SettingsPage />
                <Route path=path!("/journal-entries") view=JournalPage />
                <Route path=path!("/journal-entries/new") view=NewEntryPage />
                <Route path=path!("/journal-entries/:id") view=EntryPage />
                <Route path=path!("/trash") view=TrashPage />
            </FlatRoutes>
        </div>
        <Toast />
    }
}

/// Whether a page shows something of a person's own.
fn is_personal(path: &str) -> bool {
    path != "/" && !path.starts_with("/auth/")
}

/// Personal pages need a journal on this device, and whoever has one starts in it.
fn keep_to_the_journal(path: Memo<String>) {
    let session = use_client().session();
    let navigate = use_navigate();
    whenever(move || {
        let path = path.get();
        let replace = NavigateOptions {
            replace: true,
            ..Default::default()
        };
        match session.get() {
            Session::Nobody if is_personal(&path) => {
                navigate(&format!("/auth/login?next={path}"), replace);
            }
            Session::Somebody(_) if path == "/" => navigate("/journal-entries", replace),
            _ => {}
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_but_welcome_and_signing_in_is_personal() {
        for (path, personal) in [
            ("/", false),
            ("/auth/login", false),
            ("/auth/register", false),
            ("/journal-entries", true),
            ("/auth/forgot", false),
            ("/auth/reset", false),
            ("/settings", true),
            ("/trash", true),
            ("/authors", true),
        ] {
            assert_eq!(is_personal(path), personal, "{path}");
        }
    }
}
