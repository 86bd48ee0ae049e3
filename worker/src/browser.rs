//! What the worker takes from the browser: its clock, its chance, its fetch, its origin.

use sync::id::Mint;
use wasm_bindgen::prelude::*;
use web_sys::WorkerGlobalScope;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues, catch)]
    fn random_values(bytes: &mut [u8]) -> Result<JsValue, JsValue>;
}

/// The wall clock in milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let ms = js_sys::Date::now();
    // A browser's clock is a whole, positive number far below 2⁵³.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "see above"
    )]
    let whole = ms as u64;
    whole
}

/// The clock and chance for one step of the engine.
pub(crate) fn mint() -> Mint {
    let mut seed = [0_u8; 16];
    if random_values(&mut seed).is_err() {
        // Without the system's randomness the page's own must do; names still differ by time.
        for byte in &mut seed {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "below 256"
            )]
            let value = (js_sys::Math::random() * 256.0) as u8;
            *byte = value;
        }
    }
    let half = |from: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&seed[from..from + 8]);
        u64::from_le_bytes(bytes)
    };
    Mint::new(now_ms(), [half(0), half(8)])
}

/// The worker's global scope.
pub(crate) fn scope() -> WorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// What the browser believes about the network. It is often wrong, and never believed alone.
pub(crate) fn has_network() -> bool {
    scope().navigator().on_line()
}

/// Where this program came from: scheme, host and port of our own server.
pub(crate) fn origin() -> String {
    scope().location().origin()
}

/// The address of a socket on our own server.
pub(crate) fn socket_address(path: &str) -> String {
    address(path).replacen("http", "ws", 1)
}

/// The address of a path on our own server.
pub(crate) fn address(path: &str) -> String {
    format!("{}{path}", origin())
}
