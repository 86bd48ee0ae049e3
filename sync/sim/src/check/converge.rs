//! **Converge**: when everything has healed, all devices of a person show the same rows, and
//! the server has the same.

use crate::store::Name;
use crate::world::World;
use std::collections::{BTreeMap, BTreeSet};
use sync::device::state::{Drain, Phase, Verifying};
use sync::device::status::{Status, status};
use sync::value::Fields;

impl World {
    /// Whether every device says that both sides have everything of each other.
    pub fn everybody_agrees(&mut self) -> bool {
        let mut agree = true;
        for device in 0..self.devices.len() {
            if !self.counts(&self.devices[device]) {
                continue;
            }
            let Some(tab) = self.devices[device].leader() else {
                self.elect(device);
                return false;
            };
            let Some(state) = &self.devices[device].tabs[tab].state else {
                return false;
            };
            if state.outbox.failed > 0 && state.outbox.drain == Drain::Idle {
                // Somebody sees the mark and asks for another try.
                if !self.let_go_of_what_is_aside(device, tab) {
                    self.dispatch(device, tab, sync::device::event::Event::RetryAsked);
                }
                agree = false;
                continue;
            }
            agree &= self.agrees(device);
        }
        agree
    }

    fn agrees(&self, device: usize) -> bool {
        let device = &self.devices[device];
        let leaders = device.tabs.iter().filter(|tab| tab.state.is_some()).count();
        let Some(state) = device.engine() else {
            return false;
        };
        if status(state) != Status::SyncComplete || leaders != 1 {
            return false;
        }
        let ends = self
            .servers
            .ledger
            .positions(self.servers.names(device.person))
            .ceilings;
        let count = device.store.count();
        let stream = device.tabs.iter().find_map(|tab| tab.stream);
        let stream = stream.and_then(|number| self.servers.streams.get(&number));
        // Something may be on its way, such as that the session has ended.
        stream.is_some_and(|stream| !stream.dead && stream.session.is_some() && stream.ahead == 0)
            && state.verifying == Verifying::No
            // A stream that lost its signs of life in the storm is about to be given up.
            && device.clock_ms(self.now_ms).abs_diff(state.heard_at_ms) < 12_000
            && state.phase == Phase::Live
            && state.outbox.drain == Drain::Idle
            && !state.unswept
            && count.waiting + count.failed == 0
            && state.positions() == ends
    }

    /// Compares what is shown everywhere.
    pub fn check_convergence(&mut self) {
        for device in 0..self.devices.len() {
            if !self.counts(&self.devices[device]) {
                continue;
            }
            let (shown, there) = (self.shown_rows(device), self.server_rows(device));
            if shown != there {
                let names: BTreeSet<_> = shown.keys().chain(there.keys()).collect();
                let differs = |name: &&&Name| shown.get(**name) != there.get(**name);
                let name = names.iter().find(differs).map(|name| (*name).clone());
                let (here, there) = name
                    .as_ref()
                    .map(|n| (shown.get(n), there.get(n)))
                    .unwrap_or_default();
                let what =
                    format!("device {device} shows {name:?} as {here:?}, the server has {there:?}");
                return self.violated("converge", what);
            }
        }
    }

    fn shown_rows(&self, device: usize) -> BTreeMap<Name, Fields> {
        let device = &self.devices[device];
        let known = |name: &Name, fields: &Fields| {
            let table = device.rules.schema.table(&name.0);
            let known = |field: &String| table.is_some_and(|table| table.field(field).is_some());
            let fields = fields.iter().filter(|(field, _)| known(field));
            fields
                .map(|(field, value)| (field.clone(), value.clone()))
                .collect()
        };
        let names = device.store.records.keys();
        let seen = names.filter_map(|name| Some((name, device.store.seen(name)?)));
        seen.map(|(name, record)| (name.clone(), known(name, &record.seen.fields)))
            .collect()
    }

    fn server_rows(&self, device: usize) -> BTreeMap<Name, Fields> {
        let device = &self.devices[device];
        let log = self.servers.ledger.log(&crate::server::own(device.person));
        let rows = log.into_iter().flat_map(sync::hub::ledger::Log::rows);
        let living = rows.filter(|row| !row.deleted);
        let known = living.filter_map(|row| {
            let table = device.rules.schema.table(&row.table)?;
            let fields = row
                .fields
                .iter()
                .filter(|(field, _)| table.field(field).is_some());
            let fields = fields
                .map(|(field, value)| (field.clone(), value.clone()))
                .collect();
            Some(((row.table.clone(), row.key), fields))
        });
        known.collect()
    }
}
