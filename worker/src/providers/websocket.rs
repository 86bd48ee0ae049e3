//! The `websocket` provider: one socket for the stream and for all that is said beside it.
//!
//! Pulls, and whatever is said while no socket stands, are requests.

use super::request;
use crate::browser;
use gloo_timers::callback::Timeout;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use sync::device::effect::Link;
use sync::device::retry::LinkFailure;
use sync::frame::{Acknowledged, Bye, DeviceFrame, Hello, Push, Verify};
use sync::limits::PUSH_TIMEOUT_MS;
use sync::provider::socket::{Replies, Socket};
use sync::provider::{Mode, Reply, Sink, SyncProvider};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::MessageEvent;

/// The provider.
#[derive(Debug, Default)]
pub(super) struct WebSocket {
    open: Option<Open>,
}

/// The present socket, from the moment it is asked for. Dropping it closes it, and nothing is
/// heard of it any more.
#[derive(Debug)]
struct Open {
    wire: Rc<Wire>,
    _handlers: [Handler; 3],
}

type Handler = Closure<dyn FnMut(MessageEvent)>;

/// What its handlers share.
#[derive(Debug)]
struct Wire {
    browsers: web_sys::WebSocket,
    hello: Hello,
    sink: Sink,
    socket: RefCell<Socket>,
    has_opened: Cell<bool>,
    /// Gives the socket up when an answer takes too long.
    late: RefCell<Option<Timeout>>,
}

impl Open {
    fn new(link: Link, hello: Hello, sink: Sink) -> Result<Self, JsValue> {
        let wire = Rc::new(Wire {
            browsers: web_sys::WebSocket::new(&browser::socket_address("/api/sync/socket"))?,
            hello,
            socket: RefCell::new(Socket::new(link, sink.clone())),
            sink,
            has_opened: Cell::new(false),
            late: RefCell::default(),
        });
        let handlers = [
            handler(&wire, |wire, _| wire.opened()),
            handler(&wire, |wire, message| wire.heard(&message)),
            handler(&wire, |wire, _| wire.closed()),
        ];
        let function = |place: usize| Some(handlers[place].as_ref().unchecked_ref());
        wire.browsers.set_onopen(function(0));
        wire.browsers.set_onmessage(function(1));
        wire.browsers.set_onclose(function(2));
        Ok(Self {
            wire,
            _handlers: handlers,
        })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let browsers = &self.wire.browsers;
        browsers.set_onopen(None);
        browsers.set_onmessage(None);
        browsers.set_onclose(None);
        // It fails for reserved codes only, and there is none.
        let _ = browsers.close();
    }
}

/// A handler that does nothing once the socket was given up.
fn handler(wire: &Rc<Wire>, act: impl Fn(&Rc<Wire>, MessageEvent) + 'static) -> Handler {
    let wire = Rc::downgrade(wire);
    Closure::new(move |event| {
        if let Some(wire) = wire.upgrade() {
            act(&wire, event);
        }
    })
}

impl Wire {
    fn link(&self) -> Link {
        self.socket.borrow().link()
    }

    fn opened(&self) {
        self.has_opened.set(true);
        self.say(&DeviceFrame::Hello(self.hello.clone()));
        self.sink.send(Reply::Opened(self.link()));
    }

    fn heard(&self, message: &MessageEvent) {
        // Our server sends text and nothing else.
        let text = message.data().as_string().unwrap_or_default();
        let replies = self.socket.borrow_mut().heard(&text);
        let (is_over, is_waited_for) = {
            let socket = self.socket.borrow();
            (socket.is_over(), socket.is_waited_for())
        };
        if is_over {
            let _ = self.browsers.close();
        }
        if !is_waited_for {
            self.late.take();
        }
        send(replies);
    }

    fn closed(self: &Rc<Self>) {
        if self.has_opened.get() {
            return self.over(LinkFailure::Ended);
        }
        // A browser does not tell why; a request does.
        let (wire, device_id) = (Rc::downgrade(self), self.hello.device_id);
        spawn_local(async move {
            let failure = request::why_not(device_id).await;
            if let Some(wire) = wire.upgrade() {
                wire.sink.send(Reply::Closed(wire.link(), failure));
            }
        });
    }

    fn over(&self, failure: LinkFailure) {
        self.late.take();
        let replies = self.socket.borrow_mut().over(failure);
        send(replies);
    }

    fn stands(&self) -> bool {
        self.browsers.ready_state() == web_sys::WebSocket::OPEN && !self.socket.borrow().is_over()
    }

    /// What cannot be sent any more is found out by the end of the socket.
    fn say(&self, frame: &DeviceFrame) {
        let _ = self.browsers.send_with_str(&frame.encode());
    }

    /// Says what is answered, and gives the socket up should that take too long.
    fn ask(self: &Rc<Self>, frame: &DeviceFrame) {
        self.say(frame);
        let wire: Weak<Self> = Rc::downgrade(self);
        let timeout_ms = u32::try_from(PUSH_TIMEOUT_MS).unwrap_or(u32::MAX);
        let late = Timeout::new(timeout_ms, move || {
            if let Some(wire) = wire.upgrade() {
                let _ = wire.browsers.close();
                wire.over(LinkFailure::Unreachable);
            }
        });
        self.late.replace(Some(late));
    }
}

impl WebSocket {
    /// The socket, if something can be said on it.
    fn standing(&self) -> Option<&Rc<Wire>> {
        let wire = self.open.as_ref().map(|open| &open.wire);
        wire.filter(|wire| wire.stands())
    }

    fn of_link(&self, link: Link) -> Option<&Rc<Wire>> {
        let wire = self.open.as_ref().map(|open| &open.wire);
        wire.filter(|wire| wire.link() == link)
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
        self.open = None;
        match Open::new(link, hello, sink.clone()) {
            Ok(open) => self.open = Some(open),
            Err(_) => sink.send(Reply::Closed(link, LinkFailure::Unreachable)),
        }
    }

    fn read(&mut self, link: Link) {
        if let Some(wire) = self.of_link(link) {
            let replies = wire.socket.borrow_mut().read();
            send(replies);
        }
    }

    fn unsubscribe(&mut self, link: Link) {
        if self.of_link(link).is_some() {
            self.open = None;
        }
    }

    fn pull(&mut self, hello: Hello, sink: Sink) {
        request::pull(hello, sink);
    }

    fn push(&mut self, push: Push, sink: Sink) {
        match self.standing() {
            Some(wire) => {
                wire.socket.borrow_mut().pushed(sink);
                wire.ask(&DeviceFrame::Push(push));
            }
            None => request::push(push, sink),
        }
    }

    fn update_cursor(&mut self, acknowledged: Acknowledged) {
        let frame = DeviceFrame::Ack(acknowledged);
        match self.standing() {
            Some(wire) => wire.say(&frame),
            None => request::tell(frame),
        }
    }

    fn verify(&mut self, verify: Verify, sink: Sink) {
        match self.standing() {
            Some(wire) => {
                wire.socket.borrow_mut().asked_to_verify(sink);
                wire.ask(&DeviceFrame::Verify(verify));
            }
            None => request::verify(verify, sink),
        }
    }

    fn bye(&mut self, bye: Bye) {
        let frame = DeviceFrame::Bye(bye);
        match self.standing() {
            Some(wire) => wire.say(&frame),
            None => request::tell(frame),
        }
    }
}

/// Replies go out when nothing is held any more: whoever hears one may ask again.
fn send(replies: Replies) {
    for (sink, reply) in replies {
        sink.send(reply);
    }
}

#[cfg(test)]
mod tests;
