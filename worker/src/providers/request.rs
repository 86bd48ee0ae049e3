//! A request to our own server, and what its answer means.

use crate::browser;
use gloo_timers::callback::Timeout;
use js_sys::{Array, JSON};
use std::collections::BTreeMap;
use sync::device::retry::LinkFailure;
use sync::frame::{
    Acknowledged, DeviceFrame, FrameError, Hello, Push, ServerError, ServerFrame, Verify,
};
use sync::id::Id;
use sync::limits::PUSH_TIMEOUT_MS;
use sync::local::Ended;
use sync::provider::{Reply, Sink};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AbortController, AbortSignal, Headers, Request, RequestInit, Response};

/// Sends changes. Replies `Pushed`.
pub(super) fn push(push: Push, sink: Sink) {
    spawn_local(async move {
        let answer = ask("/api/sync/push", &DeviceFrame::Push(push)).await;
        sink.send(Reply::Pushed(answer.and_then(|frame| match frame {
            ServerFrame::PushResult(result) => Ok(result),
            frame => Err(no_answer("push", &frame)),
        })));
    });
}

/// Asks whether both sides have the same. Replies `Verified`.
pub(super) fn verify(verify: Verify, sink: Sink) {
    spawn_local(async move {
        let answer = ask("/api/sync/verify", &DeviceFrame::Verify(verify)).await;
        sink.send(Reply::Verified(answer.and_then(|frame| match frame {
            ServerFrame::VerifyResult(verified) => Ok(verified),
            frame => Err(no_answer("verify", &frame)),
        })));
    });
}

/// Fetches some of the feed. Replies `Pulled`.
pub(super) fn pull(hello: Hello, sink: Sink) {
    spawn_local(async move { sink.send(Reply::Pulled(pulled(hello).await)) });
}

/// Says where this device stands, or that it leaves. Whether it was heard does not matter.
pub(super) fn tell(frame: DeviceFrame) {
    spawn_local(async move {
        let _ = answer("/api/sync/cursor", &frame).await;
    });
}

/// Ends the session of this browser.
pub(crate) async fn sign_out() -> Result<(), LinkFailure> {
    let abort = AbortController::new().map_err(|_| LinkFailure::Unreachable)?;
    let wanted = "application/json";
    post("/api/account/sign_out", "", wanted, &abort.signal())
        .await
        .map(drop)
}

/// Why something does not open that does not say why, as a request beside it finds out.
pub(super) async fn why_not(device_id: Id) -> LinkFailure {
    let nothing = DeviceFrame::Ack(Acknowledged {
        device_id,
        positions: BTreeMap::new(),
    });
    // When this is heard, it is something between here and the server that lets only requests by.
    let heard = answer("/api/sync/cursor", &nothing).await;
    heard.err().unwrap_or(LinkFailure::NotOurs)
}

/// Sends a frame and waits for the one that answers it, at most [`PUSH_TIMEOUT_MS`].
async fn ask(path: &str, frame: &DeviceFrame) -> Result<ServerFrame, LinkFailure> {
    ServerFrame::decode(&answer(path, frame).await?).map_err(|error| undecodable(&error))
}

/// Some of the feed: an array of frames.
pub(super) async fn pulled(hello: Hello) -> Result<Vec<ServerFrame>, LinkFailure> {
    let text = answer("/api/sync/pull", &DeviceFrame::Hello(hello)).await?;
    let array = JSON::parse(&text).map_err(|_| LinkFailure::NotOurs)?;
    let array: Array = array.dyn_into().map_err(|_| LinkFailure::NotOurs)?;
    let frames = array.iter().map(|frame| {
        let text = JSON::stringify(&frame).map_err(|_| LinkFailure::NotOurs)?;
        ServerFrame::decode(&String::from(text)).map_err(|error| undecodable(&error))
    });
    frames.collect()
}

async fn answer(path: &str, frame: &DeviceFrame) -> Result<String, LinkFailure> {
    let abort = AbortController::new().map_err(|_| LinkFailure::Unreachable)?;
    let late = abort.clone();
    let timeout_ms = u32::try_from(PUSH_TIMEOUT_MS).unwrap_or(u32::MAX);
    let _timeout = Timeout::new(timeout_ms, move || late.abort());
    let response = post(path, &frame.encode(), "application/json", &abort.signal()).await?;
    body(&response).await
}

fn no_answer(asked: &str, frame: &ServerFrame) -> LinkFailure {
    LinkFailure::Undecodable {
        message: format!("a {asked} answered by {}", frame.kind()),
    }
}

fn undecodable(error: &FrameError) -> LinkFailure {
    LinkFailure::Undecodable {
        message: error.to_string(),
    }
}

/// Posts a JSON body. Gives the response once its head is here and is ours.
pub(super) async fn post(
    path: &str,
    body: &str,
    wanted_type: &str,
    signal: &AbortSignal,
) -> Result<Response, LinkFailure> {
    let response = fetch(path, body, signal)
        .await
        .map_err(|_| LinkFailure::Unreachable)?;
    let content_type = response
        .headers()
        .get("content-type")
        .ok()
        .flatten()
        .unwrap_or_default();
    match response.status() {
        200 if content_type.starts_with(wanted_type) => Ok(response),
        401 => Err(unauthorized(&response).await),
        // A hotel's sign-in page answers 200 as well.
        200..=399 => Err(LinkFailure::NotOurs),
        status => Err(failure(status, &response).await),
    }
}

/// The session has ended; whose was ended for its device is told why.
async fn unauthorized(response: &Response) -> LinkFailure {
    let failure = failure(401, response).await;
    match Ended::by(failure.code()) {
        Some(_) => failure,
        None => LinkFailure::Unauthorized,
    }
}

/// The whole body of a response.
async fn body(response: &Response) -> Result<String, LinkFailure> {
    let text = response.text().map_err(|_| LinkFailure::Unreachable)?;
    let text = JsFuture::from(text)
        .await
        .map_err(|_| LinkFailure::Unreachable)?;
    text.as_string().ok_or(LinkFailure::NotOurs)
}

async fn failure(status: u16, response: &Response) -> LinkFailure {
    let retry_after = response.headers().get("retry-after").ok().flatten();
    let retry_after_ms = retry_after
        .and_then(|s| s.parse::<u64>().ok())
        .map(|s| s * 1_000);
    let error = body(response)
        .await
        .ok()
        .and_then(|t| serde_json::from_str::<ServerError>(&t).ok());
    let (code, said_ms) = error
        .map(|e| (e.code, e.retry_after_ms))
        .unwrap_or_default();
    LinkFailure::Server {
        status,
        code,
        retry_after_ms: said_ms.or(retry_after_ms),
    }
}

async fn fetch(path: &str, body: &str, signal: &AbortSignal) -> Result<Response, JsValue> {
    let headers = Headers::new()?;
    headers.set("content-type", "application/json")?;
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_headers(&headers);
    init.set_body(&body.into());
    init.set_signal(Some(signal));
    let request = Request::new_with_str_and_init(&browser::address(path), &init)?;
    let response = JsFuture::from(browser::scope().fetch_with_request(&request)).await?;
    response.dyn_into()
}
