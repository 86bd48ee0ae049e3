//! The tick: how far the words have come.

use super::icons::Marks;
use crate::words;
use leptos::prelude::*;
use sync::local::Tick as Reached;

/// The tick of a row, or of words that are not on the disk yet.
#[component]
pub(crate) fn Tick(
    /// How far the words are; nothing while they are not on the disk.
    reached: Option<Reached>,
    /// It has just become synced: the second tick writes itself.
    #[prop(optional)]
    fresh: bool,
) -> impl IntoView {
    let state = match &reached {
        None => "saving",
        Some(Reached::Local) => "local",
        Some(Reached::Synced) => "synced",
        Some(Reached::Attention { .. }) => "attention",
    };
    let label = words::tick_label(reached);
    let class = if fresh { "tick fresh" } else { "tick" };
    view! {
        <span class=class data-tick=state data-testid="tick" role="img" aria-label=label>
            <Marks />
        </span>
    }
}
