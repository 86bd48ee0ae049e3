//! The `sse` provider: a stream of server-sent events read by fetch, and pushes beside it.

use super::event_stream::EventStream;
use super::request::{body, post};
use gloo_timers::callback::Timeout;
use js_sys::{Reflect, Uint8Array};
use std::cell::RefCell;
use sync::device::retry::LinkFailure;
use sync::frame::{DeviceFrame, FrameError, Hello, Push, PushResult, ServerFrame};
use sync::limits::PUSH_TIMEOUT_MS;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, ReadableStreamDefaultReader};

/// An open stream. Dropping it ends the request.
pub(crate) struct Stream {
    abort: AbortController,
    reader: ReadableStreamDefaultReader,
    events: RefCell<EventStream>,
}

/// Opens the stream and says hello. `abort` ends it at any time, while it opens too.
pub(crate) async fn open(hello: Hello, abort: AbortController) -> Result<Stream, LinkFailure> {
    let hello = DeviceFrame::Hello(hello).encode();
    let response = post(
        "/api/sync/stream",
        &hello,
        "text/event-stream",
        &abort.signal(),
    )
    .await?;
    let reader = response
        .body()
        .and_then(|body| {
            body.get_reader()
                .dyn_into::<ReadableStreamDefaultReader>()
                .ok()
        })
        .ok_or(LinkFailure::NotOurs)?;
    Ok(Stream {
        abort,
        reader,
        events: RefCell::default(),
    })
}

impl Stream {
    /// The next frame. Reads on only while none is whole.
    pub(crate) async fn next(&self) -> Result<ServerFrame, LinkFailure> {
        let undecodable = |message: String| LinkFailure::Undecodable { message };
        loop {
            let event = self.events.borrow_mut().next();
            if let Some(text) = event.map_err(|error| undecodable(error.to_string()))? {
                let frame = ServerFrame::decode(&text);
                return frame.map_err(|error: FrameError| undecodable(error.to_string()));
            }
            let chunk = self.read().await?;
            let pushed = self.events.borrow_mut().push(&chunk);
            pushed.map_err(|error| undecodable(error.to_string()))?;
        }
    }

    async fn read(&self) -> Result<Vec<u8>, LinkFailure> {
        let read = JsFuture::from(self.reader.read())
            .await
            .map_err(|_| LinkFailure::Unreachable)?;
        let property = |name: &str| Reflect::get(&read, &name.into()).unwrap_or_default();
        if property("done").is_truthy() {
            return Err(LinkFailure::Ended);
        }
        property("value")
            .dyn_into::<Uint8Array>()
            .map(|bytes| bytes.to_vec())
            .map_err(|_| LinkFailure::NotOurs)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.abort.abort();
    }
}

/// Sends edits and waits for their outcomes, at most [`PUSH_TIMEOUT_MS`].
pub(crate) async fn push(push: Push) -> Result<PushResult, LinkFailure> {
    let abort = AbortController::new().map_err(|_| LinkFailure::Unreachable)?;
    let late = abort.clone();
    let timeout_ms = u32::try_from(PUSH_TIMEOUT_MS).unwrap_or(u32::MAX);
    let _timeout = Timeout::new(timeout_ms, move || late.abort());
    let push = DeviceFrame::Push(push).encode();
    let response = post("/api/sync/push", &push, "application/json", &abort.signal()).await?;
    match ServerFrame::decode(&body(&response).await?) {
        Ok(ServerFrame::PushResult(result)) => Ok(result),
        Ok(frame) => Err(LinkFailure::Undecodable {
            message: format!("a push answered by {}", frame.kind()),
        }),
        Err(error) => Err(LinkFailure::Undecodable {
            message: error.to_string(),
        }),
    }
}
