//! A device: one disk, a clock of its own, and tabs of which one leads.

use crate::net::Line;
use crate::store::Store;
use std::collections::{BTreeMap, VecDeque};
use sync::device::effect::{Link, Timer};
use sync::device::outbox::LocalChange;
use sync::device::state::State;
use sync::frame::ServerFrame;
use sync::rules::Rules;

/// A device, by its number in the world.
pub type DeviceNumber = usize;

/// One device.
#[derive(Debug)]
pub struct Device {
    /// Whose it is.
    pub person: u8,
    /// The version of the tables that it runs.
    pub rules: Rules,
    /// Its disk.
    pub store: Store,
    /// Its tabs; a closed one keeps its place.
    pub tabs: Vec<Tab>,
    /// Its line to the servers.
    pub line: Line,
    /// Its wall clock less the world's, in milliseconds.
    pub clock_off_ms: i64,
    /// It does nothing until then.
    pub asleep_until_ms: u64,
    /// Its disk has no room until then.
    pub full_until_ms: u64,
    /// So many of its next commits are aborted.
    pub abort_commits: u32,
    /// A tab dies at a commit: after so many more, and whether once it is done.
    pub crash: Option<(u32, bool)>,
    /// News between its tabs is lost.
    pub deaf_tabs: bool,
    /// How often the browser threw its store away.
    pub evictions: u32,
    /// Its disk does one transaction after the other: when the last one asked for is done.
    pub disk_ms: u64,
}

/// One tab.
#[derive(Debug, Default)]
pub struct Tab {
    /// Raised whenever the tab dies or opens: what was under way for the one before is void.
    pub life: u64,
    /// Whether it is open.
    pub open: bool,
    /// The engine, while this tab leads.
    pub state: Option<State>,
    /// It stands still until then.
    pub frozen_until_ms: u64,
    /// When its timers are due, in the world's time.
    pub timers: BTreeMap<Timer, u64>,
    /// What it took out of the outbox for a push.
    pub taken: Vec<LocalChange>,
    /// The stream that stands, by its number in the world.
    pub stream: Option<u64>,
    /// Frames that have come and were not asked for yet.
    pub frames: VecDeque<(Link, ServerFrame)>,
    /// A frame of this link is asked for.
    pub wants: Option<Link>,
    /// The push that is not answered yet, by its number.
    pub pushing: Option<u64>,
}

impl Device {
    /// A device with one open tab and nothing on its disk.
    #[must_use]
    pub fn new(person: u8, rules: Rules, store: Store) -> Self {
        Self {
            person,
            rules,
            store,
            tabs: Vec::new(),
            line: Line::default(),
            clock_off_ms: 0,
            asleep_until_ms: 0,
            full_until_ms: 0,
            abort_commits: 0,
            crash: None,
            deaf_tabs: false,
            evictions: 0,
            disk_ms: 0,
        }
    }

    /// What its wall clock reads.
    #[must_use]
    pub const fn clock_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_add_signed(self.clock_off_ms)
    }

    /// A tab that leads, if one does.
    #[must_use]
    pub fn leader(&self) -> Option<usize> {
        self.tabs.iter().position(|tab| tab.state.is_some())
    }

    /// The engine of the tab that leads.
    #[must_use]
    pub fn engine(&self) -> Option<&State> {
        self.tabs.iter().find_map(|tab| tab.state.as_ref())
    }

    /// Until when a tab of this device does nothing.
    #[must_use]
    pub fn still_until_ms(&self, tab: usize) -> u64 {
        self.asleep_until_ms.max(self.tabs[tab].frozen_until_ms)
    }
}

impl Tab {
    /// Ends whatever runs in it.
    pub fn kill(&mut self) {
        *self = Self {
            life: self.life + 1,
            ..Self::default()
        };
    }
}
