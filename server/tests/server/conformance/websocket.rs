//! A provider over a socket. Everything but a pull goes by it: whoever only writes opens one for
//! no tables.

use super::request;
use crate::ways::handshake;
use crate::world::Visitor;
use futures_util::{SinkExt as _, StreamExt as _};
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use sync::device::effect::Link;
use sync::device::retry::LinkFailure;
use sync::frame::{Acknowledged, Bye, DeviceFrame, Hello, Push, Verify};
use sync::id::Id;
use sync::provider::socket::{Replies, Socket};
use sync::provider::{Mode, Reply, Sink, SyncProvider};
use sync::scope::Markers;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinHandle, spawn_local};
use tokio_tungstenite::tungstenite::Message;

/// The link of a socket that nobody reads.
const ONLY_WRITES: Link = Link::MAX;

/// The provider.
pub(super) struct WebSocket {
    visitor: Rc<Visitor>,
    open: Option<Open>,
}

/// The present socket. Dropping it breaks the connection.
struct Open {
    socket: Rc<RefCell<Socket>>,
    out: UnboundedSender<String>,
    at_work: JoinHandle<()>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.at_work.abort();
    }
}

fn send(replies: Replies) {
    for (sink, reply) in replies {
        sink.send(reply);
    }
}

/// Carries what comes and what goes, until the socket ends.
async fn carry(
    visitor: Rc<Visitor>,
    socket: Rc<RefCell<Socket>>,
    opened: Sink,
    mut out: UnboundedReceiver<String>,
) {
    let headers = [
        ("origin", visitor.base.as_str()),
        ("cookie", &visitor.cookies()),
    ];
    let mut wire = match handshake(&visitor.base, &headers).await {
        Ok(wire) => wire,
        Err(status) => unreachable!("a socket was refused with {status}"),
    };
    let link = socket.borrow().link();
    opened.send(Reply::Opened(link));
    loop {
        tokio::select! {
            said = out.recv() => match said {
                Some(text) => wire.send(Message::text(text)).await.unwrap_or_default(),
                None => return,
            },
            heard = wire.next() => match heard {
                Some(Ok(Message::Text(text))) => {
                    let replies = socket.borrow_mut().heard(&text);
                    send(replies);
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => {
                    let replies = socket.borrow_mut().over(LinkFailure::Ended);
                    return send(replies);
                }
            },
        }
    }
}

impl WebSocket {
    pub(super) const fn of(visitor: Rc<Visitor>) -> Self {
        Self {
            visitor,
            open: None,
        }
    }

    fn open(&mut self, link: Link, hello: Hello, sink: Sink) -> &Open {
        let (out, to_send) = unbounded_channel();
        out.send(DeviceFrame::Hello(hello).encode()).expect("kept");
        let socket = Rc::new(RefCell::new(Socket::new(link, sink.clone())));
        let carrying = carry(Rc::clone(&self.visitor), Rc::clone(&socket), sink, to_send);
        let at_work = spawn_local(carrying);
        self.open.insert(Open {
            socket,
            out,
            at_work,
        })
    }

    /// The present socket, or a new one that only writes.
    fn present(&mut self, device_id: Id) -> &Open {
        let is_over = |open: &Open| open.socket.borrow().is_over();
        if self.open.as_ref().is_none_or(is_over) {
            let hello = Hello {
                device_id,
                markers: Markers::default(),
                tables: Vec::new(),
                schema_version: domain::SCHEMA.version,
                device_time_ms: server::clock::now_ms(),
            };
            return self.open(ONLY_WRITES, hello, Sink::new(|_| {}));
        }
        self.open.as_ref().expect("it is not over")
    }

    fn say(&mut self, device_id: Id, frame: &DeviceFrame) {
        // One that has just broken says so by itself.
        let _ = self.present(device_id).out.send(frame.encode());
    }
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebSocket")
    }
}

impl SyncProvider for WebSocket {
    fn id(&self) -> &str {
        "websocket"
    }

    fn mode(&self) -> Mode {
        Mode::Direct
    }

    fn subscribe(&mut self, link: Link, hello: Hello, sink: Sink) {
        self.open(link, hello, sink);
    }

    fn read(&mut self, link: Link) {
        let Some(open) = &self.open else { return };
        let replies = match &mut *open.socket.borrow_mut() {
            socket if socket.link() == link => socket.read(),
            _ => return,
        };
        send(replies);
    }

    fn unsubscribe(&mut self, link: Link) {
        self.open
            .take_if(|open| open.socket.borrow().link() == link);
    }

    fn pull(&mut self, hello: Hello, sink: Sink) {
        request::pull(Rc::clone(&self.visitor), hello, sink);
    }

    fn push(&mut self, push: Push, sink: Sink) {
        let open = self.present(push.device_id);
        open.socket.borrow_mut().pushed(sink);
        self.say(push.device_id, &DeviceFrame::Push(push));
    }

    fn update_cursor(&mut self, acknowledged: Acknowledged) {
        self.say(acknowledged.device_id, &DeviceFrame::Ack(acknowledged));
    }

    fn verify(&mut self, verify: Verify, sink: Sink) {
        let open = self.present(verify.device_id);
        open.socket.borrow_mut().asked_to_verify(sink);
        self.say(verify.device_id, &DeviceFrame::Verify(verify));
    }

    fn bye(&mut self, bye: Bye) {
        self.say(bye.device_id, &DeviceFrame::Bye(bye));
    }
}
