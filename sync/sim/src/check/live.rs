//! **Live**: once everything has healed, everybody agrees within a bounded time. A queue that
//! stalls without a line in any log is the failure that writers report last.

use crate::store::Name;
use crate::world::{CALM_MS_MAX, World};
use sync::device::outbox::{ChangeState, LocalChange};
use sync::device::status::status;
use sync::limits::ATTEMPTS_MAX;
use sync::table::text;
use sync::value::Value;

impl World {
    /// Nothing is set aside that no server took offence at, or failed at often enough: it would
    /// wait for its person without a reason.
    pub fn check_what_is_aside(&mut self, device: usize, name: &Name) {
        let servers = &self.servers;
        let is_offensive =
            |value: &Value| text(value).is_some_and(|t| servers.offensive.contains(t));
        let unfounded = |local: &&LocalChange| match &local.refusal {
            Some((code, _)) if local.state == ChangeState::Failed => match code.as_str() {
                "refused" => {
                    local.change.group.is_none() && !local.change.fields.values().any(is_offensive)
                }
                "no_outcome" => servers.failures < u64::from(ATTEMPTS_MAX),
                _ => false,
            },
            _ => false,
        };
        let changes = self.devices[device].store.changes_of(name);
        let what = changes
            .filter(unfounded)
            .last()
            .map(|local| format!("device {device} has set aside what nobody refused: {local:?}"));
        if let Some(what) = what {
            self.violated("live", what);
        }
    }

    /// Says who does not agree, and how they stand.
    pub fn check_the_stall(&mut self) {
        let stalled = self
            .devices
            .iter()
            .enumerate()
            .filter(|(_, device)| self.counts(device));
        let standing = stalled.map(|(number, device)| {
            let count = device.store.count();
            match device.engine() {
                Some(state) => format!(
                    "device {number}: {:?}, {:?}, drain {:?}, waiting {}, failed {}, unswept {}, \
                     positions {:?}",
                    state.phase,
                    status(state),
                    state.outbox.drain,
                    count.waiting,
                    count.failed,
                    state.unswept,
                    state.positions(),
                ),
                None => format!("device {number}: no tab leads"),
            }
        });
        let standing: Vec<_> = standing.collect();
        let what = format!(
            "no agreement after {CALM_MS_MAX} ms; {}",
            standing.join("; ")
        );
        self.violated("live", what);
    }
}
