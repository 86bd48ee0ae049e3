//! The `sse` provider: a stream of server-sent events read by fetch, and requests beside it.

use super::request;
use super::stream::Stream;
use std::cell::RefCell;
use std::rc::Rc;
use sync::device::effect::Link;
use sync::device::retry::LinkFailure;
use sync::frame::{Acknowledged, Bye, DeviceFrame, Hello, Push, Verify};
use sync::provider::{Mode, Reply, Sink, SyncProvider};
use wasm_bindgen_futures::spawn_local;
use web_sys::AbortController;

/// The provider.
#[derive(Debug, Default)]
pub(super) struct Sse {
    open: Rc<RefCell<Option<Open>>>,
}

/// The present stream, from the moment it is asked for. Dropping it ends the request.
#[derive(Debug)]
struct Open {
    link: Link,
    abort: AbortController,
    sink: Sink,
    /// Nothing until the server has taken the request.
    stream: Option<Rc<Stream>>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.abort.abort();
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
        self.open.replace(None);
        let Ok(abort) = AbortController::new() else {
            return sink.send(Reply::Closed(link, LinkFailure::Unreachable));
        };
        let signal = abort.signal();
        self.open.replace(Some(Open {
            link,
            abort,
            sink: sink.clone(),
            stream: None,
        }));
        let present = Rc::downgrade(&self.open);
        spawn_local(async move {
            let opened = Stream::open(hello, &signal).await;
            let reply = match opened {
                // It was given up meanwhile.
                _ if signal.aborted() => return,
                Ok(stream) => {
                    let Some(present) = present.upgrade() else {
                        return;
                    };
                    if let Some(open) = &mut *present.borrow_mut() {
                        open.stream = Some(Rc::new(stream));
                    }
                    Reply::Opened(link)
                }
                Err(failure) => Reply::Closed(link, failure),
            };
            sink.send(reply);
        });
    }

    fn read(&mut self, link: Link) {
        let open = self.open.borrow();
        let Some(open) = open.as_ref().filter(|open| open.link == link) else {
            return;
        };
        let Some(stream) = open.stream.clone() else {
            return;
        };
        let sink = open.sink.clone();
        spawn_local(async move {
            sink.send(match stream.next().await {
                Ok(frame) => Reply::Frame(link, frame),
                Err(failure) => Reply::Closed(link, failure),
            });
        });
    }

    fn unsubscribe(&mut self, link: Link) {
        let mut open = self.open.borrow_mut();
        open.take_if(|open| open.link == link);
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
