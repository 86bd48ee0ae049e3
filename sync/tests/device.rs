//! What a device writes and does, one decision at a time.

use std::collections::BTreeMap;
use sync::change::Op;
use sync::clock::Clock;
use sync::device::edit::{Meta, decide};
use sync::device::effect::{Committed, Effect, SyncEvent, Timer};
use sync::device::event::{Event, Input};
use sync::device::outbox::{ChangeState, LocalChange, OutboxCount, select};
use sync::device::receive::{HeldRows, ReceiveError, delta};
use sync::device::record::Held;
use sync::device::retry::{FailureClass, LinkFailure};
use sync::device::settle::{answered, unanswered};
use sync::device::state::{Phase, State, Stored};
use sync::device::status::{HeaderState, connectivity};
use sync::device::step::step;
use sync::frame::{Delta, Outcome, PushResult, ServerError, ServerFrame};
use sync::id::{Id, Mint};
use sync::limits::{ATTEMPTS_MAX, BACKOFF_MS_MAX, PUSH_CHANGES_MAX, WATCHDOG_MS};
use sync::local::{Edit, Tick};
use sync::row::Row;
use sync::scope::{Marker, Markers, OWN, Scope};
use sync::table::{FieldSpec, Schema, TableSpec};
use sync::value::{FieldKind, Fields};

static NOTES: TableSpec = TableSpec {
    name: "notes",
    fields: &[FieldSpec {
        name: "text",
        kind: FieldKind::Text {
            bytes_max: 64,
            blank: false,
        },
        nullable: false,
    }],
    indexes: &[],
    scopes: &["own"],
};
static SCHEMA: Schema = Schema { tables: &[&NOTES] };
const KEY: Id = Id::from_u128(5);

fn mint(now_ms: u64) -> Mint {
    Mint::new(now_ms, [now_ms | 1, 7])
}

fn edit(op: Op, text: &str) -> Edit {
    Edit {
        table: "notes".into(),
        key: KEY,
        op,
        fields: Fields::from([("text".into(), text.into())]),
    }
}

/// A row as it is stored after these edits, of which the first `sent` were pushed.
fn held(meta: &mut Meta, edits: &[Edit], sent: usize) -> Held {
    let mut held = Held::default();
    for (place, edit) in edits.iter().enumerate() {
        let now_ms = 1_000 + u64::try_from(place).expect("small");
        let written = decide(&SCHEMA, meta, &mut mint(now_ms), held.clone(), edit.clone());
        let written = written.expect("kept");
        held.take(written.record, &written.changes);
        if place < sent {
            held.changes.last_mut().expect("a change").state = ChangeState::InFlight;
        }
    }
    held
}

fn rows(held: Held) -> HeldRows {
    BTreeMap::from([(("notes".into(), KEY), held)])
}

fn result(local: &LocalChange, outcome: Outcome) -> PushResult {
    PushResult {
        outcomes: BTreeMap::from([(local.change.op_id, outcome)]),
        server_time_ms: 0,
    }
}

#[test]
fn pending_edits_of_a_row_travel_as_one_and_one_under_way_is_left_alone() {
    let mut meta = Meta::new(Id::from_u128(1));
    let edits = [
        edit(Op::Insert, "one"),
        edit(Op::Update, "two"),
        edit(Op::Update, "three"),
    ];
    let all_waiting = held(&mut meta, &edits, 0);
    let open = all_waiting.open();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].change.op, Op::Insert);
    assert_eq!(open[0].change.fields["text"], "three".into());

    let first_sent = held(&mut meta, &edits, 1);
    let states: Vec<_> = first_sent.changes.iter().map(|local| local.state).collect();
    assert_eq!(
        states,
        [
            ChangeState::InFlight,
            ChangeState::Superseded,
            ChangeState::Pending
        ]
    );
    let last = &first_sent.changes[2].change;
    assert_eq!(last.op, Op::Update);
    assert_eq!(
        last.base["text"], first_sent.changes[0].change.stamp,
        "the first base is kept"
    );
}

