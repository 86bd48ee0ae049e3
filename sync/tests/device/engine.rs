//! The engine, told what happened by hand.

use crate::tables::RULES;
use std::collections::BTreeMap;
use sync::device::effect::{Answer, Committed, Effect, Link, SyncEvent, Timer};
use sync::device::event::{Event, Input};
use sync::device::outbox::OutboxCount;
use sync::device::retry::LinkFailure;
use sync::device::state::{Phase, State, Stored};
use sync::device::step::step;
use sync::frame::{
    Delta, FeedPhase, Heartbeat, PushResult, ScopeChange, ServerError, ServerFrame, Welcome,
};
use sync::hooks::Hook;
use sync::id::{Id, Mint};
use sync::limits::PUSH_CHANGES_MAX;
use sync::scope::{Lsn, Marker, Markers, OWN, Scope};

pub(crate) const DEVICE: Id = Id::from_u128(1);

pub(crate) struct Engine {
    state: Option<State>,
    /// Everything that was asked for so far.
    pub(crate) asked: Vec<Effect>,
}

/// What the store of a device that has nothing knows.
pub(crate) fn nothing_stored() -> Stored {
    Stored {
        device_id: DEVICE,
        markers: Markers::default(),
        outbox: OutboxCount::default(),
        offset_ms: 0,
        rebuild: None,
        generation: 0,
        headed: false,
        updated: false,
    }
}

impl Engine {
    pub(crate) fn new() -> Self {
        Self::with(nothing_stored())
    }

    pub(crate) fn with(stored: Stored) -> Self {
        Self {
            state: Some(State::new(RULES, stored)),
            asked: Vec::new(),
        }
    }

    pub(crate) fn tell(&mut self, now_ms: u64, event: Event) -> Vec<Effect> {
        let input = Input {
            mint: Mint::new(now_ms, [now_ms | 1, 7]),
            event,
        };
        let (state, effects) = step(self.state.take().expect("a state"), input);
        self.state = Some(state);
        self.asked.extend(effects.iter().cloned());
        effects
    }

    pub(crate) fn state(&self) -> &State {
        self.state.as_ref().expect("a state")
    }

    pub(crate) fn phase(&self) -> Phase {
        self.state().phase
    }

    /// The present link brings a frame.
    pub(crate) fn hear(&mut self, now_ms: u64, frame: ServerFrame) -> Vec<Effect> {
        let link = self.state().link;
        self.tell(now_ms, Event::FrameArrived { link, frame })
    }

    /// The present link is gone.
    pub(crate) fn lose(&mut self, now_ms: u64, failure: LinkFailure) -> Vec<Effect> {
        let link = self.state().link;
        self.tell(now_ms, Event::LinkClosed { link, failure })
    }

    /// The page of the present link is stored.
    pub(crate) fn stored(&mut self, now_ms: u64, committed: Committed) -> Vec<Effect> {
        let link = self.state().link;
        self.tell(now_ms, Event::PageStored { link, committed })
    }

    /// Asks for a link, which opens.
    pub(crate) fn open(&mut self, now_ms: u64) {
        self.tell(now_ms, Event::ConnectAsked);
        let link = self.state().link;
        self.tell(now_ms, Event::LinkOpened { link });
        assert_eq!(self.phase(), Phase::Handshake);
    }

    /// Brings it to where what was missed is coming.
    pub(crate) fn welcome(&mut self, now_ms: u64) {
        self.open(now_ms);
        self.hear(now_ms, welcome(FeedPhase::Catchup, now_ms));
    }

    /// Brings it to where everything is here.
    pub(crate) fn go_live(&mut self, now_ms: u64) -> Vec<Effect> {
        self.welcome(now_ms);
        let effects = self.hear(now_ms, ServerFrame::DeltaComplete {});
        assert_eq!(self.phase(), Phase::Live);
        effects
    }

    /// A device that everything is here on.
    pub(crate) fn live() -> Self {
        let mut engine = Self::new();
        engine.go_live(0);
        engine
    }

    /// Brings what is written as far as its push being on its way.
    pub(crate) fn push(&mut self, now_ms: u64, waiting: u64, taken: usize) -> Vec<Effect> {
        self.tell(now_ms, Event::OutboxGrew(count(waiting)));
        let outbox = count(waiting);
        self.tell(now_ms, Event::OutboxTaken { taken, outbox })
    }
}

/// An engine in each phase.
pub(crate) fn everywhere() -> Vec<Engine> {
    let connecting = |engine: &mut Engine| drop(engine.tell(0, Event::Led));
    let steps: [&dyn Fn(&mut Engine); 9] = [
        &|_| (),
        &|engine| {
            connecting(engine);
            engine.tell(1, Event::NetworkLost);
        },
        &connecting,
        &|engine| engine.open(0),
        &|engine| engine.welcome(0),
        &|engine| drop(engine.go_live(0)),
        &|engine| {
            engine.tell(0, Event::ResetAsked);
            engine.welcome(0);
        },
        &|engine| {
            connecting(engine);
            engine.lose(1, LinkFailure::Unreachable);
        },
        &|engine| {
            connecting(engine);
            engine.lose(1, LinkFailure::Unauthorized);
        },
    ];
    let engines: Vec<_> = steps
        .iter()
        .map(|step| {
            let mut engine = Engine::new();
            step(&mut engine);
            engine
        })
        .collect();
    let phases: std::collections::BTreeSet<_> = engines.iter().map(Engine::phase).collect();
    assert_eq!(phases.len(), 9, "{phases:?}");
    engines
}

