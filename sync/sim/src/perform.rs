//! Driving the engine: what happens goes in, and what it asks for is done, on disks that fail.

use crate::device::Tab;
use crate::world::{Act, Job, World};
use std::hash::BuildHasher;
use sync::device::effect::Effect;
use sync::device::event::{Event, Refused};
use sync::device::pick::push_of;
use sync::device::retry::LinkFailure;
use sync::device::state::State;
use sync::device::step::step;
use sync::frame::{DeviceFrame, ServerFrame};
use sync::id::Mint;
use sync::limits::PUSH_TIMEOUT_MS;
use sync::planted;

/// What becomes of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is done.
    Done,
    /// It is not done, and its tab is told.
    Aborted,
    /// Its tab dies before it.
    DiesBefore,
    /// It is done, and its tab dies before it hears of it.
    DiesAfter,
}

impl World {
    /// Opens a tab, which leads if no other does.
    pub fn open_tab(&mut self, device: usize, tab: usize) {
        self.devices[device].tabs[tab].kill();
        self.devices[device].tabs[tab].open = true;
        self.elect(device);
    }

    /// Ends a tab, and everything under way in it.
    pub fn kill_tab(&mut self, device: usize, tab: usize) {
        self.close_stream(device, tab);
        self.devices[device].tabs[tab].kill();
        let at_ms = self.now_ms + 50;
        self.schedule(at_ms, Job::Election(device));
    }

    /// Lets an open tab lead if none does.
    pub fn elect(&mut self, device: usize) {
        let now_ms = self.now_ms;
        let tabs = &self.devices[device].tabs;
        let leads = |tab: &Tab| tab.state.is_some() && tab.frozen_until_ms <= now_ms;
        if tabs.iter().any(leads) {
            return;
        }
        let fit = |tab: &Tab| tab.open && tab.state.is_none() && tab.frozen_until_ms <= now_ms;
        if let Some(tab) = tabs.iter().position(fit) {
            self.lead(device, tab);
        }
    }

    /// Makes a tab lead.
    pub fn lead(&mut self, device: usize, tab: usize) {
        let stored = self.devices[device].store.stored();
        let rules = self.devices[device].rules;
        self.devices[device].tabs[tab].state = Some(State::new(rules, stored));
        self.dispatch(device, tab, Event::Led);
    }

    /// Tells a tab that it no longer leads.
    pub fn depose(&mut self, device: usize, tab: usize, life: u64) {
        let others = self.devices[device]
            .tabs
            .iter()
            .filter(|tab| tab.state.is_some())
            .count()
            > 1;
        if self.devices[device].tabs[tab].life == life && others {
            self.dispatch(device, tab, Event::Stopped);
            self.close_stream(device, tab);
            self.devices[device].tabs[tab].state = None;
            self.devices[device].tabs[tab].pushing = None;
            self.elect(device);
        }
    }

    /// Gives an event to a tab's engine, if it leads, and does what that asks for.
    pub fn dispatch(&mut self, device: usize, tab: usize, event: Event) {
        let Some(state) = self.devices[device].tabs[tab].state.take() else {
            return;
        };
        self.tell_story(|_| format!("device {device}.{tab} ← {}", brief(&event)));
        let mint = self.mint(device);
        let (state, effects) = step(state, sync::device::event::Input { mint, event });
        self.note(&[
            device as u64,
            tab as u64,
            state.phase as u64,
            effects.len() as u64,
        ]);
        self.note(&[state.outbox.waiting, state.outbox.failed, self.now_ms]);
        self.devices[device].tabs[tab].state = Some(state);
        self.check_bounds(device, tab, effects.len());
        for effect in effects {
            self.perform(device, tab, effect);
        }
    }

    /// Names and chance for a device's engine.
    pub fn mint(&mut self, device: usize) -> Mint {
        let clock_ms = self.devices[device].clock_ms(self.now_ms);
        planted!(
            MintIsNotSeeded,
            return Mint::new(clock_ms, [by_the_machine(0), 1])
        );
        Mint::new(
            clock_ms,
            [self.chance.next_u64(), self.chance.next_u64() | 1],
        )
    }

