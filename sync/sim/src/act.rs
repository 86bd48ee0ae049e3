//! What is asked of devices, what goes wrong, and how it heals.

use crate::history::{Ask, Fault};
use crate::server::{PushFault, own};
use crate::store::Store;
use crate::tables::OLD_RULES;
use crate::world::{Job, World};
use crate::write::tokens;
use std::collections::BTreeSet;
use sync::device::event::Event;
use sync::device::state::Phase;
use sync::hub::collect::Retention;

impl World {
    /// Something is asked of a device.
    pub fn ask(&mut self, device: usize, ask: Ask) {
        let device = device % self.devices.len();
        let event = match ask {
            Ask::Wake => Event::Woken,
            Ask::Verify => Event::VerifyAsked,
            Ask::Reset => Event::ResetAsked,
            Ask::Retry => Event::RetryAsked,
            Ask::Collect => Event::TimerFired(sync::device::effect::Timer::Collect),
            Ask::OpenTab => {
                let closed = self.devices[device].tabs.iter().position(|tab| !tab.open);
                return closed
                    .into_iter()
                    .for_each(|tab| self.open_tab(device, tab));
            }
            Ask::CloseTab => {
                let open = self.devices[device].tabs.iter().position(|tab| tab.open);
                return open.into_iter().for_each(|tab| self.kill_tab(device, tab));
            }
        };
        if let Some(tab) = self.devices[device].leader()
            && self.devices[device].still_until_ms(tab) <= self.now_ms
        {
            self.dispatch(device, tab, event);
        }
    }

    /// Something goes wrong.
    pub fn fault(&mut self, device: usize, fault: Fault, amount: u32) {
        let device = device % self.devices.len();
        *self.faults.entry(fault).or_default() += 1;
        self.tell_story(|_| format!("fault {fault:?} {amount} at device {device}"));
        let now_ms = self.now_ms;
        let until_ms = now_ms + u64::from(amount);
        let person = self.devices[device].person;
        let node = device % self.servers.nodes.len();
        match fault {
            Fault::HalfOpen => self.half_open(device),
            Fault::CrashAtCommit => {
                self.devices[device].crash = Some((amount / 2, amount % 2 == 1));
            }
            Fault::AbortCommit => self.devices[device].abort_commits += amount,
            Fault::Quota => self.devices[device].full_until_ms = until_ms,
            Fault::Evict => self.evict(device),
            Fault::Sleep => {
                let asleep_until_ms = &mut self.devices[device].asleep_until_ms;
                *asleep_until_ms = until_ms.max(*asleep_until_ms);
                self.ask_later(device, until_ms);
            }
            Fault::ClockJump | Fault::ClockSkew => {
                let ahead = i64::from(amount / 2) * if amount.is_multiple_of(2) { 1 } else { -1 };
                self.devices[device].clock_off_ms += ahead;
            }
            Fault::TwoTabs => {
                self.devices[device].deaf_tabs = true;
                self.ask(device, Ask::OpenTab);
            }
            Fault::LockStolen => self.steal_the_lock(device, until_ms),
            Fault::FrozenLeader => self.freeze_the_leader(device, until_ms),
            Fault::OldVersion => self.go_back_a_version(device),
            Fault::CrashBeforeCommit => {
                self.servers.nodes[node].next_push = Some(PushFault::DiesBefore);
            }
            Fault::CrashAfterCommit => {
                self.servers.nodes[node].next_push = Some(PushFault::DiesAfter);
            }
            Fault::CommitUnknown => {
                self.servers.nodes[node].next_push = Some(PushFault::Unknown);
            }
            Fault::LateVisibility => {
                self.servers
                    .nodes
                    .iter_mut()
                    .for_each(|node| node.late_until_ms = until_ms);
            }
            Fault::Restart => self.node_dies(node, u64::from(amount) / 8),
            Fault::Restore => self.restore(u64::from(amount)),
            Fault::TombstonesDropped => {
                self.checks.forgetful = true;
                self.muddle_what_is_on_its_way();
                let retention = Retention {
                    tombstone_ms: 0,
                    ..Retention::default()
                };
                self.servers.ledger.collect(&own(person), now_ms, retention);
            }
            Fault::SessionEnds => {
                self.servers.signed_out_until_ms.insert(person, until_ms);
                self.schedule(until_ms, Job::SignIn(person));
                self.poke_all(node, person);
            }
            Fault::Erase => self.erase(person),
            line => self.devices[device].line.break_by(line, amount, now_ms),
        }
    }

    /// With the tombstones goes what was answered: a device that has not heard its answer then
    /// puts the row back, for it cannot know that its words were there.
    fn muddle_what_is_on_its_way(&mut self) {
        for device in &self.devices {
            let on_its_way = device.store.open().filter(|local| local.is_on_its_way());
            let rows = on_its_way.map(|local| (local.change.table.clone(), local.change.key));
            self.oracle.muddled.extend(rows);
        }
    }

