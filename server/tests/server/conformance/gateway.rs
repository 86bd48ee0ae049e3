//! A provider that polls.

use super::request;
use crate::world::Visitor;
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;
use sync::device::effect::Link;
use sync::device::retry::LinkFailure;
use sync::frame::{Acknowledged, Bye, DeviceFrame, Hello, Push, ServerFrame, Verify};
use sync::provider::polled::Polled;
use sync::provider::{Mode, Reply, Sink, SyncProvider};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::sleep;

/// How often it asks: more often than a device would, so that the suite need not wait.
const POLL: Duration = Duration::from_millis(50);

/// The provider.
pub(super) struct Gateway {
    visitor: Rc<Visitor>,
    open: Option<Open>,
}

/// The present stream.
struct Open {
    link: Link,
    sink: Sink,
    polled: Rc<RefCell<Polled>>,
    at_work: JoinHandle<()>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.at_work.abort();
    }
}

async fn poll(visitor: &Visitor, polled: &RefCell<Polled>) -> Result<(), LinkFailure> {
    let hello = polled.borrow().hello(server::clock::now_ms());
    let frames = request::pulled(visitor, hello).await?;
    polled.borrow_mut().take(frames)
}

async fn next(visitor: &Visitor, polled: &RefCell<Polled>) -> Result<ServerFrame, LinkFailure> {
    loop {
        let next = polled.borrow_mut().next_frame();
        if let Some(frame) = next {
            return Ok(frame);
        }
        let is_live = polled.borrow().is_live();
        if is_live {
            sleep(POLL).await;
        }
        poll(visitor, polled).await?;
    }
}

impl Gateway {
    pub(super) const fn of(visitor: Rc<Visitor>) -> Self {
        Self {
            visitor,
            open: None,
        }
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gateway")
    }
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
        let (visitor, asking, opened) =
            (Rc::clone(&self.visitor), Rc::clone(&polled), sink.clone());
        let at_work = spawn_local(async move {
            opened.send(match poll(&visitor, &asking).await {
                Ok(()) => Reply::Opened(link),
                Err(failure) => Reply::Closed(link, failure),
            });
        });
        self.open = Some(Open {
            link,
            sink,
            polled,
            at_work,
        });
    }

    fn read(&mut self, link: Link) {
        let Some(open) = self.open.as_mut().filter(|open| open.link == link) else {
            return;
        };
        let (visitor, polled, sink) = (
            Rc::clone(&self.visitor),
            Rc::clone(&open.polled),
            open.sink.clone(),
        );
        open.at_work = spawn_local(async move {
            sink.send(match next(&visitor, &polled).await {
                Ok(frame) => Reply::Frame(link, frame),
                Err(failure) => Reply::Closed(link, failure),
            });
        });
    }

    fn unsubscribe(&mut self, link: Link) {
        self.open.take_if(|open| open.link == link);
    }

    fn pull(&mut self, hello: Hello, sink: Sink) {
        request::pull(Rc::clone(&self.visitor), hello, sink);
    }

    fn push(&mut self, push: Push, sink: Sink) {
        request::push(Rc::clone(&self.visitor), push, sink);
    }

    fn update_cursor(&mut self, acknowledged: Acknowledged) {
        request::tell(Rc::clone(&self.visitor), DeviceFrame::Ack(acknowledged));
    }

    fn verify(&mut self, verify: Verify, sink: Sink) {
        request::verify(Rc::clone(&self.visitor), verify, sink);
    }

    fn bye(&mut self, bye: Bye) {
        request::tell(Rc::clone(&self.visitor), DeviceFrame::Bye(bye));
    }
}