    fn perform(&mut self, device: usize, tab: usize, effect: Effect) {
        match effect {
            Effect::OpenLink { link, hello } => {
                self.close_stream(device, tab);
                self.send_up(device, tab, link, DeviceFrame::Hello(hello));
            }
            Effect::CloseLink { .. } => self.close_stream(device, tab),
            Effect::SayBye(bye) => self.send_up(device, tab, 0, DeviceFrame::Bye(bye)),
            Effect::ReadFrame { link } => self.read_frame(device, tab, link),
            Effect::Push => self.push(device, tab),
            Effect::Verify(verify) => {
                let life = self.devices[device].tabs[tab].life;
                let late = Box::new(Event::NotVerified(LinkFailure::Unreachable));
                let at_ms = self.now_ms + PUSH_TIMEOUT_MS;
                self.schedule(at_ms, Job::Tell(device, tab, life, 0, late));
                self.send_up(device, tab, 0, DeviceFrame::Verify(verify));
            }
            Effect::Acknowledge(said) => self.send_up(device, tab, 0, DeviceFrame::Ack(said)),
            Effect::SetTimer { timer, at_ms } => {
                let clock_ms = self.devices[device].clock_ms(self.now_ms);
                let due_ms = self.now_ms + at_ms.saturating_sub(clock_ms);
                let tab_ = &mut self.devices[device].tabs[tab];
                tab_.timers.insert(timer, due_ms);
                let life = tab_.life;
                self.schedule(due_ms, Job::Timer(device, tab, life));
            }
            Effect::ClearTimer { timer } => {
                self.devices[device].tabs[tab].timers.remove(&timer);
            }
            Effect::TellConnectivity(_)
            | Effect::TellAuthExpired
            | Effect::Tell(_)
            | Effect::Raise(_) => {}
            disk => {
                let life = self.devices[device].tabs[tab].life;
                let free_ms = self.devices[device].disk_ms.max(self.now_ms);
                let at_ms = free_ms + 1 + self.below(4);
                self.devices[device].disk_ms = at_ms;
                self.schedule(at_ms, Job::Disk(device, tab, life, Box::new(disk)));
            }
        }
    }

    fn push(&mut self, device: usize, tab: usize) {
        let clock_ms = self.devices[device].clock_ms(self.now_ms);
        let of = &self.devices[device];
        let push = push_of(
            &of.rules,
            of.store.meta.device_id,
            &of.tabs[tab].taken,
            clock_ms,
        );
        let number = self.number();
        let life = self.devices[device].tabs[tab].life;
        self.devices[device].tabs[tab].pushing = Some(number);
        let late = Box::new(Event::PushFailed(LinkFailure::Unreachable));
        let at_ms = self.now_ms + PUSH_TIMEOUT_MS;
        self.schedule(at_ms, Job::Tell(device, tab, life, number, late));
        self.send_up(device, tab, number, DeviceFrame::Push(push));
    }

    /// Whether a tab is in its old life and awake; if it sleeps, the job waits until it wakes.
    fn is_here(&mut self, device: usize, tab: usize, life: u64, job: impl FnOnce() -> Job) -> bool {
        if self.devices[device].tabs[tab].life != life {
            return false;
        }
        let still_until_ms = self.devices[device].still_until_ms(tab);
        if still_until_ms > self.now_ms {
            self.schedule(still_until_ms, job());
            return false;
        }
        true
    }

    /// A tab's timers that are due.
    pub fn timers(&mut self, device: usize, tab: usize, life: u64) {
        if !self.is_here(device, tab, life, || Job::Timer(device, tab, life)) {
            return;
        }
        let now_ms = self.now_ms;
        let timers = &mut self.devices[device].tabs[tab].timers;
        let due: Vec<_> = timers.extract_if(.., |_, at_ms| *at_ms <= now_ms).collect();
        for (timer, _) in due {
            self.dispatch(device, tab, Event::TimerFired(timer));
        }
    }

