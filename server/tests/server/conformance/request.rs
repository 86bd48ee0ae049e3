//! Requests beside a stream, and what their answers mean.

use crate::world::Visitor;
use std::rc::Rc;
use sync::device::retry::LinkFailure;
use sync::frame::{DeviceFrame, FrameError, Hello, Push, ServerError, ServerFrame, Verify};
use sync::provider::{Reply, Sink};
use tokio::task::spawn_local;

/// The body of an answer that is none of an error.
pub(super) async fn answer(
    visitor: &Visitor,
    path: &str,
    frame: &DeviceFrame,
) -> Result<String, LinkFailure> {
    let answer = visitor.post_frame(path, frame).await;
    failure_of(answer)
        .await?
        .text()
        .await
        .map_err(|_| LinkFailure::Unreachable)
}

pub(super) async fn failure_of(
    answer: reqwest::Response,
) -> Result<reqwest::Response, LinkFailure> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let text = answer.text().await.unwrap_or_default();
    let error = serde_json::from_str::<ServerError>(&text).expect("an error in words");
    Err(match status.as_u16() {
        401 => LinkFailure::Unauthorized,
        status => LinkFailure::Server {
            status,
            code: error.code,
            retry_after_ms: error.retry_after_ms,
        },
    })
}

pub(super) fn undecodable(error: &FrameError) -> LinkFailure {
    LinkFailure::Undecodable {
        message: error.to_string(),
    }
}

async fn ask(
    visitor: &Visitor,
    path: &str,
    frame: &DeviceFrame,
) -> Result<ServerFrame, LinkFailure> {
    let text = answer(visitor, path, frame).await?;
    ServerFrame::decode(&text).map_err(|error| undecodable(&error))
}

pub(super) fn push(visitor: Rc<Visitor>, push: Push, sink: Sink) {
    spawn_local(async move {
        let answer = ask(&visitor, "/api/sync/push", &DeviceFrame::Push(push)).await;
        sink.send(Reply::Pushed(answer.map(|frame| match frame {
            ServerFrame::PushResult(result) => result,
            frame => unreachable!("{frame:?}"),
        })));
    });
}

pub(super) fn verify(visitor: Rc<Visitor>, verify: Verify, sink: Sink) {
    spawn_local(async move {
        let answer = ask(&visitor, "/api/sync/verify", &DeviceFrame::Verify(verify)).await;
        sink.send(Reply::Verified(answer.map(|frame| match frame {
            ServerFrame::VerifyResult(verified) => verified,
            frame => unreachable!("{frame:?}"),
        })));
    });
}

pub(super) fn tell(visitor: Rc<Visitor>, frame: DeviceFrame) {
    spawn_local(async move {
        let answer = visitor.post_frame("/api/sync/cursor", &frame).await;
        assert_eq!(answer.status().as_u16(), 204);
    });
}

pub(super) async fn pulled(
    visitor: &Visitor,
    hello: Hello,
) -> Result<Vec<ServerFrame>, LinkFailure> {
    let text = answer(visitor, "/api/sync/pull", &DeviceFrame::Hello(hello)).await?;
    let frames: Vec<serde_json::Value> = serde_json::from_str(&text).expect("an array");
    let decode = |frame: &serde_json::Value| ServerFrame::decode(&frame.to_string());
    let frames: Result<_, _> = frames.iter().map(decode).collect();
    frames.map_err(|error| undecodable(&error))
}

pub(super) fn pull(visitor: Rc<Visitor>, hello: Hello, sink: Sink) {
    spawn_local(async move { sink.send(Reply::Pulled(pulled(&visitor, hello).await)) });
}
