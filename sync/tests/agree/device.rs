//! A device in memory: the real engine, with maps for a store and a switchable clock.

use crate::server::{SERVER_MS, Server};
use crate::store::{Store, edit};
use crate::tables::RULES;
use std::collections::{BTreeMap, VecDeque};
use sync::change::Op;
use sync::device::edit::EditError;
use sync::device::effect::{Effect, Timer};
use sync::device::event::{Event, Input};
use sync::device::outbox::OutboxCount;
use sync::device::record::Record;
use sync::device::state::{State, Stored};
use sync::device::step::step;
use sync::frame::ServerFrame;
use sync::hub::session::Session;
use sync::id::Id;
use sync::local::{Edit, Tick};
use sync::scope::Markers;
use sync::value::{Fields, Value};

/// More than any of these tests needs to come to rest.
const TURNS_MAX: usize = 20_000;

pub(crate) struct Device {
    state: Option<State>,
    pub(crate) store: Store,
    pub(crate) now_ms: u64,
    timers: BTreeMap<Timer, u64>,
    effects: VecDeque<Effect>,
    session: Option<(u64, Option<Session>)>,
    frames: VecDeque<ServerFrame>,
    reading: bool,
    /// How many conflicts were reported.
    pub(crate) conflicts: u32,
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
            rebuild: None,
            generation: 0,
            headed: false,
            updated: false,
        };
        let mut device = Self {
            state: Some(State::new(RULES, stored)),
            store: Store::new(RULES, device_id),
            // A clock of its own, off by minutes.
            now_ms: SERVER_MS + u64::try_from(number).expect("small") * 200_000,
            timers: BTreeMap::new(),
            effects: VecDeque::new(),
            session: None,
            frames: VecDeque::new(),
            reading: false,
            conflicts: 0,
        };
        device.dispatch(Event::Led);
        device
    }

    pub(crate) fn state(&self) -> &State {
        self.state.as_ref().expect("always there")
    }

    /// How many notes its person sees.
    pub(crate) fn notes(&self) -> usize {
        let notes = self.visible().filter(|record| record.seen.table == "notes");
        notes.count()
    }

    fn visible(&self) -> impl Iterator<Item = &Record> {
        let floor = self.store.meta.floor;
        let records = self.store.records.values();
        records.filter(move |record| record.is_visible(floor))
    }

    /// What its person sees, of all tables.
    pub(crate) fn everything(&self) -> BTreeMap<(String, Id), Fields> {
        let seen = |record: &Record| {
            let name = (record.seen.table.clone(), record.key);
            (name, record.seen.fields.clone())
        };
        self.visible().map(seen).collect()
    }

    /// The same without revisions, which a person sees only on demand.
    pub(crate) fn written(&self) -> BTreeMap<(String, Id), Fields> {
        let mut everything = self.everything();
        everything.retain(|(table, _), _| table != "revisions");
        everything
    }

    /// The texts that are kept as revisions because they lost.
    pub(crate) fn lost(&self) -> Vec<String> {
        let revisions = self
            .visible()
            .filter(|record| record.seen.table == "revisions");
        let lost = revisions.filter(|r| r.seen.fields["lost"] == Value::Boolean(true));
        let text = |record: &Record| sync::table::text(&record.seen.fields["text"]).cloned();
        lost.filter_map(text).collect()
    }

    pub(crate) fn seen(&self, table: &str, key: u128) -> Option<Fields> {
        let record = self
            .store
            .records
            .get(&(table.into(), Id::from_u128(key)))?;
        let visible = record.is_visible(self.store.meta.floor);
        visible.then(|| record.seen.fields.clone())
    }

    /// The text of a note.
    pub(crate) fn text(&self, key: u128) -> Option<String> {
        sync::table::text(&self.seen("notes", key)?["text"]).cloned()
    }

    /// The long text of a page.
    pub(crate) fn body(&self, key: u128) -> Option<String> {
        sync::table::text(&self.seen("pages", key)?["body"]).cloned()
    }

    pub(crate) fn tick(&self, table: &str, key: u128) -> Option<Tick> {
        let record = self.store.records.get(&(table.into(), Id::from_u128(key)));
        record.map(Record::tick)
    }

    /// A person writes a new note.
    pub(crate) fn note(&mut self, key: u128, text: &str) {
        let fields = [("text", text.into()), ("pinned", Value::Null)];
        self.write("notes", Op::Insert, key, &fields);
    }

    /// A person writes a new page.
    pub(crate) fn page(&mut self, key: u128, body: &str) {
        let fields = [
            ("day", "2026-11-21".into()),
            ("title", "A day".into()),
            ("body", body.into()),
            ("trashed_at", Value::Null),
        ];
        self.write("pages", Op::Insert, key, &fields);
    }

    /// A person writes on in a note.
    pub(crate) fn renote(&mut self, key: u128, text: &str) {
        self.write("notes", Op::Update, key, &[("text", text.into())]);
    }

    /// A person writes on in a page.
    pub(crate) fn repage(&mut self, key: u128, body: &str) {
        self.write("pages", Op::Update, key, &[("body", body.into())]);
    }

    pub(crate) fn delete(&mut self, table: &str, key: u128) {
        self.write(table, Op::Delete, key, &[]);
    }

    pub(crate) fn write(&mut self, table: &str, op: Op, key: u128, fields: &[(&str, Value)]) {
        self.write_all(vec![edit(table, op, key, fields)])
            .expect("kept");
    }

    pub(crate) fn write_all(&mut self, edits: Vec<Edit>) -> Result<(), EditError> {
        self.store.write(self.now_ms, edits)?;
        let outbox = self.store.count();
        self.dispatch(Event::OutboxGrew(outbox));
        Ok(())
    }

    /// Lets time pass, and timers with it.
    pub(crate) fn later(&mut self, ms: u64) {
        self.now_ms += ms;
        let due = self
            .timers
            .iter()
            .filter(|(_, at_ms)| **at_ms <= self.now_ms);
        let due: Vec<_> = due.map(|(timer, _)| *timer).collect();
        for timer in due {
            self.timers.remove(&timer);
            self.dispatch(Event::TimerFired(timer));
        }
    }

    /// Performs effects and reads frames until there is nothing left to do.
    pub(crate) fn run(&mut self, server: &mut Server) {
        for _ in 0..TURNS_MAX {
            if !self.turn(server) {
                return;
            }
        }
        unreachable!("it goes round and round: {:?}", self.state());
    }

    /// The server gives a sign of life.
    pub(crate) fn heartbeat(&mut self, server: &mut Server) {
        if let Some((_, Some(session))) = &self.session {
            self.frames.push_back(server.heartbeat(session));
        }
        self.run(server);
    }

    fn turn(&mut self, server: &mut Server) -> bool {
        if let Some(effect) = self.effects.pop_front() {
            self.perform(&effect, server);
            return true;
        }
        let Some((link, session)) = self.session.as_mut().filter(|_| self.reading) else {
            return false;
        };
        let link = *link;
        if let (Some(session), true) = (session, self.frames.is_empty()) {
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

    fn perform(&mut self, effect: &Effect, server: &mut Server) {
        let answer = match effect {
            Effect::OpenLink { link, hello } => {
                self.frames.clear();
                self.reading = false;
                Some(match server.open(hello) {
                    Ok((session, frames)) => {
                        self.frames.extend(frames);
                        self.session = Some((*link, session));
                        Event::LinkOpened { link: *link }
                    }
                    Err(failure) => Event::LinkClosed {
                        link: *link,
                        failure,
                    },
                })
            }
            Effect::CloseLink { .. } => {
                self.session = None;
                None
            }
            Effect::ReadFrame { link } => {
                let open = self.session.as_ref().map(|(link, _)| *link);
                assert_eq!(open, Some(*link), "a link that was given up is not read");
                assert!(!self.reading, "one frame at a time");
                self.reading = true;
                None
            }
            Effect::Push => {
                let push = self.store.push(self.now_ms);
                Some(match server.push(&push) {
                    Ok(result) => Event::PushAnswered(result),
                    Err(failure) => Event::PushFailed(failure),
                })
            }
            Effect::Verify(verify) => Some(match server.verify(verify) {
                Ok(verified) => Event::Verified(verified),
                Err(failure) => Event::NotVerified(failure),
            }),
            Effect::Acknowledge(said) => {
                server.acknowledge(said);
                None
            }
            Effect::SetTimer { timer, at_ms } => {
                self.timers.insert(*timer, *at_ms);
                None
            }
            Effect::ClearTimer { timer } => {
                self.timers.remove(timer);
                None
            }
            Effect::Raise(sync::hooks::Hook::ConflictDetected { .. }) => {
                self.conflicts += 1;
                None
            }
            effect => self.store.perform(self.now_ms, effect),
        };
        if let Some(event) = answer {
            self.dispatch(event);
        }
    }

    pub(crate) fn dispatch(&mut self, event: Event) {
        let input = Input {
            mint: self.store.mint(self.now_ms),
            event,
        };
        let (state, effects) = step(self.state.take().expect("always there"), input);
        self.state = Some(state);
        self.effects.extend(effects);
    }
}