    /// Something reaches a tab.
    pub fn hear(&mut self, device: usize, tab: usize, life: u64, push: u64, event: Event) {
        if self.devices[device].tabs[tab].life != life {
            return;
        }
        let still_until_ms = self.devices[device].still_until_ms(tab);
        if still_until_ms > self.now_ms {
            self.schedule(
                still_until_ms,
                Job::Tell(device, tab, life, push, Box::new(event)),
            );
            return;
        }
        // The second answer to a push, or one that comes too late, is nobody's.
        if push > 0
            && self.devices[device].tabs[tab]
                .pushing
                .take_if(|p| *p == push)
                .is_none()
        {
            return;
        }
        self.dispatch(device, tab, event);
    }

    /// What becomes of the next transaction of a device.
    pub fn fate(&mut self, device: usize) -> Fate {
        let now_ms = self.now_ms;
        let device = &mut self.devices[device];
        match device.crash {
            Some((0, after)) => {
                device.crash = None;
                return if after {
                    Fate::DiesAfter
                } else {
                    Fate::DiesBefore
                };
            }
            Some((left, after)) => device.crash = Some((left - 1, after)),
            None => {}
        }
        if device.abort_commits > 0 {
            device.abort_commits -= 1;
            return Fate::Aborted;
        }
        if device.full_until_ms > now_ms {
            Fate::Aborted
        } else {
            Fate::Done
        }
    }

    /// A transaction that the engine asked for.
    pub fn disk(&mut self, device: usize, tab: usize, life: u64, effect: Effect) {
        if self.devices[device].tabs[tab].life != life {
            return;
        }
        let still_until_ms = self.devices[device].still_until_ms(tab);
        if still_until_ms > self.now_ms {
            self.schedule(
                still_until_ms,
                Job::Disk(device, tab, life, Box::new(effect)),
            );
            return;
        }
        let fate = self.fate(device);
        let event = match fate {
            Fate::DiesBefore => return self.kill_tab(device, tab),
            Fate::Aborted if !planted!(AbortsAreIgnored) => self.aborted(&effect),
            Fate::Aborted => self.pretend(&effect),
            Fate::Done | Fate::DiesAfter => self.transact(device, tab, effect),
        };
        self.watch_rows(device, false);
        if fate == Fate::DiesAfter {
            self.kill_tab(device, tab);
        } else if let Some(event) = event {
            self.dispatch(device, tab, event);
        }
    }

    fn aborted(&self, effect: &Effect) -> Option<Event> {
        let message = || "aborted".to_owned();
        match effect {
            Effect::StorePage { link, .. } => Some(Event::PageRefused {
                link: *link,
                refused: Refused::Failed { message: message() },
            }),
            Effect::Settle(_) | Effect::TakeOutbox { .. } => Some(Event::SettleFailed),
            Effect::FinishRebuild => Some(Event::RebuildUnfinished { message: message() }),
            Effect::Sweep | Effect::Collect | Effect::RetryRefused | Effect::TakeDigests => {
                Some(Event::UpkeepFailed { message: message() })
            }
            _ => None,
        }
    }

    /// What a host would say that takes an abort for success; only planted faults do.
    fn pretend(&self, effect: &Effect) -> Option<Event> {
        match effect {
            Effect::StorePage { link, page, .. } => {
                let mut committed = sync::device::effect::Committed::default();
                if let sync::device::effect::Page::Delta(delta) = page {
                    committed
                        .moved
                        .push((delta.scope.clone(), delta.table.clone(), delta.to));
                }
                Some(Event::PageStored {
                    link: *link,
                    committed,
                })
            }
            effect => self.aborted(effect),
        }
    }

