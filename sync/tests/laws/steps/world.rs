//! Everything around the engine, and the promises that the engine keeps to it.

use super::said::{failure, frame_in, heartbeat, marker, verified};
use crate::tables::RULES;
use std::collections::{BTreeMap, VecDeque};
use sync::device::effect::{Committed, Effect, Link, Timer};
use sync::device::event::{Event, Input, Refused};
use sync::device::outbox::OutboxCount;
use sync::device::state::{Phase, State, Stored};
use sync::device::step::step;
use sync::frame::{PushResult, ServerFrame};
use sync::id::{Id, Mint};
use sync::scope::{Lsn, Markers, OWN, Scope};

/// One stream, as its provider knows it.
#[derive(Debug, Default)]
struct Stream {
    opened: bool,
    /// A frame is asked for.
    reading: bool,
    /// Every table has said what was missed of it.
    caught_up: bool,
    /// Everything missed has been said on it.
    complete: bool,
}

#[derive(Debug)]
pub(super) struct World {
    state: Option<State>,
    now_ms: u64,
    /// The stream that stands or was asked for.
    stream: Option<(Link, Stream)>,
    /// The last stream that was given up; late news of it may still come.
    late: Option<Link>,
    timers: BTreeMap<Timer, u64>,
    /// What the disk is still to answer, in the order of the effects.
    disk: VecDeque<Effect>,
    /// What the server is still to answer beside the stream.
    requests: Vec<Effect>,
    /// Changes that wait, and that were refused.
    outbox: (u64, u64),
    /// How many changes were taken.
    taken: usize,
    /// Where the store stands.
    stored: Lsn,
    /// Where the next page of each stream begins.
    begins: BTreeMap<Link, Lsn>,
    /// Where the engine stood before this step.
    stood: Lsn,
    /// Whether it was taking the state anew.
    rebuilding: bool,
}

impl World {
    pub(super) fn new(generation: u32) -> Self {
        let stored = Stored {
            device_id: Id::from_u128(1),
            markers: Markers::default(),
            outbox: OutboxCount::default(),
            offset_ms: 0,
            rebuild: None,
            generation,
            headed: false,
            updated: true,
        };
        Self {
            state: Some(State::new(RULES, stored)),
            now_ms: 1,
            stream: None,
            late: None,
            timers: BTreeMap::new(),
            disk: VecDeque::new(),
            requests: Vec::new(),
            outbox: (0, 0),
            taken: 0,
            stored: 0,
            begins: BTreeMap::new(),
            stood: 0,
            rebuilding: false,
        }
    }

    pub(super) fn phase(&self) -> Phase {
        self.state().phase
    }

    fn state(&self) -> &State {
        self.state.as_ref().expect("a state")
    }

    /// Lets one of the things happen that can happen now.
    pub(super) fn happen(&mut self, choice: u32) {
        let (kind, detail) = (choice % 8, choice / 8);
        let event = match kind {
            0 => self.outer_event(detail),
            1 => self.timer_event(detail),
            2 | 3 => self.disk_event(detail),
            4 => self.request_event(detail),
            _ => self.stream_event(detail),
        };
        self.now_ms += u64::from(detail % 7) * 300;
        if let Some(event) = event {
            self.tell(event);
        }
    }

    fn outer_event(&mut self, detail: u32) -> Option<Event> {
        let count = |world: &Self| Event::OutboxGrew(world.count());
        Some(match detail % 16 {
            0 => Event::Led,
            1 => Event::Stopped,
            2 => Event::SignedIn,
            3 => Event::ConnectAsked,
            4 => Event::DisconnectAsked {
                reason: String::new(),
            },
            5 => Event::ResetAsked,
            6 => Event::VerifyAsked,
            7 => Event::RetryAsked,
            8 => Event::NetworkFound,
            9 => Event::NetworkLost,
            10 => Event::Woken,
            _ => {
                self.outbox.0 += u64::from(detail % 200);
                count(self)
            }
        })
    }

    fn timer_event(&mut self, detail: u32) -> Option<Event> {
        let place = usize::try_from(detail).ok()? % self.timers.len().max(1);
        let (timer, at_ms) = self.timers.iter().nth(place)?;
        let (timer, at_ms) = (*timer, *at_ms);
        self.timers.remove(&timer);
        self.now_ms = self.now_ms.max(at_ms);
        Some(Event::TimerFired(timer))
    }