#[test]
fn an_acknowledged_row_is_there_and_synced_before_its_echo_comes() {
    let mut meta = Meta::new(Id::from_u128(1));
    let held = held(&mut meta, &[edit(Op::Insert, "words")], 1);
    let done = result(
        &held.changes[0],
        Outcome::Applied {
            lsn: 9,
            lost_fields: vec![],
        },
    );
    let settled = answered(&mut meta, &mut mint(2_000), rows(held), &done);
    let record = &settled.records[0];
    assert!(record.is_live());
    assert_eq!(record.seen.fields["text"], "words".into());
    assert_eq!(record.tick(), Tick::Synced);
    let base = record.base.as_ref().expect("a base");
    assert_eq!(base.lsn, 0, "the echo at 9 still replaces it");
}

#[test]
fn the_tick_is_of_this_revision_and_not_of_an_older_one() {
    let mut meta = Meta::new(Id::from_u128(1));
    let held = held(
        &mut meta,
        &[edit(Op::Insert, "sent"), edit(Op::Update, "newer")],
        1,
    );
    let done = result(
        &held.changes[0],
        Outcome::Applied {
            lsn: 9,
            lost_fields: vec![],
        },
    );
    let settled = answered(&mut meta, &mut mint(2_000), rows(held), &done);
    assert_eq!(settled.records[0].tick(), Tick::Local);
    assert_eq!(settled.records[0].seen.fields["text"], "newer".into());
}

#[test]
fn a_page_that_does_not_begin_where_the_device_stands_is_not_taken() {
    let mut meta = Meta::new(Id::from_u128(1));
    let scope = Scope::named(OWN);
    let mut markers = Markers::default();
    markers.set(
        &scope,
        "notes",
        Marker {
            lsn: 4,
            op_id: Id::from_u128(4),
        },
    );
    let mut page = Delta {
        scope,
        table: "notes".into(),
        rows: vec![],
        from: Marker {
            lsn: 4,
            op_id: Id::from_u128(99),
        },
        to: Marker {
            lsn: 6,
            op_id: Id::from_u128(6),
        },
        is_last_chunk: true,
    };
    let mut take = |page: &Delta| {
        delta(
            &SCHEMA,
            &markers,
            &mut meta,
            &mut mint(1),
            HeldRows::new(),
            page,
        )
        .map(|r| r.moved.len())
    };
    assert_eq!(
        take(&page),
        Err(ReceiveError::Gap),
        "the same number, another history"
    );
    page.from = Marker {
        lsn: 4,
        op_id: Id::from_u128(4),
    };
    assert_eq!(take(&page), Ok(1));
    page.rows.push(Row::empty("elsewhere", KEY));
    assert_eq!(take(&page), Err(ReceiveError::UnknownTable));
}

#[test]
fn a_failing_server_spends_attempts_and_an_absent_one_spends_none() {
    let mut meta = Meta::new(Id::from_u128(1));
    let mut row = held(&mut meta, &[edit(Op::Insert, "words")], 1);
    for _ in 0..50 {
        row.changes[0].state = ChangeState::InFlight;
        let settled = unanswered(&mut mint(2_000), rows(row.clone()), FailureClass::Away);
        row.changes = settled.changes;
        assert_eq!(
            (row.changes[0].attempts, row.changes[0].state),
            (0, ChangeState::Pending)
        );
    }
    for attempt in 1..=ATTEMPTS_MAX {
        row.changes[0].state = ChangeState::InFlight;
        let settled = unanswered(&mut mint(2_000), rows(row.clone()), FailureClass::Broken);
        row.changes = settled.changes;
        assert_eq!(row.changes[0].attempts, attempt);
    }
    assert_eq!(row.changes[0].state, ChangeState::Failed);
    assert_eq!(
        row.changes[0].change.fields["text"],
        "words".into(),
        "nothing is lost"
    );
}

