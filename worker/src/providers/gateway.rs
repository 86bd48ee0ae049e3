//! The `gateway` provider: it asks again and again, for networks that let neither streams nor
//! sockets through. Everything is a request.

use super::request;
use crate::browser;
use gloo_timers::future::TimeoutFuture;
use std::cell::RefCell;
use std::rc::{Rc, Weak};
use sync::device::effect::Link;
use sync::device::retry::LinkFailure;
use sync::frame::{Acknowledged, Bye, DeviceFrame, Hello, Push, ServerFrame, Verify};
use sync::limits::POLL_MS;
use sync::provider::polled::Polled;
use sync::provider::{Mode, Reply, Sink, SyncProvider};
use wasm_bindgen_futures::spawn_local;

/// The provider.
#[derive(Debug, Default)]
pub(super) struct Gateway {
    open: Option<Open>,
}

/// The present stream. What is under way when it is dropped brings nothing.
#[derive(Debug)]
struct Open {
    link: Link,
    sink: Sink,
    polled: Rc<RefCell<Polled>>,
}

impl SyncProvider for Gateway {
    fn id(&self) -> &str {
        "gateway"
    }

    fn mode(&self) -> Mode {
        Mode::Gateway
    }

    fn subscribe(&mut self, link: Link, hello: Hello, sink: Sink) {
        let polled = Rc::new(RefCell::new(Polled::new(hello)));
        let present = Rc::downgrade(&polled);
        self.open = Some(Open {
            link,
            sink: sink.clone(),
            polled,
        });
        spawn_local(async move {
            match poll(&present).await {
                Some(Ok(())) => sink.send(Reply::Opened(link)),
                Some(Err(failure)) => sink.send(Reply::Closed(link, failure)),
                None => {}
            }
        });
    }

    fn read(&mut self, link: Link) {
        let Some(open) = self.open.as_ref().filter(|open| open.link == link) else {
            return;
        };
        let (present, sink) = (Rc::downgrade(&open.polled), open.sink.clone());
        spawn_local(async move {
            match next(&present).await {
                Some(Ok(frame)) => sink.send(Reply::Frame(link, frame)),
                Some(Err(failure)) => sink.send(Reply::Closed(link, failure)),
                None => {}
            }
        });
    }

    fn unsubscribe(&mut self, link: Link) {
        self.open.take_if(|open| open.link == link);
    }

    fn pull(&mut self, hello: Hello, sink: Sink) {
        request::pull(hello, sink);
    }

    fn push(&mut self, push: Push, sink: Sink) {
        request::push(push, sink);
    }

    fn update_cursor(&mut self, acknowledged: Acknowledged) {
        request::tell(DeviceFrame::Ack(acknowledged));
    }

    fn verify(&mut self, verify: Verify, sink: Sink) {
        request::verify(verify, sink);
    }

    fn bye(&mut self, bye: Bye) {
        request::tell(DeviceFrame::Bye(bye));
    }
}

/// Asks once. Nothing when the stream was given up meanwhile.
async fn poll(present: &Weak<RefCell<Polled>>) -> Option<Result<(), LinkFailure>> {
    let hello = present.upgrade()?.borrow().hello(browser::now_ms());
    let pulled = request::pulled(hello).await;
    let polled = present.upgrade()?;
    Some(pulled.and_then(|frames| polled.borrow_mut().take(frames)))
}

/// The next frame, when there is one. Nothing when the stream was given up meanwhile.
async fn next(present: &Weak<RefCell<Polled>>) -> Option<Result<ServerFrame, LinkFailure>> {
    loop {
        let (frame, is_live) = {
            let polled = present.upgrade()?;
            let mut polled = polled.borrow_mut();
            (polled.next_frame(), polled.is_live())
        };
        if let Some(frame) = frame {
            return Some(Ok(frame));
        }
        if is_live {
            TimeoutFuture::new(u32::try_from(POLL_MS).unwrap_or(u32::MAX)).await;
        }
        if let Err(failure) = poll(present).await? {
            return Some(Err(failure));
        }
    }
}
