//! A device in memory: the real engine, with maps for a store and a switchable clock.

use crate::server::{SCHEMA, SERVER_MS, Server};
use std::collections::{BTreeMap, VecDeque};
use sync::change::Op;
use sync::device::edit::{EditError, Meta, decide};
use sync::device::effect::{Answer, Committed, Effect, Page, Timer};
use sync::device::event::{Event, Input};
use sync::device::outbox::{ChangeState, LocalChange, OutboxCount, select};
use sync::device::receive::{HeldRows, change, delta};
use sync::device::record::{Held, Record};
use sync::device::settle::{answered, unanswered};
use sync::device::state::{State, Stored};
use sync::device::step::step;
use sync::frame::{Push, ServerFrame};
use sync::hub::session::Session;
use sync::id::{Id, Mint};
use sync::local::{Edit, Tick};
use sync::scope::Markers;
use sync::value::{Fields, Value};

pub(crate) struct Device {
    state: Option<State>,
    now_ms: u64,
    meta: Meta,
    markers: Markers,
    records: BTreeMap<Id, Record>,
    changes: BTreeMap<u64, LocalChange>,
    timers: BTreeMap<Timer, u64>,
    effects: VecDeque<Effect>,
    session: Option<(u64, Session)>,
    frames: VecDeque<ServerFrame>,
    reading: bool,
    taken: Vec<LocalChange>,
    seed: u64,
}

impl Device {
    /// A device that leads and has begun to connect.
    pub(crate) fn new(number: u128) -> Self {
        let device_id = Id::from_u128(number);
        let stored = Stored {
            device_id,
            markers: Markers::default(),
            outbox: OutboxCount::default(),
            offset_ms: 0,
        };
        let mut device = Self {
            state: Some(State::new(&SCHEMA, stored)),
            // A clock of its own, off by minutes.
            now_ms: SERVER_MS + u64::try_from(number).expect("always there") * 200_000,
            meta: Meta::new(device_id),
            markers: Markers::default(),
            records: BTreeMap::new(),
            changes: BTreeMap::new(),
            timers: BTreeMap::new(),
            effects: VecDeque::new(),
            session: None,
            frames: VecDeque::new(),
            reading: false,
            taken: Vec::new(),
            seed: u64::try_from(number).expect("always there"),
        };
        device.dispatch(Event::Led);
        device
    }

    pub(crate) fn state(&self) -> &State {
        self.state.as_ref().expect("always there")
    }

    pub(crate) fn rows(&self) -> usize {
        self.records
            .values()
            .filter(|record| record.is_live())
            .count()
    }

    pub(crate) fn seen(&self, key: u128) -> Option<Fields> {
        let record = self
            .records
            .get(&Id::from_u128(key))
            .filter(|record| record.is_live())?;
        Some(record.seen.fields.clone())
    }

    pub(crate) fn text(&self, key: u128) -> Option<String> {
        sync::table::text(&self.seen(key)?["text"]).cloned()
    }

    pub(crate) fn tick(&self, key: u128) -> Option<Tick> {
        self.records.get(&Id::from_u128(key)).map(Record::tick)
    }

    pub(crate) fn sign_in(&mut self) {
        self.dispatch(Event::SignedIn);
    }

    /// Lets time pass, and timers with it.
    pub(crate) fn later(&mut self, ms: u64) {
        self.now_ms += ms;
        let due: Vec<_> = self
            .timers
            .iter()
            .filter(|t| *t.1 <= self.now_ms)
            .map(|t| *t.0)
            .collect();
        for timer in due {
            self.timers.remove(&timer);
            self.dispatch(Event::TimerFired(timer));
        }
    }

    pub(crate) fn write(
        &mut self,
        op: Op,
        key: u128,
        fields: &[(&str, Value)],
    ) -> Result<(), EditError> {
        let key = Id::from_u128(key);
        let fields = fields
            .iter()
            .map(|(name, value)| ((*name).into(), value.clone()))
            .collect();
        let edit = Edit {
            table: "notes".into(),
            key,
            op,
            fields,
        };
        let mut meta = self.meta.clone();
        let written = decide(&SCHEMA, &mut meta, &mut self.mint(), self.held(key), edit)?;
        self.meta = meta;
        self.keep(vec![written.record], written.changes);
        let outbox = self.count();
        self.dispatch(Event::OutboxGrew(outbox));
        Ok(())
    }

    /// Performs effects and reads frames until there is nothing left to do.
    pub(crate) fn run(&mut self, server: &mut Server) {
        while self.turn(server) {}
    }

    fn turn(&mut self, server: &mut Server) -> bool {
        if let Some(effect) = self.effects.pop_front() {
            self.perform(effect, server);
            return true;
        }
        let Some((link, session)) = self.session.as_mut().filter(|_| self.reading) else {
            return false;
        };
        let link = *link;
        if self.frames.is_empty() {
            session.poke();
            match server.next(session) {
                Ok(frames) => self.frames.extend(frames),
                Err(failure) => {
                    self.session = None;
                    self.dispatch(Event::LinkClosed { link, failure });
                    return true;
                }
            }
        }
        let Some(frame) = self.frames.pop_front() else {
            return false;
        };
        self.reading = false;
        // Over the wire and back, so that what is not in the frame cannot help.
        let frame = ServerFrame::decode(&frame.encode()).expect("a frame");
        self.dispatch(Event::FrameArrived { link, frame });
        true
    }

