//! The ways to stay in touch with the server: a stream of events, and a socket. What holds for
//! one holds for the other, and is checked over both.

use crate::said::kinds;
use crate::world::{SOON, Visitor};
use futures_util::stream::{SplitSink, unfold};
use futures_util::{SinkExt as _, Stream, StreamExt as _};
use reqwest::Response;
use std::pin::Pin;
use std::time::Duration;
use sync::frame::{DeviceFrame, ServerFrame};
use sync::scope::Markers;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How soon a stream hears of what it is woken for. Much less than what passes between two looks.
const AT_ONCE: Duration = Duration::from_secs(1);

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Events,
    Socket,
}

/// Makes one test of each check for each way.
macro_rules! each_way {
    ($($check:ident,)*) => {
        mod events {
            $(#[tokio::test]
            async fn $check() {
                super::$check(crate::ways::Way::Events).await;
            })*
        }
        mod socket {
            $(#[tokio::test]
            async fn $check() {
                super::$check(crate::ways::Way::Socket).await;
            })*
        }
    };
}
pub(crate) use each_way;

impl Way {
    /// Opens a session of this device, which stands there.
    pub(crate) async fn open(self, visitor: &Visitor, markers: Markers) -> Events {
        self.open_with(visitor, visitor.hello(markers)).await
    }

    /// The session that answers this very `hello`.
    pub(crate) async fn open_with(self, visitor: &Visitor, hello: String) -> Events {
        match self {
            Self::Events => visitor.stream_of(hello).await,
            Self::Socket => {
                let mut socket = Socket::open(visitor).await;
                socket.say(hello).await;
                // Only its end is left, as with events: the other half goes with the frames.
                socket.into_events()
            }
        }
    }

    /// The status with which the server answers who wants to open a session.
    pub(crate) async fn status(self, visitor: &Visitor) -> u16 {
        match self {
            Self::Events => {
                let answer = visitor.stream_answer(Markers::default()).await;
                answer.status().as_u16()
            }
            Self::Socket => match Socket::try_open(visitor, &visitor.base).await {
                Ok(_) => 200,
                Err(status) => status,
            },
        }
    }
}

type Wire = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A device's socket.
pub(crate) struct Socket {
    out: SplitSink<Wire, Message>,
    pub(crate) frames: Events,
}

impl Socket {
    pub(crate) async fn open(visitor: &Visitor) -> Self {
        let opened = Self::try_open(visitor, &visitor.base).await;
        opened.expect("a socket")
    }

    /// Opens a socket from a page of this origin; nobody says hello yet. The error is the status
    /// of the refusal.
    pub(crate) async fn try_open(visitor: &Visitor, origin: &str) -> Result<Self, u16> {
        let headers = [("origin", origin), ("cookie", &visitor.cookies())];
        let socket = handshake(&visitor.base, &headers).await?;
        let (out, messages) = socket.split();
        let texts = messages.filter_map(async |message| match message {
            Ok(Message::Text(text)) => Some(text.to_string()),
            _ => None,
        });
        let frames = Events(Box::pin(texts));
        Ok(Self { out, frames })
    }

    pub(crate) async fn say(&mut self, text: String) {
        self.send(Message::text(text)).await;
    }

    pub(crate) async fn say_frame(&mut self, frame: &DeviceFrame) {
        self.say(frame.encode()).await;
    }

    pub(crate) async fn send(&mut self, message: Message) {
        self.out.send(message).await.expect("sent");
    }

    fn into_events(self) -> Events {
        let socket = unfold(self, |mut socket| async move {
            let text = socket.frames.0.next().await?;
            Some((text, socket))
        });
        Events(Box::pin(socket))
    }
}

/// Asks for a socket with these headers. The error is the status of the refusal.
pub(crate) async fn handshake(base: &str, headers: &[(&'static str, &str)]) -> Result<Wire, u16> {
    let address = base.replacen("http", "ws", 1) + "/api/sync/socket";
    let mut request = address.into_client_request().expect("a request");
    for (name, value) in headers {
        let value = value.parse().expect("a header");
        request.headers_mut().insert(*name, value);
    }
    match connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(_) => Err(0),
    }
}

/// Frames, read as a device reads them: one after the other, and no more than are asked for.
pub(crate) struct Events(Pin<Box<dyn Stream<Item = String> + Send>>);

impl Events {
    /// Those of a stream of events.
    pub(crate) fn of(answer: Response) -> Self {
        let reading = (Box::pin(answer.bytes_stream()), String::new());
        Self(Box::pin(unfold(
            reading,
            |(mut bytes, mut text)| async move {
                loop {
                    if let Some((event, rest)) = text.split_once("\n\n") {
                        let data = event.strip_prefix("data: ").expect("an event with data");
                        return Some((data.to_owned(), (bytes, rest.to_owned())));
                    }
                    let more = bytes.next().await?.ok()?;
                    text.push_str(std::str::from_utf8(&more).expect("text"));
                }
            },
        )))
    }

    /// The next frame; nothing when the stream has ended.
    pub(crate) async fn next(&mut self) -> Option<ServerFrame> {
        let text = self.0.next().await?;
        Some(ServerFrame::decode(&text).expect("a frame"))
    }

    /// Frames up to the first that fits, which must come soon.
    pub(crate) async fn until(&mut self, fits: impl Fn(&ServerFrame) -> bool) -> Vec<ServerFrame> {
        self.until_within(SOON, fits).await
    }

    pub(crate) async fn until_within(
        &mut self,
        limit: Duration,
        fits: impl Fn(&ServerFrame) -> bool,
    ) -> Vec<ServerFrame> {
        let mut frames = Vec::new();
        let found = timeout(limit, async {
            while let Some(frame) = self.next().await {
                let done = fits(&frame);
                frames.push(frame);
                if done {
                    return true;
                }
            }
            false
        });
        let found = found.await;
        assert_eq!(
            found,
            Ok(true),
            "it did not come; what came: {:?}",
            kinds(&frames)
        );
        frames
    }

    /// The code of the error that ends these frames, which must come without anybody having to
    /// look for its reason.
    pub(crate) async fn code_at_once(&mut self) -> String {
        let is_error = |frame: &ServerFrame| matches!(frame, ServerFrame::Error(_));
        match self.until_within(AT_ONCE, is_error).await.pop() {
            Some(ServerFrame::Error(error)) => error.code,
            _ => String::new(),
        }
    }

    pub(crate) async fn until_live(&mut self) -> Vec<ServerFrame> {
        self.until(|frame| matches!(frame, ServerFrame::DeltaComplete {}))
            .await
    }
}
