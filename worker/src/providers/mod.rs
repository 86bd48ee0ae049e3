//! The ways to a server. The first is `sse`: a stream read by fetch, so that a worker can send a
//! body with it and see a 401, which `EventSource` hides.

#[cfg(any(target_arch = "wasm32", test))]
mod event_stream;
#[cfg(target_arch = "wasm32")]
pub(crate) mod request;
#[cfg(target_arch = "wasm32")]
pub(crate) mod sse;