#[test]
fn a_push_takes_the_oldest_up_to_its_limit_and_holds_what_must_wait() {
    let mut meta = Meta::new(Id::from_u128(1));
    let one = held(&mut meta, &[edit(Op::Insert, "words")], 0).changes[0].clone();
    let numbered = |seq: u64, state| {
        let mut local = one.clone();
        local.local_seq = seq;
        local.state = state;
        local
    };
    let many: Vec<_> = (0..150)
        .map(|seq| numbered(seq, ChangeState::Pending))
        .collect();
    assert_eq!(select(&many, 0).len(), PUSH_CHANGES_MAX);
    let mut later = numbered(2, ChangeState::Pending);
    later.change.op = Op::Update;
    let blocked = [numbered(1, ChangeState::Failed), later.clone()];
    assert_eq!(
        select(&blocked, 0),
        [],
        "an edit waits for the refused one before it"
    );
    let whole = [
        numbered(1, ChangeState::Failed),
        numbered(2, ChangeState::Pending),
    ];
    assert_eq!(select(&whole, 0).len(), 1, "a whole row does not");
    later.next_attempt_at_ms = 500;
    assert_eq!(select(&[later.clone()], 499), []);
    assert_eq!(select(&[later], 500).len(), 1);
}

struct Engine(Option<State>);

impl Engine {
    fn new() -> Self {
        let stored = Stored {
            device_id: Id::from_u128(1),
            markers: Markers::default(),
            outbox: OutboxCount::default(),
            offset_ms: 0,
        };
        Self(Some(State::new(&SCHEMA, stored)))
    }

    fn tell(&mut self, now_ms: u64, event: Event) -> Vec<Effect> {
        let input = Input {
            mint: mint(now_ms),
            event,
        };
        let (state, effects) = step(self.0.take().expect("a state"), input);
        self.0 = Some(state);
        effects
    }

    fn state(&self) -> &State {
        self.0.as_ref().expect("a state")
    }

    fn live() -> Self {
        let mut engine = Self::new();
        engine.tell(0, Event::Led);
        engine.tell(1, Event::LinkOpened { link: 1 });
        let welcome = ServerFrame::Welcome {
            ceilings: BTreeMap::new(),
            server_time_ms: 2,
        };
        for frame in [welcome, ServerFrame::DeltaComplete {}] {
            engine.tell(2, Event::FrameArrived { link: 1, frame });
        }
        assert_eq!(engine.state().phase, Phase::Live);
        engine
    }
}

fn retry_at(effects: &[Effect]) -> Option<u64> {
    effects.iter().find_map(|effect| match effect {
        Effect::SetTimer {
            timer: Timer::Retry,
            at_ms,
        } => Some(*at_ms),
        _ => None,
    })
}

#[test]
fn a_device_never_gives_up_and_never_waits_longer_than_the_bound() {
    let mut engine = Engine::new();
    engine.tell(0, Event::Led);
    let mut now_ms = 0;
    for link in 1..=200 {
        let failure = LinkFailure::Unreachable;
        let effects = engine.tell(now_ms, Event::LinkClosed { link, failure });
        let at_ms = retry_at(&effects).expect("another attempt");
        assert!(at_ms - now_ms <= BACKOFF_MS_MAX);
        assert_eq!(
            connectivity(engine.state()).header,
            HeaderState::ConnectionError
        );
        now_ms = at_ms;
        let effects = engine.tell(now_ms, Event::TimerFired(Timer::Retry));
        assert!(
            effects
                .iter()
                .any(|effect| matches!(effect, Effect::OpenLink { .. }))
        );
    }
}

#[test]
fn a_tap_or_a_network_ends_the_wait_at_once() {
    for event in [Event::Woken, Event::NetworkFound] {
        let mut engine = Engine::new();
        engine.tell(0, Event::Led);
        engine.tell(
            1,
            Event::LinkClosed {
                link: 1,
                failure: LinkFailure::Unreachable,
            },
        );
        let effects = engine.tell(2, event);
        assert!(
            effects
                .iter()
                .any(|effect| matches!(effect, Effect::OpenLink { link: 2, .. }))
        );
    }
}

