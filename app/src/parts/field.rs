//! A labelled field with a hint and, while it is wrong, the reason in words.

use crate::weight::{Leaner, changing};
use crate::words::{self, settings};
use leptos::html;
use leptos::prelude::*;

/// One line of text.
#[component]
pub(crate) fn Field(
    /// Its name in the form, and its id.
    name: &'static str,
    /// Its label.
    label: &'static str,
    /// `text`, `email` or `password`.
    #[prop(default = "text")]
    kind: &'static str,
    /// What the browser may fill in.
    autocomplete: &'static str,
    /// What helps to fill it in.
    #[prop(optional)]
    hint: &'static str,
    /// Why it is wrong, while it is.
    #[prop(into)]
    error: Signal<Option<String>>,
    /// The field itself.
    node: NodeRef<html::Input>,
) -> impl IntoView {
    let hint_id = format!("{name}-hint");
    let error_id = format!("{name}-error");
    let described = {
        let (hint_id, error_id) = (hint_id.clone(), error_id.clone());
        changing(move || {
            let hint = (!hint.is_empty()).then_some(hint_id.as_str());
            let error = error.with(Option::is_some).then_some(error_id.as_str());
            let ids: Vec<_> = hint.into_iter().chain(error).collect();
            (!ids.is_empty()).then(|| ids.join(" "))
        })
    };
    let message = changing(move || {
        let id = error_id.clone();
        error
            .get()
            .map(|error| view! { <p class="error" id=id role="alert">{error}</p> }.lean())
    });
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <input
                node_ref=node
                id=name
                name=name
                type=kind
                autocomplete=autocomplete
                spellcheck="false"
                autocapitalize="none"
                data-testid=name
                aria-describedby=described
                aria-invalid=changing(move || error.with(Option::is_some).then_some("true"))
            />
            {(!hint.is_empty()).then(|| view! { <p class="hint" id=hint_id>{hint}</p> })}
            {message}
        </div>
    }
}

/// A password that is to be: the browser may suggest one, and what is asked of it stands below.
#[component]
pub(crate) fn NewPassword(
    /// Its name in the form, and its id.
    name: &'static str,
    /// Why it is wrong, while it is.
    #[prop(into)]
    error: Signal<Option<String>>,
    /// The field itself.
    node: NodeRef<html::Input>,
) -> impl IntoView {
    view! {
        <Field
            name
            label=settings::NEW_PASSWORD
            kind="password"
            autocomplete="new-password"
            hint=words::PASSWORD_HINT
            error
            node
        />
    }
}
