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
use crate::weight::Leaner;
use crate::words::settings;
use account::AccountSection;
use codes::CodesSection;
use data::DataSection;
use devices::DevicesSection;
use erase::EraseSection;
use leptos::prelude::*;
use passkeys::PasskeysSection;

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
                <AccountSection />
                <PasskeysSection confirm />
                <DevicesSection confirm />
                <CodesSection confirm />
                <DataSection />
                <EraseSection confirm />
            </div>
            <ConfirmDialog confirm />
        </main>
    }
    .lean()
}

/// One part of the settings, under its heading.
#[component]
fn Section(
    /// Its name in the document.
    id: &'static str,
    /// Its heading.
    title: &'static str,
    /// What it is, in a sentence or two.
    more: &'static str,
    /// What stands below.
    children: Children,
) -> impl IntoView {
    view! {
        <section class="setting" aria-labelledby=id data-testid=id>
            <div class="about">
                <h2 id=id>{title}</h2>
                {(!more.is_empty()).then(|| view! { <p>{more}</p> })}
            </div>
            <div class="what">{children()}</div>
        </section>
    }
}