    fn ask_later(&mut self, device: usize, at_ms: u64) {
        if let Some(tab) = self.devices[device].leader() {
            let life = self.devices[device].tabs[tab].life;
            self.schedule(
                at_ms,
                Job::Tell(device, tab, life, 0, Box::new(Event::Woken)),
            );
        }
    }

    fn evict(&mut self, device: usize) {
        for tab in 0..self.devices[device].tabs.len() {
            self.kill_tab(device, tab);
        }
        let restored = self.is_restored;
        let open = self.devices[device]
            .store
            .changes
            .values()
            .filter(|local| local.is_open());
        let unsent: BTreeSet<_> = open
            .flat_map(|local| tokens(local.change.fields.values()))
            .collect();
        for (token, piece) in &mut self.oracle.pieces {
            piece.excused |= unsent.contains(token) || (restored && piece.device == device);
        }
        self.devices[device].evictions += 1;
        let id = self.device_id(device, u128::from(self.devices[device].evictions));
        let rules = self.devices[device].rules;
        self.devices[device].store = Store::new(rules, id);
        self.checks.forget_device(device);
    }

    fn steal_the_lock(&mut self, device: usize, until_ms: u64) {
        let Some(first) = self.devices[device].leader() else {
            return;
        };
        if self.devices[device]
            .tabs
            .iter()
            .filter(|tab| tab.open)
            .count()
            < 2
        {
            self.ask(device, Ask::OpenTab);
        }
        let other = |(place, tab): (usize, &crate::device::Tab)| {
            (tab.open && tab.state.is_none() && place != first).then_some(place)
        };
        let second = self.devices[device].tabs.iter().enumerate().find_map(other);
        if let Some(second) = second {
            self.lead(device, second);
            let life = self.devices[device].tabs[first].life;
            self.schedule(until_ms, Job::Deposed(device, first, life));
        }
    }

    fn freeze_the_leader(&mut self, device: usize, until_ms: u64) {
        if let Some(tab) = self.devices[device].leader() {
            self.devices[device].tabs[tab].frozen_until_ms = until_ms;
            self.ask(device, Ask::OpenTab);
            let life = self.devices[device].tabs[tab].life;
            self.schedule(self.now_ms + 10_000, Job::Election(device));
            self.schedule(until_ms + 1_000, Job::Deposed(device, tab, life));
        }
    }

    fn go_back_a_version(&mut self, device: usize) {
        if self.history.journal || !self.devices[device].store.records.is_empty() {
            return;
        }
        self.kill_tab(device, 0);
        let id = self.devices[device].store.meta.device_id;
        self.devices[device].rules = OLD_RULES;
        self.devices[device].store = Store::new(OLD_RULES, id);
        self.checks.forget_device(device);
        self.open_tab(device, 0);
    }

    fn restore(&mut self, ago_ms: u64) {
        if self.servers.restore(self.now_ms, ago_ms) {
            self.checks.restored = true;
            for node in 0..self.servers.nodes.len() {
                self.node_dies(node, 200);
            }
        }
    }

    fn erase(&mut self, person: u8) {
        self.servers.erased.insert(person);
        self.servers.ledger.erase(&own(person));
        for piece in self.oracle.pieces.values_mut() {
            piece.excused |= piece.person == person;
        }
        self.poke_all(0, person);
    }

    /// A person signs in again wherever they were signed out.
    pub fn sign_in(&mut self, person: u8) {
        for device in 0..self.devices.len() {
            for tab in 0..self.devices[device].tabs.len() {
                let state = self.devices[device].tabs[tab].state.as_ref();
                let blocked = state.is_some_and(|state| state.phase == Phase::AuthBlocked);
                if self.devices[device].person == person && blocked {
                    self.dispatch(device, tab, Event::SignedIn);
                }
            }
        }
    }

    /// The storm is over: everything works again, and somebody is at every device.
    pub fn heal(&mut self) {
        for node in &mut self.servers.nodes {
            *node = crate::server::Node::default();
        }
        self.servers.signed_out_until_ms.clear();
        self.servers.heal();
        for device in 0..self.devices.len() {
            let of = &mut self.devices[device];
            of.line.heal();
            (of.asleep_until_ms, of.full_until_ms, of.abort_commits) = (0, 0, 0);
            (of.crash, of.deaf_tabs) = (None, false);
            of.tabs.iter_mut().for_each(|tab| tab.frozen_until_ms = 0);
            if !of.tabs.iter().any(|tab| tab.open) {
                self.open_tab(device, 0);
            }
            self.elect(device);
            // Whoever was not told yet that another leads is told now.
            let leads = |tab: &usize| self.devices[device].tabs[*tab].state.is_some();
            let leaders: Vec<_> = (0..self.devices[device].tabs.len()).filter(leads).collect();
            for tab in leaders.iter().skip(1) {
                let life = self.devices[device].tabs[*tab].life;
                self.depose(device, *tab, life);
            }
        }
        for person in 0..self.history.people {
            self.sign_in(person);
        }
    }
}
