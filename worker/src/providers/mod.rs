//! The ways to a server. The first is `sse`: a stream read by fetch, so that a worker can send a
//! body with it and see a 401, which `EventSource` hides.
//!
//! - [`sse`]: that provider, and [`stream`] its stream
//! - [`websocket`]: one socket for everything; [`gateway`]: asking again and again
//! - [`request`]: requests to our own server; [`event_stream`]: reading server-sent events
//! - [`address`]: which address is our own server's

#[cfg(any(target_arch = "wasm32", test))]
pub(crate) mod address;
#[cfg(any(target_arch = "wasm32", test))]
mod event_stream;
#[cfg(target_arch = "wasm32")]
mod gateway;
#[cfg(target_arch = "wasm32")]
pub(crate) mod request;
#[cfg(target_arch = "wasm32")]
mod sse;
#[cfg(target_arch = "wasm32")]
mod stream;
#[cfg(target_arch = "wasm32")]
mod websocket;

#[cfg(target_arch = "wasm32")]
pub(crate) use shipped::all;

#[cfg(target_arch = "wasm32")]
mod shipped {
    use super::gateway::Gateway;
    use super::sse::Sse;
    use super::websocket::WebSocket;
    use sync::provider::registry::Registry;

    /// All providers that come with the worker; the first is used until another is chosen.
    pub(crate) fn all() -> Registry {
        let mut registry = Registry::default();
        registry.register(Box::new(Sse::default()));
        registry.register(Box::new(WebSocket::default()));
        registry.register(Box::new(Gateway::default()));
        registry
    }
}