    /// The disk works in order.
    fn disk_event(&mut self, detail: u32) -> Option<Event> {
        let effect = self.disk.pop_front()?;
        let fails = detail.is_multiple_of(5);
        let message = String::from("no");
        Some(match effect {
            Effect::StorePage { link, page, .. } => self.store(link, page.rows().len(), detail),
            Effect::TakeOutbox { .. } | Effect::Settle(_) if fails => Event::SettleFailed,
            Effect::TakeOutbox { limit } => {
                let waiting = usize::try_from(self.outbox.0).ok()?;
                let some = usize::try_from(detail).ok()? % (limit + 1);
                self.taken = some.min(waiting);
                Event::OutboxTaken {
                    taken: self.taken,
                    outbox: self.count(),
                }
            }
            Effect::Settle(_) => {
                let done = u64::from(detail) % (u64::try_from(self.taken).ok()? + 1);
                self.outbox.0 -= done;
                self.outbox.1 += done % 2;
                Event::Settled(self.committed(detail))
            }
            Effect::FinishRebuild if fails => Event::RebuildUnfinished { message },
            Effect::FinishRebuild => Event::RebuildFinished(self.count()),
            Effect::Sweep | Effect::Collect | Effect::RetryRefused if fails => {
                Event::UpkeepFailed { message }
            }
            Effect::Sweep => Event::Swept {
                left: detail.is_multiple_of(3),
                outbox: self.count(),
            },
            Effect::Collect => Event::Collected {
                left: detail.is_multiple_of(3),
            },
            Effect::RetryRefused => {
                self.outbox.0 += std::mem::take(&mut self.outbox.1);
                Event::OutboxGrew(self.count())
            }
            Effect::CountOutbox => Event::OutboxGrew(self.count()),
            Effect::TakeDigests if fails => Event::NotVerified(failure(detail)),
            Effect::TakeDigests => Event::Digested(BTreeMap::new()),
            Effect::BeginRebuild(..) => {
                self.stored = 0;
                return None;
            }
            other => unreachable!("the disk does not {other:?}"),
        })
    }

    /// Stores a page if it begins where the store stands, and if nothing comes in between.
    fn store(&mut self, link: Link, rows: usize, detail: u32) -> Event {
        let message = String::from("no");
        let refused = match detail % 15 {
            0 => Some(Refused::Failed { message }),
            5 => Some(Refused::BadRow {
                lsn: u64::try_from(rows).expect("few") + 1,
                message,
            }),
            _ if self.begins[&link] != self.stored => Some(Refused::Gap {
                markers: self.markers(),
            }),
            _ => None,
        };
        if let Some(refused) = refused {
            return Event::PageRefused { link, refused };
        }
        self.stored += u64::from(detail % 3);
        self.begins.insert(link, self.stored);
        Event::PageStored {
            link,
            committed: self.committed(detail),
        }
    }

    fn request_event(&mut self, detail: u32) -> Option<Event> {
        let fails = detail.is_multiple_of(3);
        Some(match self.requests.pop()? {
            Effect::Push if fails => Event::PushFailed(failure(detail)),
            Effect::Push => Event::PushAnswered(PushResult {
                outcomes: BTreeMap::new(),
                server_time_ms: self.now_ms,
            }),
            _ if fails => Event::NotVerified(failure(detail)),
            _ => Event::Verified(verified(detail)),
        })
    }

    fn stream_event(&mut self, detail: u32) -> Option<Event> {
        if let Some(link) = self.late.take_if(|_| detail.is_multiple_of(4)) {
            let frame = heartbeat(self.now_ms, detail);
            return Some(Event::FrameArrived { link, frame });
        }
        let (link, stream) = self.stream.as_mut()?;
        let link = *link;
        if detail.is_multiple_of(23) {
            self.stream = None;
            let failure = failure(detail);
            return Some(Event::LinkClosed { link, failure });
        }
        if !stream.opened {
            stream.opened = true;
            return Some(Event::LinkOpened { link });
        }
        if !stream.reading {
            return None;
        }
        stream.reading = false;
        let caught_up = stream.caught_up;
        let frame = frame_in(self.phase(), caught_up, self.now_ms, detail / 23);
        if let Some((_, stream)) = &mut self.stream {
            stream.caught_up |= matches!(frame, ServerFrame::Delta(_));
            stream.complete |= matches!(frame, ServerFrame::DeltaComplete {});
        }
        Some(Event::FrameArrived { link, frame })
    }

    fn count(&self) -> OutboxCount {
        let (waiting, failed) = self.outbox;
        let later_ms = self.now_ms + waiting % 5 * 400;
        OutboxCount {
            waiting,
            failed,
            next_due_ms: (waiting > 0).then_some(later_ms),
        }
    }

    fn markers(&self) -> Markers {
        let mut markers = Markers::default();
        markers.set(&Scope::named(OWN), "notes", marker(self.stored));
        markers
    }

    fn committed(&self, detail: u32) -> Committed {
        let key = Id::from_u128(u128::from(detail % 3));
        Committed {
            moved: vec![(Scope::named(OWN), "notes".into(), marker(self.stored))],
            conflicts: vec![("notes".into(), key)],
            settled: vec![(key, "done")],
            outbox: self.count(),
            ..Committed::default()
        }
    }