    fn transact(&mut self, device: usize, tab: usize, effect: Effect) -> Option<Event> {
        let mut mint = self.mint(device);
        let clock_ms = mint.now_ms();
        let store = &mut self.devices[device].store;
        Some(match effect {
            Effect::StorePage { link, page, pass } => {
                match store.receive(&mut mint, &page, &pass) {
                    Ok(committed) => Event::PageStored { link, committed },
                    Err(refused) => Event::PageRefused { link, refused },
                }
            }
            Effect::TakeOutbox { limit } => {
                let taken = store.take(clock_ms, limit);
                let outbox = store.count();
                let count = taken.len();
                self.devices[device].tabs[tab].taken = taken;
                Event::OutboxTaken {
                    taken: count,
                    outbox,
                }
            }
            Effect::Settle(answer) => {
                let taken = std::mem::take(&mut self.devices[device].tabs[tab].taken);
                let store = &mut self.devices[device].store;
                Event::Settled(store.settle(&mut mint, &taken, &answer))
            }
            Effect::BeginRebuild(rebuild, markers) => {
                store.begin_rebuild(rebuild, markers);
                return None;
            }
            Effect::FinishRebuild => Event::RebuildFinished(store.finish_rebuild()),
            Effect::Sweep => {
                let (left, outbox) = store.sweep(&mut mint);
                Event::Swept { left, outbox }
            }
            Effect::Collect => {
                store.collect(clock_ms);
                Event::Collected { left: false }
            }
            Effect::RetryRefused => Event::OutboxGrew(store.retry(&mut mint)),
            Effect::CountOutbox => Event::OutboxGrew(store.count()),
            Effect::TakeDigests => Event::Digested(store.digests()),
            Effect::StoreOffset { offset_ms } => {
                store.meta.offset_ms = offset_ms;
                return None;
            }
            _ => return None,
        })
    }

    /// A leading tab hears that another one wrote something.
    pub fn tell_the_leader(&mut self, device: usize, writer: usize) {
        let count = self.devices[device].store.count();
        for tab in 0..self.devices[device].tabs.len() {
            if self.devices[device].tabs[tab].state.is_none() {
                continue;
            }
            if tab == writer {
                self.dispatch(device, tab, Event::OutboxGrew(count));
            } else if !self.devices[device].deaf_tabs || self.act != Act::Storm {
                let life = self.devices[device].tabs[tab].life;
                let at_ms = self.now_ms + 1;
                let event = Box::new(Event::OutboxGrew(count));
                self.schedule(at_ms, Job::Tell(device, tab, life, 0, event));
            }
        }
    }
}

/// Chance as the machine has it, which is another in every run; only planted faults ask for it.
pub(crate) fn by_the_machine(of: u64) -> u64 {
    std::hash::RandomState::new().hash_one(of)
}

/// An event in one line, without its positions.
fn brief(event: &Event) -> String {
    let rows = |page: &[sync::row::Row]| {
        let row = |row: &sync::row::Row| format!("{}/{}@{}", row.table, row.key, row.lsn);
        page.iter().map(row).collect::<Vec<_>>().join(" ")
    };
    match event {
        Event::FrameArrived { frame, .. } => match frame {
            ServerFrame::Change(change) => {
                format!(
                    "change {}→{}: {}",
                    change.from.lsn,
                    change.to.lsn,
                    rows(&change.rows)
                )
            }
            ServerFrame::Delta(delta) => format!(
                "delta {} {}→{}: {}",
                delta.table,
                delta.from.lsn,
                delta.to.lsn,
                rows(&delta.rows)
            ),
            ServerFrame::Error(error) => format!("error {}", error.code),
            frame => frame.kind().to_owned(),
        },
        Event::PageStored { committed, .. } => format!("page stored {:?}", committed.changed),
        Event::Settled(committed) => format!("settled {:?}", committed.settled),
        event => {
            let text = format!("{event:?}");
            text.chars().take(3000).collect()
        }
    }
}
