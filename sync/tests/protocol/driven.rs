//! A device driven by events alone, with just enough of a host to reach any state.

use crate::journal::RULES;
use std::collections::BTreeMap;
use sync::device::effect::{Committed, Effect, Link};
use sync::device::event::{Event, Input};
use sync::device::outbox::OutboxCount;
use sync::device::retry::LinkFailure;
use sync::device::state::{Phase, State, Stored};
use sync::device::step::step;
use sync::digest::Digest;
use sync::frame::{
    Delta, FeedPhase, Heartbeat, PushResult, ScopeChange, ServerError, ServerFrame, Welcome,
};
use sync::id::{Id, Mint};
use sync::scope::{LIBRARY, Marker, Markers, OWN, Scope};

/// The columns of the table, in its order.
pub(crate) const PHASES: [Phase; 9] = [
    Phase::Stopped,
    Phase::Offline,
    Phase::Connecting,
    Phase::Handshake,
    Phase::Delta,
    Phase::Live,
    Phase::Rebuild,
    Phase::Backoff,
    Phase::AuthBlocked,
];

/// Where the device stands in its own journal.
pub(crate) const HERE: Marker = Marker {
    lsn: 7,
    op_id: Id::from_u128(70),
};

/// Where it stands once the next page is stored.
pub(crate) const THERE: Marker = Marker {
    lsn: 8,
    op_id: Id::from_u128(80),
};

/// What the server says about when to come back.
pub(crate) const TOLD_MS: u64 = 45_000;

/// A device, and what it asked for last.
pub(crate) struct Driven {
    state: Option<State>,
    /// The host's clock.
    pub(crate) now_ms: u64,
    /// The effects of the last event.
    pub(crate) effects: Vec<Effect>,
    /// The link that the page being stored came by.
    pub(crate) asked_by: Link,
}

impl Driven {
    /// A device that has just started.
    fn started() -> Self {
        let mut markers = Markers::default();
        for table in RULES.schema.tables {
            for scope in table.scopes {
                markers.set(&Scope::named(scope), table.name, HERE);
            }
        }
        let stored = Stored {
            device_id: Id::from_u128(1),
            markers,
            outbox: OutboxCount::default(),
            offset_ms: 0,
            rebuild: None,
            generation: 0,
            headed: false,
            updated: false,
        };
        Self {
            state: Some(State::new(RULES, stored)),
            now_ms: 1_000_000,
            effects: Vec::new(),
            asked_by: 0,
        }
    }

    /// A device that has everything and sends nothing.
    pub(crate) fn live() -> Self {
        let mut driven = Self::started();
        driven.happen(Event::Led);
        driven.connect_to(Phase::Live);
        driven
    }

    /// The state.
    pub(crate) fn state(&self) -> &State {
        self.state.as_ref().expect("no event is under way")
    }

    /// The present or last link.
    pub(crate) fn link(&self) -> Link {
        self.state().link
    }

    /// Lets something happen.
    pub(crate) fn happen(&mut self, event: Event) {
        let state = self.state.take().expect("no event is under way");
        let mint = Mint::new(self.now_ms, [self.now_ms, 7]);
        let (state, effects) = step(state, Input { mint, event });
        self.state = Some(state);
        self.effects = effects;
    }

    /// Lets a frame arrive.
    pub(crate) fn hear(&mut self, frame: ServerFrame) {
        let link = self.link();
        self.happen(Event::FrameArrived { link, frame });
    }

    /// From a link that was asked for to this phase.
    fn connect_to(&mut self, phase: Phase) {
        if phase == Phase::Connecting {
            return;
        }
        self.happen(Event::LinkOpened { link: self.link() });
        if phase == Phase::Handshake {
            return;
        }
        self.hear(welcome());
        if phase == Phase::Live {
            self.hear(ServerFrame::DeltaComplete {});
        }
    }

    /// From a phase in which a link stands to this one, by what makes a device go there.
    pub(crate) fn go(&mut self, phase: Phase) {
        let link = self.link();
        match phase {
            Phase::Stopped => self.happen(Event::Stopped),
            Phase::Offline => self.happen(Event::NetworkLost),
            Phase::Connecting | Phase::Handshake | Phase::Delta => {
                self.happen(Event::ConnectAsked);
                self.connect_to(phase);
            }
            Phase::Live => {}
            Phase::Rebuild => {
                if self.state().rebuild.is_none() {
                    self.hear(error("cursor_expired"));
                }
                self.happen(Event::ConnectAsked);
                self.connect_to(phase);
            }
            Phase::Backoff => self.happen(Event::LinkClosed {
                link,
                failure: LinkFailure::Unreachable,
            }),
            Phase::AuthBlocked => self.happen(Event::LinkClosed {
                link,
                failure: LinkFailure::Unauthorized,
            }),
        }
        assert_eq!(self.state().phase, phase, "the way to a phase leads there");
    }
}

/// So many changes wait, all of them due.
pub(crate) fn waiting(count: u64) -> OutboxCount {
    OutboxCount {
        waiting: count,
        failed: 0,
        next_due_ms: (count > 0).then_some(0),
    }
}

/// What storing a page did.
pub(crate) fn page_committed() -> Committed {
    let own = Scope::named(OWN);
    Committed {
        moved: vec![(own, "entries".into(), THERE)],
        changed: vec![("entries".into(), vec![Id::from_u128(5)])],
        ..Committed::default()
    }
}

/// What storing an answer did, after which so many changes wait.
pub(crate) fn settled(count: u64) -> Committed {
    Committed {
        settled: vec![(Id::from_u128(90), "done")],
        outbox: waiting(count),
        ..Committed::default()
    }
}

/// A server that greets a device which missed something.
pub(crate) fn welcome() -> ServerFrame {
    ServerFrame::Welcome(Welcome {
        ceilings: [(Scope::named(OWN), HERE)].into(),
        phase: FeedPhase::Catchup,
        purge_floors: BTreeMap::new(),
        server_time_ms: 1_000_000,
    })
}

/// One chunk of what was missed; or word that it could not be read.
pub(crate) fn delta(error: Option<ServerError>) -> ServerFrame {
    ServerFrame::Delta(Delta {
        scope: Scope::named(OWN),
        table: "entries".into(),
        rows: Vec::new(),
        from: HERE,
        to: THERE,
        is_last_chunk: true,
        error,
    })
}

/// Something that has just changed.
pub(crate) fn change() -> ServerFrame {
    ServerFrame::Change(ScopeChange {
        scope: Scope::named(OWN),
        from: HERE,
        to: THERE,
        rows: Vec::new(),
    })
}

/// A sign of life of a server that has sent everything up to `own`.
pub(crate) fn heartbeat(own: Marker) -> ServerFrame {
    let positions = [(Scope::named(LIBRARY), HERE), (Scope::named(OWN), own)];
    ServerFrame::Heartbeat(Heartbeat {
        server_time_ms: 1_000_000,
        positions: positions.into(),
    })
}

/// An error of the server.
pub(crate) fn error(code: &str) -> ServerFrame {
    ServerFrame::Error(ServerError::new(code, "words"))
}

/// What a server answers to a push.
pub(crate) fn push_result() -> PushResult {
    PushResult {
        outcomes: BTreeMap::new(),
        server_time_ms: 1_000_000,
    }
}

/// The digests of all tables.
pub(crate) fn digests() -> sync::frame::Digests {
    let tables = BTreeMap::from([("entries".to_string(), Digest::default())]);
    [(Scope::named(OWN), tables)].into()
}
