//! One session with a device that stays in touch, whichever way its frames travel.
//!
//! One loop for the catch-up and for the live phase. It listens to its scopes before it reads
//! where they end, so nothing can fall between; every wake-up, by poke or by heartbeat, first
//! looks whether the person's session still holds, and [`holding`](super::holding) wakes it when
//! that has ended by itself. The next frame is read from the database when
//! the one before it has left: nothing is queued here, and a device that takes no frame for
//! [`SEND_MAX`] is let go and resumes from its markers.

use super::fanout::Listener;
use super::feed::{Feed, Scopes};
use super::holding::Held;
use super::seats::Seat;
use super::{cursor, push, verify};
use crate::accounts::sessions::Signed;
use crate::clock::{now_ms, random_below};
use crate::error::Error;
use crate::serve::Shutdown;
use crate::shared::Shared;
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use sync::frame::{DeviceFrame, FrameError, Hello, ServerError, ServerFrame};
use sync::limits::{HEARTBEAT_JITTER_MS, HEARTBEAT_MS, WATCHDOG_MS};
use tokio::time::{Instant, sleep_until, timeout};

/// How long one frame may take to leave. A device that has heard nothing for so long has given
/// the stream up itself, and a slow one has to take but one chunk in that time.
pub const SEND_MAX: Duration = Duration::from_millis(WATCHDOG_MS);

/// How long the last thing that is said may take to arrive.
const LAST_WORD_MAX: Duration = Duration::from_secs(1);

/// Where the frames of a session go.
pub(super) trait Outlet: Send {
    /// Hands a frame over, and returns when there is room for the next one. Given up half-way,
    /// the frame leaves whole or not at all.
    fn send(&mut self, frame: &ServerFrame) -> impl Future<Output = Result<(), Gone>> + Send;

    /// Says that nothing more comes, and why.
    fn close(&mut self, ended: &Ended) -> impl Future<Output = ()> + Send;

    /// Breaks the connection, whatever is still on its way.
    fn hang_up(&mut self);
}

/// Where the frames of a device come from, if its way has two directions.
pub(super) trait Inlet: Send {
    /// The next frame. May be given up and asked again; what has ended stays so.
    fn hear(&mut self) -> impl Future<Output = Result<DeviceFrame, Ended>> + Send;
}

/// The device is not there any more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gone;

/// A session at work.
pub(super) type Speaking = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Whether what was said has left.
type Said = Result<(), Ended>;

/// Why a session ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// The device said so, or went.
    Left,
    /// The server is ending.
    Shutdown,
    /// The device took nothing, or gave no sign of life, for too long.
    Silent,
    /// Something is wrong, and this is the last thing it is told.
    Because(Box<ServerFrame>),
}

/// A session that is open and has not begun to speak.
pub(super) struct Session {
    shared: Arc<Shared>,
    signed: Signed,
    seat: Seat,
    listener: Listener,
    held: Held,
    feed: Result<Feed, ServerError>,
}

/// A session that speaks.
struct Live<O, I> {
    shared: Arc<Shared>,
    signed: Signed,
    shutdown: Shutdown,
    listener: Listener,
    feed: Feed,
    outlet: O,
    inlet: I,
    /// What the device said while something was being sent. Until it is answered, nothing more
    /// is read of it.
    heard: Option<DeviceFrame>,
    /// Something may have changed since the feed was last read.
    poked: bool,
    heartbeat_at: Instant,
    _held: Held,
    _seat: Seat,
}

/// By what.
enum Woken {
    Poke,
    Heartbeat,
    Heard(DeviceFrame),
}

impl Session {
    /// Answers a `hello`.
    pub(super) async fn open(
        shared: &Arc<Shared>,
        signed: Signed,
        seat: Seat,
        hello: &Hello,
    ) -> Result<Self, Error> {
        let scopes = Scopes::of(Some(signed.user));
        let listener = shared.fanout.listen(scopes.keys());
        let held = shared.holding.watch(signed.session, &listener);
        let feed = Feed::open(&shared.store, scopes, hello).await?;
        Ok(Self {
            shared: Arc::clone(shared),
            signed,
            seat,
            listener,
            held,
            feed,
        })
    }

    /// Speaks until it ends. What it knows is kept once, and what it seldom does takes its room
    /// on the heap when it does it: the rest is what each quiet session costs.
    pub(super) fn run<O, I>(self, mut outlet: O, mut inlet: I) -> Speaking
    where
        O: Outlet + 'static,
        I: Inlet + 'static,
    {
        let feed = match self.feed {
            Ok(feed) => feed,
            Err(error) => {
                let last = Ended::Because(Box::new(ServerFrame::Error(error)));
                return Box::pin(async move { end(&mut outlet, &mut inlet, last).await });
            }
        };
        let mut live = Live {
            shutdown: self.shared.shutdown.clone(),
            shared: self.shared,
            signed: self.signed,
            listener: self.listener,
            feed,
            outlet,
            inlet,
            heard: None,
            poked: false,
            heartbeat_at: next_heartbeat(),
            _held: self.held,
            _seat: self.seat,
        };
        Box::pin(async move {
            let Err(ended) = live.go_on().await;
            Box::pin(end(&mut live.outlet, &mut live.inlet, ended)).await;
        })
    }
}