#[test]
fn a_silent_link_is_given_up_and_late_news_of_it_is_passed_over() {
    let mut engine = Engine::live();
    let effects = engine.tell(WATCHDOG_MS + 2, Event::TimerFired(Timer::Watchdog));
    assert!(effects.contains(&Effect::CloseLink { link: 1 }));
    let frame = ServerFrame::Heartbeat { server_time_ms: 9 };
    let effects = engine.tell(WATCHDOG_MS + 3, Event::FrameArrived { link: 1, frame });
    assert_eq!(effects, []);
    assert_eq!(engine.state().phase, Phase::Backoff);
}

#[test]
fn an_error_from_the_server_ends_the_link_instead_of_going_live_with_a_gap() {
    let mut engine = Engine::new();
    engine.tell(0, Event::Led);
    engine.tell(1, Event::LinkOpened { link: 1 });
    let error = ServerError {
        code: "internal".into(),
        message: "no".into(),
        retry_after_ms: None,
    };
    let frame = ServerFrame::Error(error);
    let effects = engine.tell(2, Event::FrameArrived { link: 1, frame });
    assert!(effects.contains(&Effect::CloseLink { link: 1 }));
    assert!(retry_at(&effects).is_some());
    assert_eq!(connectivity(engine.state()).header, HeaderState::SyncError);
}

#[test]
fn what_is_written_while_live_goes_out_at_once_and_one_push_at_a_time() {
    let mut engine = Engine::live();
    let grew = |waiting| {
        Event::OutboxGrew(OutboxCount {
            waiting,
            failed: 0,
            next_due_ms: None,
        })
    };
    assert!(engine.tell(5, grew(1)).contains(&Effect::TakeOutbox));
    assert!(!engine.tell(6, grew(2)).contains(&Effect::TakeOutbox));
    let outbox = OutboxCount {
        waiting: 2,
        failed: 0,
        next_due_ms: Some(0),
    };
    assert!(
        engine
            .tell(7, Event::OutboxTaken { taken: 2, outbox })
            .contains(&Effect::Push)
    );
}

#[test]
fn an_outbox_larger_than_one_push_is_drained_push_after_push() {
    let mut engine = Engine::live();
    let count = |waiting| OutboxCount {
        waiting,
        failed: 0,
        next_due_ms: Some(0),
    };
    engine.tell(5, Event::OutboxGrew(count(150)));
    let taken = Event::OutboxTaken {
        taken: PUSH_CHANGES_MAX,
        outbox: count(150),
    };
    engine.tell(6, taken);
    let result = PushResult {
        outcomes: BTreeMap::new(),
        server_time_ms: 0,
    };
    engine.tell(7, Event::PushAnswered(result));
    let settled = Committed {
        outbox: count(50),
        ..Committed::default()
    };
    let effects = engine.tell(8, Event::Settled(settled));
    assert!(effects.contains(&Effect::TakeOutbox));
}

#[test]
fn sync_is_complete_only_when_the_outbox_is_empty_and_it_is_said_once() {
    let mut engine = Engine::live();
    let completed =
        |effects: &[Effect]| effects.contains(&Effect::Tell(SyncEvent::SyncCompleted {}));
    let count = |waiting| OutboxCount {
        waiting,
        failed: 0,
        next_due_ms: None,
    };
    assert!(!completed(&engine.tell(5, Event::OutboxGrew(count(1)))));
    assert_ne!(connectivity(engine.state()).header, HeaderState::Synced);
    assert!(completed(&engine.tell(6, Event::OutboxGrew(count(0)))));
    assert!(!completed(&engine.tell(7, Event::OutboxGrew(count(0)))));
}

#[test]
fn the_clock_keeps_the_last_reading_and_follows_the_servers_time() {
    let mut meta = Meta::new(Id::from_u128(1));
    meta.offset_ms = -3_600_000;
    let stamp = meta.stamp(Id::from_u128(9), 7_200_000);
    assert_eq!(stamp.clock, Clock::at_ms(3_600_000));
    let next = meta.stamp(Id::from_u128(10), 0);
    assert!(next.clock > stamp.clock);
}
