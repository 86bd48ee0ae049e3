//! What went wrong on this device, in words.

use leptos::prelude::*;
use sync::local::Failure;

/// A notice about a failure.
#[component]
pub(crate) fn Trouble(
    /// The failure.
    failure: Failure,
) -> impl IntoView {
    view! {
        <div class="notice error" role="alert" data-testid="trouble" data-code=failure.code>
            <p>{failure.message}</p>
        </div>
    }
}
