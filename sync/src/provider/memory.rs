//! The `memory` provider: a server in the same program, in ordered maps. For tests, and for a
//! demo without a server.

use super::{Mode, Reply, Sink, SyncProvider};
use crate::device::effect::Link;
use crate::device::retry::LinkFailure;
use crate::frame::{Acknowledged, Bye, DeviceFrame, Hello, Push, ServerFrame, Verify};
use crate::hub::ledger::{Ledger, Names};
use crate::hub::session::Session;
use crate::rules::Rules;
use crate::scope::{LIBRARY, OWN, Scope};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::rc::Rc;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::cell::RefCell;

/// One person's journal on a server in this program. Clones are the same server.
#[derive(Clone, Debug)]
pub struct MemoryServer(Rc<RefCell<Shared>>);

#[derive(Debug)]
struct Shared {
    rules: Rules,
    ledger: Ledger,
    names: Names,
    now_ms: u64,
    /// Its clock follows the devices', for nobody sets it.
    follows: bool,
    next: u64,
    open: BTreeMap<u64, Open>,
}

/// A stream that stands.
#[derive(Debug)]
struct Open {
    link: Link,
    /// None once it has been told an error, with which it ends.
    session: Option<Session>,
    queue: VecDeque<ServerFrame>,
    sink: Sink,
    /// A frame is asked for.
    wanted: bool,
}

type Replies = Vec<(Sink, Reply)>;

impl MemoryServer {
    /// A server that holds nothing.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self(Rc::new(RefCell::new(Shared {
            rules,
            ledger: Ledger::new(rules),
            names: [OWN, LIBRARY]
                .map(|name| (Scope::named(name), name.into()))
                .into(),
            now_ms: 0,
            follows: true,
            next: 0,
            open: BTreeMap::new(),
        })))
    }

    /// Sets the server's wall clock, in milliseconds. Until then it follows the devices'.
    pub fn set_time(&self, now_ms: u64) {
        self.0.borrow_mut().set_time(now_ms);
    }

    /// Says to every stream that the server is alive and what its clock reads. Whoever runs the
    /// server does so every [`HEARTBEAT_MS`](crate::limits::HEARTBEAT_MS).
    pub fn beat(&self, now_ms: u64) {
        self.tell(|shared| shared.beat(now_ms));
    }

    /// Does something to the store behind the devices' backs.
    pub fn with<T>(&self, act: impl FnOnce(&mut Ledger) -> T) -> T {
        let done = act(&mut self.0.borrow_mut().ledger);
        self.tell(Shared::poke);
        done
    }

    /// Replies go out when the store is no longer held: whoever hears one may ask again.
    fn tell(&self, act: impl FnOnce(&mut Shared) -> Replies) {
        let replies = act(&mut self.0.borrow_mut());
        for (sink, reply) in replies {
            sink.send(reply);
        }
    }
}

impl Shared {
    fn set_time(&mut self, now_ms: u64) {
        self.follows = false;
        self.now_ms = now_ms;
    }

    fn hear_time(&mut self, device_time_ms: u64) {
        if self.follows {
            self.now_ms = self.now_ms.max(device_time_ms);
        }
    }

    fn open(&mut self, number: u64, link: Link, hello: &Hello, sink: Sink) -> Replies {
        self.hear_time(hello.device_time_ms);
        let (session, queue) = match self.ledger.open(hello, &self.names) {
            Ok(session) => {
                let queue = [session.welcome(self.now_ms), session.heartbeat(self.now_ms)];
                (Some(session), queue.into())
            }
            Err(error) => (None, [ServerFrame::Error(error)].into()),
        };
        let open = Open {
            link,
            session,
            queue,
            sink: sink.clone(),
            wanted: false,
        };
        self.open.insert(number, open);
        alloc::vec![(sink, Reply::Opened(link))]
    }

    fn poke(&mut self) -> Replies {
        for session in self.open.values_mut().filter_map(|o| o.session.as_mut()) {
            session.poke();
        }
        self.pump_all()
    }

    fn beat(&mut self, now_ms: u64) -> Replies {
        self.set_time(now_ms);
        for open in self.open.values_mut() {
            let alive = open.session.as_ref().map(|s| s.heartbeat(now_ms));
            // One that is not read does not pile up.
            open.queue.extend(alive.filter(|_| open.queue.is_empty()));
        }
        self.poke()
    }

    fn pump_all(&mut self) -> Replies {
        let numbers: Vec<_> = self.open.keys().copied().collect();
        numbers
            .into_iter()
            .filter_map(|number| self.pump(number))
            .collect()
    }