    fn tell(&mut self, event: Event) {
        let at_the_stores_word = matches!(
            event,
            Event::PageRefused {
                refused: Refused::Gap { .. },
                ..
            }
        );
        let mint = Mint::new(self.now_ms, [self.now_ms | 1, 7]);
        let state = self.state.take().expect("a state");
        let (state, effects) = step(state, Input { mint, event });
        let standing = state.markers.get(&Scope::named(OWN), "notes").lsn;
        let anew = std::mem::replace(&mut self.rebuilding, state.rebuild.is_some());
        let anew = anew || self.rebuilding;
        self.state = Some(state);
        let fell = standing < self.stood;
        assert!(
            !fell || anew || at_the_stores_word,
            "the markers fell: {self:?}"
        );
        self.stood = standing;
        effects.into_iter().for_each(|effect| self.take(effect));
        self.promises();
    }

    fn take(&mut self, effect: Effect) {
        match effect {
            Effect::OpenLink { link, hello } => {
                assert!(self.stream.is_none(), "two links: {self:?}");
                assert_eq!(hello.markers, self.state().markers);
                let begins = hello.markers.get(&Scope::named(OWN), "notes");
                self.begins.insert(link, begins.lsn);
                self.stream = Some((link, Stream::default()));
            }
            Effect::CloseLink { link } => {
                if let Some((open, _)) = self.stream.take() {
                    assert_eq!(open, link, "another link stands");
                }
                self.late = Some(link);
            }
            Effect::ReadFrame { link } => {
                let stream = self.stream.as_mut().filter(|(open, _)| *open == link);
                let (_, stream) = stream.expect("only a link that stands is read");
                assert!(!stream.reading, "one frame at a time");
                stream.reading = true;
            }
            Effect::StorePage { link, .. } => {
                let pages = self.disk.iter().filter(
                    |effect| matches!(effect, Effect::StorePage { link: of, .. } if *of == link),
                );
                assert_eq!(pages.count(), 0, "one page of a link at a time");
                self.disk.push_back(effect);
            }
            Effect::TakeOutbox { .. } | Effect::Settle(_) => {
                assert!(!self.is_draining(), "one push at a time: {self:?}");
                self.disk.push_back(effect);
            }
            Effect::Push => {
                assert!(!self.is_draining(), "one push at a time: {self:?}");
                assert!(self.taken > 0, "an empty push");
                self.requests.push(effect);
            }
            Effect::Verify(_) => self.requests.push(effect),
            Effect::FinishRebuild
            | Effect::Sweep
            | Effect::Collect
            | Effect::RetryRefused
            | Effect::CountOutbox
            | Effect::TakeDigests
            | Effect::BeginRebuild(..) => self.disk.push_back(effect),
            Effect::SetTimer { timer, at_ms } => drop(self.timers.insert(timer, at_ms)),
            Effect::ClearTimer { timer } => drop(self.timers.remove(&timer)),
            _ => {}
        }
    }

    fn is_draining(&self) -> bool {
        let on_disk =
            |effect: &Effect| matches!(effect, Effect::TakeOutbox { .. } | Effect::Settle(_));
        self.disk.iter().any(on_disk) || self.requests.contains(&Effect::Push)
    }

    /// What always holds between two steps.
    fn promises(&self) {
        let has = |timer| self.timers.contains_key(&timer);
        let waits_for_the_disk = self.disk.iter().any(|effect| match effect {
            Effect::StorePage { link, .. } => *link == self.state().link,
            effect => *effect == Effect::FinishRebuild,
        });
        match self.phase() {
            Phase::Stopped | Phase::AuthBlocked => {
                assert!(self.stream.is_none(), "a link without leave: {self:?}");
                assert!(!has(Timer::Retry) && !has(Timer::Watchdog) && !has(Timer::Collect));
            }
            Phase::Offline | Phase::Backoff => {
                assert!(
                    self.stream.is_none() && has(Timer::Retry),
                    "nothing wakes it: {self:?}"
                );
            }
            _ => assert!(
                self.stream.is_some() && (has(Timer::Watchdog) || waits_for_the_disk),
                "a link that nobody watches: {self:?}"
            ),
        }
        if self.phase() == Phase::Live {
            let complete = self
                .stream
                .as_ref()
                .is_some_and(|(_, stream)| stream.complete);
            assert!(complete, "live with a gap: {self:?}");
            let goes_on = self.is_draining() || has(Timer::Outbox);
            let waiting = self.state().outbox.waiting;
            assert!(waiting == 0 || goes_on, "the outbox is forgotten: {self:?}");
        }
    }
}
