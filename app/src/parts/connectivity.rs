//! What sync is doing, in a glyph, a word and a sentence; and the line about being offline.

use super::icons::Marks;
use crate::live::{use_client, use_connectivity};
use crate::weight::{Leaner, changing, whenever};
use crate::words::{self, HeaderAction};
use leptos::prelude::*;
use std::time::Duration;
use sync::device::status::HeaderState;
use sync::local::Ask;

/// How much longer than the header the line about being offline waits.
const LINE_WAITS_MS: u64 = 2_000;

/// The state of sync, for every page's header.
#[component]
pub(crate) fn ConnectivityState(
    /// The page that is open, to come back to after signing in.
    path: Memo<String>,
) -> impl IntoView {
    let now = use_connectivity();
    let header = Memo::new(move |_| now.with(|now| now.header));
    let action = changing(move || {
        words::header_action(header.get()).map(|action| match action {
            HeaderAction::SignIn => {
                let href = changing(move || format!("/auth/login?next={}", path.get()));
                view! { <a class="action" href=href data-testid="session-sign-in">{words::SIGN_IN}</a> }
                    .lean()
            }
            HeaderAction::TryNow => {
                let client = use_client();
                let try_now = move |_| client.tell(Ask::SyncNow);
                view! {
                    <button class="action" type="button" data-testid="try-now" on:click=try_now>
                        {words::TRY_NOW}
                    </button>
                }
                    .lean()
            }
        })
    });
    view! {
        <div
            class="connectivity"
            role="status"
            data-testid="connectivity"
            data-sync-state=changing(move || name(&header.get()))
            data-sync-code=changing(move || now.with(|now| name(&now.status)))
        >
            <span class="glyph" aria-hidden="true">
                <Marks />
            </span>
            <span class="label">{changing(move || words::header_label(header.get()).to_owned())}</span>
            <span class="detail">{changing(move || now.with(words::header_detail))}</span>
            {action}
        </div>
    }
}

/// A thin line below the bar when there is no network for a while.
#[component]
pub(crate) fn OfflineLine() -> impl IntoView {
    let now = use_connectivity();
    let offline = Memo::new(move |_| {
        now.with(|now| now.header == HeaderState::ConnectionError && !now.server_silent)
    });
    let shown = RwSignal::new(false);
    whenever(move || {
        if !offline.get() {
            shown.set(false);
            return;
        }
        let show = move || {
            if offline.try_get_untracked() == Some(true) {
                shown.try_set(true);
            }
        };
        set_timeout(show, Duration::from_millis(LINE_WAITS_MS));
    });
    changing(move || {
        shown.get().then(|| {
            view! {
                <div class="offline-line" role="status" data-testid="offline-line">
                    <p>{words::OFFLINE}</p>
                    <button class="button quiet" type="button" on:click=move |_| shown.set(false)>
                        {words::DISMISS}
                    </button>
                </div>
            }
            .lean()
        })
    })
}

/// A state's name for programs, which is its name on the wire.
fn name<T: serde::Serialize>(state: &T) -> String {
    let text = serde_json::to_string(state).unwrap_or_default();
    text.trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_read_the_names_of_the_contract() {
        for (state, wanted) in [
            (HeaderState::Synced, "synced"),
            (HeaderState::Pending, "pending"),
            (HeaderState::Syncing, "syncing"),
            (HeaderState::ConnectionError, "connection-error"),
            (HeaderState::AuthError, "auth-error"),
            (HeaderState::SyncError, "sync-error"),
        ] {
            assert_eq!(name(&state), wanted);
        }
    }
}