/// Says the last word and closes; breaks the connection should that not arrive.
pub(super) async fn end(outlet: &mut impl Outlet, inlet: &mut impl Inlet, ended: Ended) {
    tracing::debug!(%ended, "a session");
    if matches!(ended, Ended::Silent) {
        return outlet.hang_up();
    }
    let last_word = async {
        if let Ended::Because(last) = &ended
            && outlet.send(last).await.is_err()
        {
            return;
        }
        outlet.close(&ended).await;
        // Whoever closes while the other side still speaks is not heard.
        while inlet.hear().await.is_ok() {}
    };
    if timeout(LAST_WORD_MAX, last_word).await.is_err() {
        outlet.hang_up();
    }
}

impl<O: Outlet, I: Inlet> Live<O, I> {
    async fn go_on(&mut self) -> Result<Infallible, Ended> {
        self.say(self.feed.welcome(now_ms())).await?;
        self.say(self.feed.heartbeat(now_ms())).await?;
        loop {
            if let Some(frame) = self.heard.take() {
                Box::pin(self.answer(frame)).await?;
            }
            if std::mem::take(&mut self.poked) {
                self.feed.poke();
            }
            match Box::pin(self.feed.advance()).await {
                Ok(Some(frames)) => {
                    for frame in frames {
                        self.say(frame).await?;
                    }
                }
                Ok(None) => self.wait().await?,
                // A stream never goes on past a gap.
                Err(error) => {
                    error.log();
                    return Err(Ended::Because(Box::new(self.feed.failed(&error))));
                }
            }
        }
    }

    /// Says one thing, and meanwhile hears when the session, the device or the server ends.
    fn say(&mut self, frame: ServerFrame) -> Pin<Box<dyn Future<Output = Said> + Send + '_>> {
        Box::pin(self.saying(frame))
    }

    async fn saying(&mut self, frame: ServerFrame) -> Said {
        if matches!(frame, ServerFrame::Error(_)) {
            return Err(Ended::Because(Box::new(frame)));
        }
        let late = Instant::now() + SEND_MAX;
        let mut sending = pin!(self.outlet.send(&frame));
        loop {
            tokio::select! {
                biased;
                () = self.shutdown.asked() => return Err(Ended::Shutdown),
                () = self.listener.poked() => {
                    self.poked = true;
                    Box::pin(self.signed.must_hold(&self.shared.store)).await?;
                }
                sent = &mut sending => return sent.map_err(|Gone| Ended::Left),
                heard = self.inlet.hear(), if self.heard.is_none() => self.heard = Some(heard?),
                () = sleep_until(late) => return Err(Ended::Silent),
            }
        }
    }

    async fn wait(&mut self) -> Result<(), Ended> {
        if self.poked || self.heard.is_some() {
            return Ok(());
        }
        let woken = tokio::select! {
            biased;
            () = self.shutdown.asked() => return Err(Ended::Shutdown),
            () = self.listener.poked() => Woken::Poke,
            () = sleep_until(self.heartbeat_at) => Woken::Heartbeat,
            heard = self.inlet.hear() => Woken::Heard(heard?),
        };
        if let Woken::Heard(frame) = woken {
            self.heard = Some(frame);
            return Ok(());
        }
        self.look().await?;
        if matches!(woken, Woken::Heartbeat) {
            self.heartbeat_at = next_heartbeat();
            self.say(self.feed.heartbeat(now_ms())).await?;
        }
        self.poked = true;
        Ok(())
    }

    /// Answers what the device said.
    async fn answer(&mut self, frame: DeviceFrame) -> Result<(), Ended> {
        match frame {
            DeviceFrame::Heartbeat {} => return Ok(()),
            DeviceFrame::Bye(_) => return Err(Ended::Left),
            _ => {}
        }
        // As with every request: who is signed out writes nothing more.
        self.look().await?;
        let user = self.signed.user;
        let answer = match frame {
            DeviceFrame::Push(changes) => push::answer(&self.shared, user, changes).await?,
            DeviceFrame::Verify(asked) => verify::compare(&self.shared, user, &asked).await?,
            DeviceFrame::Ack(said) => {
                return Ok(cursor::note(&self.shared, user, &said).await?);
            }
            _ => return Err(Error::from(FrameError::Unexpected { expected: "push" }).into()),
        };
        self.say(answer).await
    }

    async fn look(&mut self) -> Result<(), Error> {
        Box::pin(self.signed.must_hold(&self.shared.store)).await
    }
}

fn next_heartbeat() -> Instant {
    let jitter_ms = random_below(2 * HEARTBEAT_JITTER_MS);
    Instant::now() + Duration::from_millis(HEARTBEAT_MS - HEARTBEAT_JITTER_MS + jitter_ms)
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        error.log();
        Self::Because(Box::new(ServerFrame::Error(error.frame())))
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Left => f.write_str("the device left"),
            Self::Shutdown => f.write_str("the server is ending"),
            Self::Silent => f.write_str("the device was silent for too long"),
            Self::Because(last) => write!(f, "ended by a {}", last.kind()),
        }
    }
}
