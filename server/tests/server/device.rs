//! A real device: the engine as the worker runs it, over a store in memory and a real server.

#[path = "../../../sync/src/fixture/store.rs"]
mod store;

use crate::ways::Events;
use crate::world::{SOON, Visitor};
use domain::RULES;
use server::clock::now_ms;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use store::Store;
pub(crate) use store::edit;
use sync::device::effect::{Effect, Link, Timer};
use sync::device::event::{Event, Input};
use sync::device::retry::LinkFailure;
use sync::device::state::{Phase, State, Stored};
use sync::device::step::step;
use sync::frame::{DeviceFrame, ServerFrame};
use sync::id::Id;
use sync::local::Edit;
use sync::value::Fields;
use tokio::time::{sleep, timeout};

/// One device with one tab.
pub(crate) struct Device {
    pub(crate) visitor: Visitor,
    store: Store,
    state: Option<State>,
    events: Option<Events>,
    /// The link of which a frame is wanted.
    wants: Option<Link>,
    timers: BTreeMap<Timer, u64>,
    happened: VecDeque<Event>,
}

impl Device {
    pub(crate) fn new(visitor: Visitor) -> Self {
        let store = Store::new(RULES, visitor.device_id);
        let stored = Stored {
            device_id: visitor.device_id,
            markers: store.markers.clone(),
            outbox: store.count(),
            offset_ms: 0,
            rebuild: None,
            generation: 0,
            headed: store.meta.headed,
            updated: false,
        };
        Self {
            state: Some(State::new(RULES, stored)),
            visitor,
            store,
            events: None,
            wants: None,
            timers: BTreeMap::new(),
            happened: VecDeque::from([Event::Led]),
        }
    }

    /// Writes, as its person does.
    pub(crate) fn write(&mut self, edits: Vec<Edit>) {
        self.store.write(now_ms(), edits).expect("a good edit");
        self.happened
            .push_back(Event::OutboxGrew(self.store.count()));
    }

    /// What its person sees of these rows, by key.
    pub(crate) fn seen(&self, table: &str) -> BTreeMap<Id, Fields> {
        let records = self.store.records.values();
        let living = records.filter(|record| {
            record.seen.table == table && record.is_visible(self.store.meta.floor)
        });
        living
            .map(|record| (record.key, record.seen.fields.clone()))
            .collect()
    }

    /// The state was taken anew so often.
    pub(crate) fn generation(&self) -> u32 {
        self.store.meta.generation
    }

    /// Goes on, at this server, until both sides have everything of each other.
    pub(crate) async fn sync_with(&mut self, base: &str) {
        if self.visitor.base != base {
            // The server that it was linked to is gone.
            self.visitor.base = base.to_owned();
            self.events = None;
            let link = self.state.as_ref().expect("an engine").link;
            let failure = LinkFailure::Ended;
            self.happened.push_back(Event::LinkClosed { link, failure });
        }
        self.happened.push_back(Event::Woken);
        let synced = timeout(2 * SOON, async {
            loop {
                while let Some(event) = self.happened.pop_front() {
                    self.take(event).await;
                }
                if self.is_synced() {
                    return;
                }
                self.wait().await;
            }
        });
        assert!(synced.await.is_ok(), "{:?}", self.state);
    }

    fn is_synced(&self) -> bool {
        let state = self.state.as_ref().expect("an engine");
        state.phase == Phase::Live && state.rebuild.is_none() && self.store.count().waiting == 0
    }

    async fn wait(&mut self) {
        let next = self.timers.iter().min_by_key(|(_, at_ms)| **at_ms);
        let (timer, at_ms) = next.map_or((None, u64::MAX), |(timer, at)| (Some(*timer), *at));
        let pause = Duration::from_millis(at_ms.saturating_sub(now_ms()).min(1_000));
        let wanted = self.wants.zip(self.events.as_mut());
        let event = match wanted {
            Some((link, events)) => tokio::select! {
                frame = events.next() => Some(match frame {
                    Some(frame) => Event::FrameArrived { link, frame },
                    None => Event::LinkClosed { link, failure: LinkFailure::Ended },
                }),
                () = sleep(pause) => None,
            },
            None => {
                sleep(pause).await;
                None
            }
        };
        if event.is_some() {
            self.wants = None;
            self.happened.extend(event);
        } else if let Some(timer) = timer.filter(|_| at_ms <= now_ms()) {
            self.timers.remove(&timer);
            self.happened.push_back(Event::TimerFired(timer));
        }
    }

    async fn take(&mut self, event: Event) {
        let mint = self.store.mint(now_ms());
        let state = self.state.take().expect("an engine");
        let (state, effects) = step(state, Input { mint, event });
        self.state = Some(state);
        for effect in effects {
            match self.store.perform(now_ms(), &effect) {
                Some(event) => self.happened.push_back(event),
                None => self.perform(effect).await,
            }
        }
    }

    async fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::OpenLink { link, hello } => {
                let hello = DeviceFrame::Hello(hello);
                let answer = self.visitor.post_frame("/api/sync/stream", &hello).await;
                assert_eq!(answer.status(), 200);
                self.events = Some(Events::of(answer));
                self.happened.push_back(Event::LinkOpened { link });
            }
            Effect::CloseLink { .. } => {
                self.events = None;
                self.wants = None;
            }
            Effect::ReadFrame { link } => self.wants = Some(link),
            Effect::Push => {
                let push = DeviceFrame::Push(self.store.push(now_ms()));
                let answer = self.visitor.post_frame("/api/sync/push", &push).await;
                let body = answer.text().await.expect("a body");
                let Ok(ServerFrame::PushResult(result)) = ServerFrame::decode(&body) else {
                    unreachable!("a push was answered with {body}");
                };
                self.happened.push_back(Event::PushAnswered(result));
            }
            Effect::Acknowledge(said) => {
                let said = DeviceFrame::Ack(said);
                self.visitor.post_frame("/api/sync/cursor", &said).await;
            }
            Effect::SetTimer { timer, at_ms } => drop(self.timers.insert(timer, at_ms)),
            Effect::ClearTimer { timer } => drop(self.timers.remove(&timer)),
            _ => {}
        }
    }
}
