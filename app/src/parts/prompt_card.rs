//! The card with a prompt.

use crate::weight::Changing;
use crate::words;
use leptos::prelude::*;

/// A prompt, with a way to another one where there is one.
#[component]
pub(crate) fn PromptCard(
    /// The small heading above it.
    kicker: &'static str,
    /// The prompt's words.
    text: Changing<String>,
    /// Turns to another one.
    #[prop(optional, into)]
    another: Option<Callback<()>>,
) -> impl IntoView {
    let another = another.map(|another| {
        view! {
            <button
                class="another button quiet"
                type="button"
                data-testid="another-prompt"
                on:click=move |_| another.run(())
            >
                {words::ANOTHER_PROMPT}
            </button>
        }
    });
    view! {
        <section class="prompt-card" aria-labelledby="prompt-kicker" data-testid="prompt-card">
            <h2 class="kicker" id="prompt-kicker">
                {kicker}
            </h2>
            <p class="prompt" data-testid="prompt">
                {text}
            </p>
            {another}
        </section>
    }
}
