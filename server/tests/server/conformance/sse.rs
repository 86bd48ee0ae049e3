//! A provider over a stream of events.

use super::request;
use crate::ways::Events;
use crate::world::Visitor;
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use sync::device::effect::Link;
use sync::device::retry::LinkFailure;
use sync::frame::{Acknowledged, Bye, DeviceFrame, Hello, Push, Verify};
use sync::provider::{Mode, Reply, Sink, SyncProvider};
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, spawn_local};

/// The provider.
pub(super) struct Sse {
    visitor: Rc<Visitor>,
    open: Rc<RefCell<Option<Open>>>,
}

/// The present stream. Dropping it ends the request.
struct Open {
    link: Link,
    sink: Sink,
    events: Option<Rc<Mutex<Events>>>,
    /// Opening it, and then reading its next frame.
    at_work: Option<JoinHandle<()>>,
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(at_work) = &self.at_work {
            at_work.abort();
        }
    }
}

impl Sse {
    pub(super) fn of(visitor: Rc<Visitor>) -> Self {
        Self {
            visitor,
            open: Rc::default(),
        }
    }
}

impl fmt::Debug for Sse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sse")
    }
}

impl SyncProvider for Sse {
    fn id(&self) -> &str {
        "sse"
    }

    fn mode(&self) -> Mode {
        Mode::Direct
    }

    fn subscribe(&mut self, link: Link, hello: Hello, sink: Sink) {
        let (visitor, open) = (Rc::clone(&self.visitor), Rc::clone(&self.open));
        let to_whom = sink.clone();
        let opening = spawn_local(async move {
            let hello = DeviceFrame::Hello(hello);
            let answer = visitor.post_frame("/api/sync/stream", &hello).await;
            let reply = match request::failure_of(answer).await {
                Ok(answer) => {
                    if let Some(open) = &mut *open.borrow_mut() {
                        open.events = Some(Rc::new(Mutex::new(Events::of(answer))));
                    }
                    Reply::Opened(link)
                }
                Err(failure) => Reply::Closed(link, failure),
            };
            to_whom.send(reply);
        });
        self.open.replace(Some(Open {
            link,
            sink,
            events: None,
            at_work: Some(opening),
        }));
    }

    fn read(&mut self, link: Link) {
        let mut open = self.open.borrow_mut();
        let Some(open) = open.as_mut().filter(|open| open.link == link) else {
            return;
        };
        let Some(events) = open.events.clone() else {
            return;
        };
        let sink = open.sink.clone();
        open.at_work = Some(spawn_local(async move {
            let next = events.lock().await.next().await;
            sink.send(match next {
                Some(frame) => Reply::Frame(link, frame),
                None => Reply::Closed(link, LinkFailure::Ended),
            });
        }));
    }

    fn unsubscribe(&mut self, link: Link) {
        self.open.borrow_mut().take_if(|open| open.link == link);
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
