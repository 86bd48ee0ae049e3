//! A question that must be answered before anything else: a native dialog.

use crate::weight::{Lean, whenever};
use leptos::html;
use leptos::prelude::*;

/// A dialog that is open while `open` says so.
#[component]
pub(crate) fn Dialog(
    /// Whether it is open.
    #[prop(into)]
    open: Signal<bool>,
    /// Called when it was closed, by Escape too.
    #[prop(into)]
    on_close: Callback<()>,
    /// What its heading is called in the document.
    id: &'static str,
    /// The question.
    title: &'static str,
    /// What stands below the question.
    children: Lean,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    whenever(move || {
        let open = open.get();
        let Some(dialog) = dialog.get() else { return };
        if open && !dialog.open() {
            // It refuses only when it is not in the document or open already.
            let _ = dialog.show_modal();
        } else if !open && dialog.open() {
            dialog.close();
        }
    });
    view! {
        <dialog
            class="sheet"
            node_ref=dialog
            aria-labelledby=id
            data-testid=format!("{id}-dialog")
            on:close=move |_| on_close.run(())
        >
            <h2 id=id>{title}</h2>
            {children}
        </dialog>
    }
}
