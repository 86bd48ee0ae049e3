//! What is said of a journal that was ended from elsewhere, with what was kept of it.

use super::button::Button;
use crate::live::{save_file, use_client};
use crate::weight::{Lean, Leaner, changing, whenever};
use crate::words::leaving;
use leptos::prelude::*;
use leptos::task::spawn_local;
use sync::local::{Answer, Ask, Ended, Farewell};

/// The notice, on the page for signing in; nothing while there is nothing to say.
#[component]
pub(crate) fn FarewellNotice() -> impl IntoView {
    let client = use_client();
    let said = RwSignal::new(None);
    let session = client.session();
    whenever(move || {
        session.track();
        spawn_local(async move {
            if let Ok(Answer::Farewell(farewell)) = client.ask(Ask::Farewell).await {
                said.try_set(farewell);
            }
        });
    });
    let saved = RwSignal::new(false);
    let let_go = move || {
        said.set(None);
        client.tell(Ask::LetGo);
    };
    changing(move || said.get().map(|farewell| notice(&farewell, saved, let_go)))
}

fn notice(
    farewell: &Farewell,
    saved: RwSignal<bool>,
    let_go: impl Fn() + Copy + Send + 'static,
) -> Lean {
    let code = match farewell.why {
        Ended::RevokedErase => "revoked_erase",
        Ended::AccountErased => "account_erased",
    };
    let kept = farewell.document.clone().map(|document| {
        let save = move || {
            save_file(leaving::UNSENT_FILE, &document);
            saved.set(true);
        };
        view! {
            <p>{leaving::farewell_document(farewell.why)}</p>
            {Button::new(leaving::SAVE_FILE, "save-kept").dressed("button primary").press(save)}
        }
    });
    let has_document = kept.is_some();
    let remove = changing(move || {
        match (has_document, saved.get()) {
            (false, _) => leaving::UNDERSTOOD,
            (true, true) => leaving::REMOVE,
            (true, false) => leaving::REMOVE_UNSAVED,
        }
        .to_owned()
    });
    view! {
        <section class="notice farewell" role="alert" data-testid="farewell" data-code=code>
            <p>{leaving::farewell(farewell)}</p>
            {kept}
            <button class="button quiet" type="button" data-testid="let-go" on:click=move |_| let_go()>
                {remove}
            </button>
        </section>
    }
    .lean()
}
