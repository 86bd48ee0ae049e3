//! Light, dark, or as the system has it. Before the first paint `theme.js` reads the same key.

use crate::weight::changing;
use crate::words;
use leptos::prelude::*;

const KEY: &str = "theme";
const CHOICES: [(&str, &str); 3] = [
    ("system", words::THEME_SYSTEM),
    ("light", words::THEME_LIGHT),
    ("dark", words::THEME_DARK),
];

/// The choice of a theme.
#[component]
pub(crate) fn ThemeChoice() -> impl IntoView {
    let chosen = RwSignal::new(stored());
    let choices = CHOICES.map(|(value, label)| {
        let choose = move |_| {
            chosen.set(value.into());
            choose(value);
        };
        view! {
            <label>
                <input
                    type="radio"
                    name="theme"
                    value=value
                    prop:checked=changing(move || chosen.get() == value)
                    on:change=choose
                />
                <span>{label}</span>
            </label>
        }
    });
    view! {
        <fieldset class="theme" data-testid="theme">
            <legend>{words::THEME}</legend>
            {choices.collect_view()}
        </fieldset>
    }
}

fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}

fn stored() -> String {
    let theme = storage().and_then(|storage| storage.get_item(KEY).ok().flatten());
    theme.unwrap_or_else(|| "system".into())
}

fn choose(theme: &str) {
    let root = document().document_element();
    // Where storage is forbidden, the choice holds until the page is left.
    if theme == "system" {
        let _ = storage().map(|storage| storage.remove_item(KEY));
        let _ = root.map(|root| root.remove_attribute("data-theme"));
    } else {
        let _ = storage().map(|storage| storage.set_item(KEY, theme));
        let _ = root.map(|root| root.set_attribute("data-theme", theme));
    }
}