    fn perform(&mut self, effect: Effect, server: &mut Server) {
        match effect {
            Effect::OpenLink { link, hello } => {
                self.frames.clear();
                match server.open(&hello) {
                    Ok(session) => {
                        self.frames.push_back(session.welcome(SERVER_MS));
                        self.session = Some((link, session));
                        self.dispatch(Event::LinkOpened { link });
                    }
                    Err(failure) => self.dispatch(Event::LinkClosed { link, failure }),
                }
            }
            Effect::CloseLink { .. } => self.session = None,
            Effect::ReadFrame { .. } => self.reading = true,
            Effect::StorePage { link, page } => self.store_page(link, &page),
            Effect::TakeOutbox => self.take_outbox(),
            Effect::Push => {
                let changes = self
                    .taken
                    .iter()
                    .map(|local| local.change.clone())
                    .collect();
                let device_id = self.meta.device_id;
                match server.push(&Push {
                    device_id,
                    changes,
                    device_time_ms: self.now_ms,
                }) {
                    Ok(result) => self.dispatch(Event::PushAnswered(result)),
                    Err(failure) => self.dispatch(Event::PushFailed(failure)),
                }
            }
            Effect::Settle(answer) => self.settle(&answer),
            Effect::ForgetMarkers => self.markers = Markers::default(),
            Effect::StoreOffset { offset_ms } => self.meta.offset_ms = offset_ms,
            Effect::SetTimer { timer, at_ms } => drop(self.timers.insert(timer, at_ms)),
            Effect::ClearTimer { timer } => drop(self.timers.remove(&timer)),
            Effect::TellConnectivity(_) | Effect::TellAuthExpired | Effect::Tell(_) => {}
        }
    }

    fn store_page(&mut self, link: u64, page: &Page) {
        let rows = match page {
            Page::Delta(delta) => &delta.rows,
            Page::Change(change) => &change.rows,
        };
        let held: HeldRows = rows
            .iter()
            .map(|r| ((r.table.clone(), r.key), self.held(r.key)))
            .collect();
        let (mut meta, mut mint) = (self.meta.clone(), self.mint());
        let received = match page {
            Page::Delta(page) => delta(&SCHEMA, &self.markers, &mut meta, &mut mint, held, page),
            Page::Change(page) => change(&SCHEMA, &self.markers, &mut meta, &mut mint, held, page),
        };
        match received {
            Ok(received) => {
                self.meta = meta;
                for (scope, table, marker) in &received.moved {
                    self.markers.set(scope, table, *marker);
                }
                self.keep(received.records, received.changes);
                let committed = Committed {
                    moved: received.moved,
                    outbox: self.count(),
                    ..Committed::default()
                };
                self.dispatch(Event::PageStored { link, committed });
            }
            Err(error) => self.dispatch(Event::PageRefused {
                link,
                reason: error.to_string(),
            }),
        }
    }

    fn take_outbox(&mut self) {
        let open: Vec<_> = self
            .changes
            .values()
            .filter(|c| c.state.is_open())
            .cloned()
            .collect();
        self.taken = select(&open, self.now_ms);
        for local in &mut self.taken {
            local.state = ChangeState::InFlight;
            self.changes.insert(local.local_seq, local.clone());
        }
        let event = Event::OutboxTaken {
            taken: self.taken.len(),
            outbox: OutboxCount::of(open.iter()),
        };
        self.dispatch(event);
    }

    fn settle(&mut self, answer: &Answer) {
        let taken = std::mem::take(&mut self.taken);
        let rows = taken.iter().map(|l| {
            (
                (l.change.table.clone(), l.change.key),
                self.held(l.change.key),
            )
        });
        let held: HeldRows = rows.collect();
        let mut mint = self.mint();
        let settled = match answer {
            Answer::Outcomes(result) => answered(&mut self.meta, &mut mint, held, result),
            Answer::Failed(class) => unanswered(&mut mint, held, *class),
        };
        self.keep(settled.records, settled.changes);
        for local_seq in settled.outlived {
            self.changes.remove(&local_seq);
        }
        let outbox = self.count();
        let committed = Committed {
            settled: settled.outcomes,
            outbox,
            ..Committed::default()
        };
        self.dispatch(Event::Settled(committed));
    }

    fn dispatch(&mut self, event: Event) {
        let input = Input {
            mint: self.mint(),
            event,
        };
        let (state, effects) = step(self.state.take().expect("always there"), input);
        self.state = Some(state);
        self.effects.extend(effects);
    }

    fn keep(&mut self, records: Vec<Record>, changes: Vec<LocalChange>) {
        self.records
            .extend(records.into_iter().map(|record| (record.key, record)));
        self.changes
            .extend(changes.into_iter().map(|local| (local.local_seq, local)));
    }

    fn held(&self, key: Id) -> Held {
        let changes = self
            .changes
            .values()
            .filter(|local| local.change.key == key)
            .cloned();
        Held {
            record: self.records.get(&key).cloned(),
            changes: changes.collect(),
        }
    }

    fn count(&self) -> OutboxCount {
        OutboxCount::of(self.changes.values())
    }

    fn mint(&mut self) -> Mint {
        self.seed += 1_000_003;
        Mint::new(self.now_ms, [self.seed, self.seed ^ 0x9e37_79b9_7f4a_7c15])
    }
}
