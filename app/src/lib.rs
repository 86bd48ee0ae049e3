//! What a person sees.
//!
//! - [`account`]: what a page asks the server for by type
//! - [`live`]: what is on this device, as signals
//! - `pages`, `parts`: the pages and what they are made of
//! - `words`: everything the page says to people
//! - `weight`: why the program is no larger than it is
//! - `shell`: the document around it all, on the server

// A page is one type, and each element in it one level of that type.
#![recursion_limit = "256"]
// `#[component]` gives the builder of a part's properties more publicity than the part has.
#![expect(unreachable_pub, reason = "what #[component] makes of pub(crate)")]

pub mod account;
pub mod live;
mod pages;
mod parts;
#[cfg(feature = "ssr")]
pub mod shell;
mod weight;
mod words;

use leptos::prelude::*;
use leptos_router::components::Router;
use live::Client;
use parts::frame::Frame;
use parts::toast::Toasts;

/// The application: the same one on the server, over the server's HTML and on the empty shell.
#[component]
pub fn App() -> impl IntoView {
    Client::provide();
    Toasts::provide();
    view! {
        <Router>
            <Frame />
        </Router>
    }
}
