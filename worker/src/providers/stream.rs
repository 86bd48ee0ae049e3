//! An open stream of server-sent events, frame by frame.

use super::event_stream::EventStream;
use super::request::post;
use js_sys::{Reflect, Uint8Array};
use std::cell::RefCell;
use sync::device::retry::LinkFailure;
use sync::frame::{DeviceFrame, FrameError, Hello, ServerFrame};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, ReadableStreamDefaultReader};

/// An open stream.
#[derive(Debug)]
pub(super) struct Stream {
    reader: ReadableStreamDefaultReader,
    events: RefCell<EventStream>,
}

impl Stream {
    /// Opens the stream and says hello. `signal` ends it at any time, while it opens too.
    pub(super) async fn open(hello: Hello, signal: &AbortSignal) -> Result<Self, LinkFailure> {
        let hello = DeviceFrame::Hello(hello).encode();
        let response = post("/api/sync/stream", &hello, "text/event-stream", signal).await?;
        let reader = response
            .body()
            .and_then(|body| {
                body.get_reader()
                    .dyn_into::<ReadableStreamDefaultReader>()
                    .ok()
            })
            .ok_or(LinkFailure::NotOurs)?;
        Ok(Self {
            reader,
            events: RefCell::default(),
        })
    }

    /// The next frame. Reads on only while none is whole.
    pub(super) async fn next(&self) -> Result<ServerFrame, LinkFailure> {
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
