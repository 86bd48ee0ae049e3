//! **Monotonic**: positions and counters never go back, but for a rebuild that says so.

use crate::world::World;
use sync::scope::Markers;

/// How a device's store stood.
#[derive(Clone, Debug)]
pub struct Stood {
    generation: u32,
    local_seq: u64,
    markers: Markers,
}

impl World {
    /// Compares a device's counters with what they were.
    pub fn check_monotonic(&mut self, device: usize) {
        let store = &self.devices[device].store;
        let stood = self.checks.stood.get_mut(&device);
        if let Some(stood) = stood
            && stood.generation == store.meta.generation
            && stood.markers == store.markers
            && stood.local_seq <= store.meta.local_seq
        {
            stood.local_seq = store.meta.local_seq;
            return;
        }
        let now = Stood {
            generation: store.meta.generation,
            local_seq: store.meta.local_seq,
            markers: store.markers.clone(),
        };
        let Some(before) = self.checks.stood.insert(device, now.clone()) else {
            return;
        };
        let back = |scope: &str| {
            let scope = sync::scope::Scope::named(scope);
            let tables = self.rules.schema.tables.iter();
            let fell = tables.filter(|table| {
                now.markers.get(&scope, table.name).lsn < before.markers.get(&scope, table.name).lsn
            });
            fell.count() > 0
        };
        let same_time = now.generation == before.generation;
        let what = if now.generation < before.generation || now.local_seq < before.local_seq {
            format!("a counter of device {device} went back: {before:?}, {now:?}")
        } else if same_time && (back("own") || back("library")) {
            format!("a marker of device {device} went back: {before:?}, {now:?}")
        } else {
            return;
        };
        self.violated("monotonic", what);
    }
}
