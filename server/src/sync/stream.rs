//! `POST /api/sync/stream`: the feed as server-sent events, for as long as the device listens.
//!
//! One loop for the catch-up and for the live phase. It listens to its scopes before it reads
//! where they end, so nothing can fall between; every wake-up, by poke or by heartbeat, first
//! looks whether the session still holds.

use super::fanout::Listener;
use super::feed::{Feed, Scopes};
use super::pull::hello;
use super::seats::Seat;
use crate::accounts::sessions::{MaybeSigned, Signed};
use crate::clock::{now_ms, random_below};
use crate::error::Error;
use crate::serve::Shutdown;
use crate::shared::Shared;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use sync::frame::{Hello, ServerFrame};
use sync::limits::{HEARTBEAT_JITTER_MS, HEARTBEAT_MS};
use tokio::time::{Instant, sleep_until};

/// Answers with the feed after the markers of a `hello`.
pub(crate) async fn stream(
    State(shared): State<Arc<Shared>>,
    MaybeSigned(signed): MaybeSigned,
    request: Request,
) -> Result<Response, Error> {
    let hello = hello(request).await;
    let signed = signed.ok_or(Error::NoSession)?;
    let hello = hello?;
    let seat = shared
        .seats
        .take(signed.user)
        .ok_or(Error::TooManyStreams)?;
    let live = Live::open(&shared, signed, seat, &hello).await?;
    let events = futures_util::stream::unfold(live, |mut live| async move {
        let frame = live.next().await?;
        let event = Bytes::from(format!("data: {}\n\n", frame.encode()));
        Some((Ok::<_, Infallible>(event), live))
    });
    let headers = [
        (CONTENT_TYPE.as_str(), "text/event-stream"),
        (CACHE_CONTROL.as_str(), "no-store"),
        // Proxies of nginx's kind would otherwise collect events before they pass them on.
        ("x-accel-buffering", "no"),
    ];
    Ok((headers, Body::from_stream(events)).into_response())
}

/// A stream that is open.
struct Live {
    shared: Arc<Shared>,
    signed: Signed,
    shutdown: Shutdown,
    listener: Listener,
    feed: Option<Feed>,
    to_say: VecDeque<ServerFrame>,
    heartbeat_at: Instant,
    _seat: Seat,
}

/// By what.
enum Woken {
    Poke,
    Heartbeat,
    Shutdown,
}

impl Live {
    async fn open(
        shared: &Arc<Shared>,
        signed: Signed,
        seat: Seat,
        hello: &Hello,
    ) -> Result<Self, Error> {
        let scopes = Scopes::of(Some(signed.user));
        let listener = shared.fanout.listen(scopes.keys());
        let (feed, to_say) = match Feed::open(&shared.store, scopes, hello).await? {
            Ok(feed) => {
                let beginning = [feed.welcome(now_ms()), feed.heartbeat(now_ms())];
                (Some(feed), VecDeque::from(beginning))
            }
            Err(error) => (None, VecDeque::from([ServerFrame::Error(error)])),
        };
        Ok(Self {
            shared: Arc::clone(shared),
            signed,
            shutdown: shared.shutdown.clone(),
            listener,
            feed,
            to_say,
            heartbeat_at: next_heartbeat(),
            _seat: seat,
        })
    }

    /// The next thing to say; nothing once the stream has ended.
    async fn next(&mut self) -> Option<ServerFrame> {
        loop {
            if self.shutdown.is_asked() {
                return None;
            }
            if let Some(frame) = self.to_say.pop_front() {
                return Some(frame);
            }
            let feed = self.feed.as_mut()?;
            match feed.advance().await {
                Ok(Some(frames)) => self.to_say.extend(frames),
                Ok(None) => self.wait().await,
                Err(error) => {
                    let last = feed.failed(&error);
                    self.end(&error, last);
                }
            }
        }
    }

    async fn wait(&mut self) {
        let woken = tokio::select! {
            () = self.listener.poked() => Woken::Poke,
            () = sleep_until(self.heartbeat_at) => Woken::Heartbeat,
            () = self.shutdown.asked() => Woken::Shutdown,
        };
        if matches!(woken, Woken::Shutdown) {
            self.feed = None;
            return;
        }
        match self.signed.still_holds(&self.shared.store).await {
            Ok(true) => {}
            Ok(false) => return self.end_for(&Error::NoSession),
            Err(error) => return self.end_for(&error),
        }
        let Some(feed) = &mut self.feed else { return };
        if matches!(woken, Woken::Heartbeat) {
            self.heartbeat_at = next_heartbeat();
            self.to_say.push_back(feed.heartbeat(now_ms()));
        }
        feed.poke();
    }

    fn end_for(&mut self, error: &Error) {
        self.end(error, ServerFrame::Error(error.frame()));
    }

    /// Says what is wrong and then nothing more: a stream never goes on past a gap.
    fn end(&mut self, error: &Error, last: ServerFrame) {
        error.log();
        self.feed = None;
        self.to_say.push_back(last);
    }
}

fn next_heartbeat() -> Instant {
    let jitter_ms = random_below(2 * HEARTBEAT_JITTER_MS);
    Instant::now() + Duration::from_millis(HEARTBEAT_MS - HEARTBEAT_JITTER_MS + jitter_ms)
}
