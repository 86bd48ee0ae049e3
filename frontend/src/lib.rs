//! The page's entrance in the browser: hydrate the server's HTML or mount on the shell.

use app::App;
use leptos::mount::{hydrate_body, mount_to_body};
use leptos::prelude::document;
use wasm_bindgen::prelude::wasm_bindgen;

/// Called once by `boot.js`, after this program was loaded.
#[wasm_bindgen]
pub fn start() {
    console_error_panic_hook::set_once();
    let on_shell = document()
        .body()
        .is_some_and(|body| body.has_attribute("data-shell"));
    if on_shell {
        mount_to_body(App);
    } else {
        hydrate_body(App);
    }
}
