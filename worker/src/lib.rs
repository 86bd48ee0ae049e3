//! The data worker: it owns this device's journal. IndexedDB, the stream and the locks are
//! here; the decisions are the engine's (`sync::device`), and this crate performs them.
//!
//! - [`rpc`]: what pages ask, by correlation id
//! - [`host`], [`perform`]: drive the engine, and perform its effects
//! - [`storage`]: IndexedDB, with its one way to write
//! - [`providers`]: the ways to a server
//! - [`leader`], [`tabs`]: one tab runs the link, all tabs hear of commits
//! - [`browser`]: clock, chance, fetch and the few things bindings leave out

#[cfg(target_arch = "wasm32")]
mod browser;
#[cfg(target_arch = "wasm32")]
mod desk;
#[cfg(target_arch = "wasm32")]
mod host;
#[cfg(target_arch = "wasm32")]
mod leader;
#[cfg(target_arch = "wasm32")]
mod perform;
mod providers;
#[cfg(target_arch = "wasm32")]
mod rpc;
#[cfg(target_arch = "wasm32")]
mod storage;
#[cfg(target_arch = "wasm32")]
mod tabs;
#[cfg(target_arch = "wasm32")]
mod timers;

#[cfg(target_arch = "wasm32")]
pub use entrance::data_worker;

#[cfg(target_arch = "wasm32")]
mod entrance {
    use crate::desk::Desk;
    use wasm_bindgen::prelude::*;

    /// Starts the data worker and returns the function that takes the page's messages, each a
    /// `sync::local::Request` as JSON. `build` names this build; the page's must be the same.
    #[wasm_bindgen]
    pub fn data_worker(build: String) -> js_sys::Function {
        let desk = Desk::open(build);
        let receive = Closure::<dyn Fn(String)>::new(move |message: String| desk.receive(&message));
        receive.into_js_value().unchecked_into()
    }
}