    /// The next frame of a stream that asks for one.
    fn pump(&mut self, number: u64) -> Option<(Sink, Reply)> {
        let open = self.open.get_mut(&number).filter(|open| open.wanted)?;
        let link = open.link;
        if open.queue.is_empty() {
            let Some(session) = &mut open.session else {
                let open = self.open.remove(&number)?;
                return Some((open.sink, Reply::Closed(link, LinkFailure::Ended)));
            };
            open.queue
                .extend(self.ledger.advance(session, &self.names)?);
        }
        let frame = open.queue.pop_front()?;
        open.wanted = false;
        Some((open.sink.clone(), Reply::Frame(link, frame)))
    }

    fn pull(&mut self, hello: &Hello) -> Vec<ServerFrame> {
        let mut session = match self.ledger.open(hello, &self.names) {
            Ok(session) => session,
            Err(error) => return alloc::vec![ServerFrame::Error(error)],
        };
        let mut frames = alloc::vec![session.welcome(self.now_ms)];
        while let Some(next) = self.ledger.advance(&mut session, &self.names) {
            frames.extend(next);
        }
        frames
    }
}

/// One device's way to a [`MemoryServer`].
#[derive(Debug)]
pub struct Memory {
    id: &'static str,
    server: MemoryServer,
    number: u64,
}

impl Memory {
    /// A way to this server, called `memory`.
    #[must_use]
    pub fn to(server: MemoryServer) -> Self {
        Self::named("memory", server)
    }

    /// The same under another name, to stand in for another provider.
    #[must_use]
    pub fn named(id: &'static str, server: MemoryServer) -> Self {
        let mut shared = server.0.borrow_mut();
        shared.next += 1;
        let number = shared.next;
        drop(shared);
        Self { id, server, number }
    }

    /// What the server says to a frame that is held to its schema, as a frame is on the wire.
    fn checked(&self, frame: &DeviceFrame) -> Result<(), LinkFailure> {
        let schema = self.server.0.borrow().rules.schema;
        match DeviceFrame::decode(&frame.encode(), schema) {
            Ok(_) => Ok(()),
            Err(error) => Err(LinkFailure::Server {
                status: 400,
                code: error.code().to_string(),
                retry_after_ms: None,
            }),
        }
    }
}

impl SyncProvider for Memory {
    fn id(&self) -> &str {
        self.id
    }

    fn mode(&self) -> Mode {
        Mode::Direct
    }

    fn subscribe(&mut self, link: Link, hello: Hello, sink: Sink) {
        if let Err(failure) = self.checked(&DeviceFrame::Hello(hello.clone())) {
            return sink.send(Reply::Closed(link, failure));
        }
        self.server
            .tell(|shared| shared.open(self.number, link, &hello, sink));
    }

    fn read(&mut self, link: Link) {
        self.server.tell(|shared| {
            let open = shared.open.get_mut(&self.number);
            let Some(open) = open.filter(|open| open.link == link) else {
                return Vec::new();
            };
            open.wanted = true;
            shared.pump(self.number).into_iter().collect()
        });
    }

    fn unsubscribe(&mut self, link: Link) {
        let open = &mut self.server.0.borrow_mut().open;
        if open.get(&self.number).is_some_and(|open| open.link == link) {
            open.remove(&self.number);
        }
    }

    fn pull(&mut self, hello: Hello, sink: Sink) {
        if let Err(failure) = self.checked(&DeviceFrame::Hello(hello.clone())) {
            return sink.send(Reply::Pulled(Err(failure)));
        }
        self.server
            .tell(|shared| alloc::vec![(sink, Reply::Pulled(Ok(shared.pull(&hello))))]);
    }

    fn push(&mut self, push: Push, sink: Sink) {
        if let Err(failure) = self.checked(&DeviceFrame::Push(push.clone())) {
            return sink.send(Reply::Pushed(Err(failure)));
        }
        self.server.tell(|shared| {
            shared.hear_time(push.device_time_ms);
            let result = shared.ledger.push(OWN, &push, shared.now_ms);
            let mut replies = alloc::vec![(sink, Reply::Pushed(Ok(result)))];
            replies.extend(shared.poke());
            replies
        });
    }

    fn update_cursor(&mut self, acknowledged: Acknowledged) {
        let shared = &mut *self.server.0.borrow_mut();
        shared
            .ledger
            .acknowledge(&shared.names, &acknowledged, shared.now_ms);
    }

    fn verify(&mut self, verify: Verify, sink: Sink) {
        self.server.tell(|shared| {
            let verified = shared.ledger.verify(&shared.names, &verify);
            alloc::vec![(sink, Reply::Verified(Ok(verified)))]
        });
    }

    fn bye(&mut self, _bye: Bye) {
        self.server.0.borrow_mut().open.remove(&self.number);
    }
}