pub(crate) fn count(waiting: u64) -> OutboxCount {
    OutboxCount {
        waiting,
        failed: 0,
        next_due_ms: (waiting > 0).then_some(0),
    }
}

pub(crate) fn own() -> Scope {
    Scope::named(OWN)
}

pub(crate) fn at(lsn: Lsn) -> Marker {
    let op_id = Id::from_u128(u128::from(lsn));
    Marker { lsn, op_id }
}

/// What storing a page did that brought the whole journal here.
pub(crate) fn brought_to(marker: Marker) -> Committed {
    let tables = ["notes", "pages", "revisions"];
    Committed {
        moved: tables.map(|table| (own(), table.into(), marker)).into(),
        ..Committed::default()
    }
}

pub(crate) fn welcome(phase: FeedPhase, server_time_ms: u64) -> ServerFrame {
    ServerFrame::Welcome(Welcome {
        ceilings: BTreeMap::new(),
        phase,
        purge_floors: BTreeMap::new(),
        server_time_ms,
    })
}

pub(crate) fn delta() -> ServerFrame {
    ServerFrame::Delta(Delta {
        scope: own(),
        table: "notes".into(),
        rows: Vec::new(),
        from: Marker::START,
        to: at(4),
        is_last_chunk: true,
        error: None,
    })
}

pub(crate) fn change() -> ServerFrame {
    ServerFrame::Change(ScopeChange {
        scope: own(),
        from: at(4),
        to: at(5),
        rows: Vec::new(),
    })
}

pub(crate) fn heartbeat(server_time_ms: u64, positions: &[(Scope, Marker)]) -> ServerFrame {
    ServerFrame::Heartbeat(Heartbeat {
        server_time_ms,
        positions: positions.iter().cloned().collect(),
    })
}

pub(crate) fn error(code: &str) -> ServerFrame {
    ServerFrame::Error(ServerError::new(code, "what happened"))
}

pub(crate) fn no_outcomes() -> PushResult {
    PushResult {
        outcomes: BTreeMap::new(),
        server_time_ms: 0,
    }
}

pub(crate) fn server(status: u16) -> LinkFailure {
    LinkFailure::Server {
        status,
        code: String::new(),
        retry_after_ms: None,
    }
}

/// When this timer is set to, by the last of these effects that is about it.
pub(crate) fn timer(effects: &[Effect], wanted: Timer) -> Option<u64> {
    let last = effects.iter().rev().find_map(|effect| match effect {
        Effect::SetTimer { timer, at_ms } if *timer == wanted => Some(Some(*at_ms)),
        Effect::ClearTimer { timer } if *timer == wanted => Some(None),
        _ => None,
    });
    last.flatten()
}

pub(crate) fn opens(effects: &[Effect]) -> Option<Link> {
    effects.iter().find_map(|effect| match effect {
        Effect::OpenLink { link, .. } => Some(*link),
        _ => None,
    })
}

pub(crate) fn hooks(effects: &[Effect]) -> Vec<&Hook> {
    let hooks = effects.iter().filter_map(|effect| match effect {
        Effect::Raise(hook) => Some(hook),
        _ => None,
    });
    hooks.collect()
}

pub(crate) fn raises(effects: &[Effect], key: &str) -> bool {
    hooks(effects).iter().any(|hook| hook.key() == key)
}

pub(crate) fn events(effects: &[Effect]) -> Vec<&SyncEvent> {
    let events = effects.iter().filter_map(|effect| match effect {
        Effect::Tell(event) => Some(event),
        _ => None,
    });
    events.collect()
}

/// Takes as much of the outbox as a push may carry.
pub(crate) const ALL: Effect = Effect::TakeOutbox {
    limit: PUSH_CHANGES_MAX,
};

pub(crate) fn takes(effects: &[Effect]) -> Option<usize> {
    effects.iter().find_map(|effect| match effect {
        Effect::TakeOutbox { limit } => Some(*limit),
        _ => None,
    })
}

pub(crate) fn settles(effects: &[Effect]) -> Option<&Answer> {
    effects.iter().find_map(|effect| match effect {
        Effect::Settle(answer) => Some(answer),
        _ => None,
    })
}

pub(crate) fn settled(engine: &mut Engine, now_ms: u64, left: u64) -> Vec<Effect> {
    let outbox = count(left);
    engine.tell(
        now_ms,
        Event::Settled(Committed {
            outbox,
            ..Committed::default()
        }),
    )
}
