//! The settings: the account, the ways in, the devices, the data, and the end of it all.

mod account;
mod codes;
mod data;
mod devices;
mod erase;
mod passkeys;
mod told;

use crate::parts::confirm::{Confirm, ConfirmDialog};
use crate::parts::title::set_title;
use crate::weight::{Lean, Leaner};
use crate::words::settings;
use leptos::prelude::*;

/// The settings.
#[component]
pub(crate) fn SettingsPage() -> impl IntoView {
    set_title(settings::SETTINGS);
    let confirm = Confirm::new();
    view! {
        <main id="main" tabindex="-1">
            <div class="settings">
                <header class="page-head">
                    <h1>{settings::SETTINGS}</h1>
                    <p class="sub">{settings::SETTINGS_SUB}</p>
                </header>
                {vec![
                    account::section(),
                    passkeys::section(confirm),
                    devices::section(confirm),
                    codes::section(confirm),
                    data::section(),
                    erase::section(confirm),
                ]}
            </div>
            <ConfirmDialog confirm />
        </main>
    }
    .lean()
}

/// One part of the settings, under its heading. `id` is its name in the document and for programs,
/// `more` what it is, in a sentence or two.
fn part(id: &'static str, title: &'static str, more: &'static str, what: Vec<Lean>) -> Lean {
    view! {
        <section class="setting" aria-labelledby=id data-testid=id>
            <div class="about">
                <h2 id=id>{title}</h2>
                <p>{more}</p>
            </div>
            <div class="what">{what}</div>
        </section>
    }
    .lean()
}

/// Buttons, side by side.
fn actions(buttons: Vec<Lean>) -> Lean {
    view! { <div class="actions">{buttons}</div> }.lean()
}

/// A small sentence.
fn note(words: &'static str) -> Lean {
    view! { <p class="none">{words}</p> }.lean()
}

/// A device or a passkey: its name, its dates, and what can be done about it.
fn thing(id: &'static str, name: String, dates: String, way: Lean) -> Lean {
    view! {
        <li data-testid=id>
            <div>
                <p class="name">{name}</p>
                <p class="dates">{dates}</p>
            </div>
            {way}
        </li>
    }
    .lean()
}

/// Devices or passkeys.
fn things(rows: Vec<Lean>) -> Lean {
    view! { <ul class="things">{rows}</ul> }.lean()
}
