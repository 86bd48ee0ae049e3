//! The twelve checkers. Each is a file with one promise on top; each has planted faults that it
//! alone must catch. `same-seed` is in [`same_seed`], for it needs two runs.

pub mod atomic;
pub mod bounded;
pub mod causal;
pub mod converge;
pub mod durable;
pub mod live;
pub mod monotonic;
pub mod once;
pub mod private;
pub mod quiet;
pub mod same_seed;
pub mod visible;

use crate::store::Name;
use crate::world::World;
use std::collections::BTreeMap;
use sync::scope::Lsn;

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which checker saw it.
    pub checker: &'static str,
    /// When, in milliseconds from the beginning.
    pub at_ms: u64,
    /// What was seen.
    pub what: String,
}

/// What the checkers remember.
#[derive(Debug, Default)]
pub struct Checks {
    /// The first violation.
    pub violation: Option<Violation>,
    /// The database was put back once: until it is healed, older texts may be seen.
    pub restored: bool,
    /// Outcomes were cleared out early: a change may come to be applied again.
    pub forgetful: bool,
    /// How each device's store stood after its last transaction.
    pub stood: BTreeMap<usize, monotonic::Stood>,
    /// The short texts each device showed last, by row and field.
    pub shown: BTreeMap<(usize, Name, &'static str), crate::oracle::Token>,
    /// How often a text was looked at for whether it went back to an older one.
    pub looks: u64,
    /// How many changes each group has.
    pub groups: BTreeMap<sync::id::Id, usize>,
    /// Since when nothing is to be said.
    pub quiet_since_ms: Option<u64>,
    /// What was said all the same.
    pub noise: Vec<String>,
    /// The last position of each person's scope.
    pub ends: BTreeMap<u8, Lsn>,
}

impl Checks {
    /// Notes the first violation.
    pub fn violated(&mut self, checker: &'static str, at_ms: u64, what: String) {
        self.violation.get_or_insert(Violation {
            checker,
            at_ms,
            what,
        });
    }

    /// A device begins anew, with an empty store.
    pub fn forget_device(&mut self, device: usize) {
        self.stood.remove(&device);
        self.shown.retain(|(of, ..), _| *of != device);
    }
}

impl World {
    /// Looks at the rows that a device's last transaction wrote. `written` tells that a person
    /// wrote them.
    pub fn watch_rows(&mut self, device: usize, written: bool) {
        let mut touched = std::mem::take(&mut self.devices[device].store.touched);
        touched.sort_unstable();
        touched.dedup();
        self.check_monotonic(device);
        for name in &touched {
            self.check_row_bounds(device, name);
            self.check_what_is_aside(device, name);
            self.check_privacy(device, name);
            self.check_causality(device, name, written);
        }
        self.check_groups_are_whole(device, &touched);
    }

    /// Everybody seems to agree: is it so, and is everything there?
    pub fn check_the_end(&mut self) {
        self.check_convergence();
        self.check_durability();
        self.check_visibility();
        self.check_once();
        self.check_final_causality();
        self.check_private_scopes();
        self.check_stamps();
    }
}
