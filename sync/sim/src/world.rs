//! The play: one queue of what is still to happen, by time; a storm, and then a calm.

use crate::check::{Checks, Violation};
use crate::device::Device;
use crate::history::{Event as Happening, Fault, History, What, Write};
use crate::oracle::Oracle;
use crate::server::Servers;
use crate::store::Store;
use crate::tables::RULES;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::BinaryHeap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use sync::device::effect::Effect;
use sync::device::event::Event;
use sync::frame::{DeviceFrame, ServerFrame};
use sync::hub::ledger::Ledger;
use sync::id::{Id, Mint};
use sync::rules::Rules;

/// Where time begins, in milliseconds since 1970.
pub const BEGIN_MS: u64 = 1_800_000_000_000;

/// How long after the storm everybody may take to agree: twice the longest wait before an
/// attempt, a watchdog, a breaker and a push that timed out, and some round trips.
pub const CALM_MS_MAX: u64 = 240_000;

/// How long everybody is then watched for saying nothing.
const QUIET_MS: u64 = 45_000;

/// More things than ever happen in one history.
const TURNS_MAX: u32 = 2_000_000;

/// How often it is looked whether everybody agrees.
const LOOK_MS: u64 = 1_000;

/// Something that is still to happen.
#[derive(Debug)]
pub enum Job {
    /// The history's next event.
    Play(usize),
    /// A tab's timer may be due.
    Timer(usize, usize, u64),
    /// A tab's effect that needs the disk.
    Disk(usize, usize, u64, Box<Effect>),
    /// A frame of a device reaches a node.
    Up(usize, usize, u64, Box<Upward>),
    /// A frame of a stream reaches its tab.
    Frame(u64, Box<ServerFrame>, bool),
    /// Something else reaches a tab: for its push of this number, or for any other reason.
    Tell(usize, usize, u64, u64, Box<Event>),
    /// A stream is due for a sign of life.
    Heartbeat(u64),
    /// A node hears that a person's scope has changed.
    Poke(usize, u8),
    /// A tab is told that it no longer leads.
    Deposed(usize, usize, u64),
    /// A tab looks whether it should lead.
    Election(usize),
    /// A person signs in again wherever they were signed out.
    SignIn(u8),
    /// The storm is over.
    Calm,
    /// It is looked whether everybody agrees.
    Look,
    /// The quiet is over.
    End,
}

/// A job with its time; of two at one time, the one asked for first comes first.
#[derive(Debug)]
struct Due {
    at_ms: u64,
    order: u64,
    job: Job,
}

// The earliest is the greatest, for a heap gives the greatest first.
impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at_ms, other.order).cmp(&(self.at_ms, self.order))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Due {}

/// A frame on its way up, and where its answer goes.
#[derive(Debug)]
pub struct Upward {
    /// The node.
    pub node: usize,
    /// The frame.
    pub frame: DeviceFrame,
    /// The device's number for the link of a hello, or the world's for a push.
    pub number: u64,
}

/// Where the play is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Things go wrong.
    Storm,
    /// Everything heals.
    Calm,
    /// Everybody agrees; nothing more is to be said.
    Quiet,
    /// It is over.
    Over,
}

/// Everything there is.
#[derive(Debug)]
pub struct World {
    /// What is played.
    pub history: History,
    /// Now, in milliseconds since 1970.
    pub now_ms: u64,
    /// Where the play is.
    pub act: Act,
    /// The tables.
    pub rules: Rules,
    /// All devices, of all people.
    pub devices: Vec<Device>,
    /// The server's side.
    pub servers: Servers,
    /// What was really written.
    pub oracle: Oracle,
    /// What is watched.
    pub checks: Checks,
    /// Small chances.
    pub chance: Mint,
    /// How long everybody took to agree, in milliseconds.
    pub took_ms: u64,
    /// How often each fault met somebody.
    pub faults: BTreeMap<Fault, u32>,
    /// A line for everything that happens, if somebody wants to read it.
    pub story: Option<Vec<String>>,
    /// The fingerprint of everything that happened.
    pub hash: u64,
    /// The database will be put back at least once.
    pub is_restored: bool,
    calm_since_ms: u64,
    next_number: u64,
    order: u64,
    queue: BinaryHeap<Due>,
}

/// How a history went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was violated, if anything.
    pub violation: Option<Violation>,
    /// The fingerprint of everything that happened.
    pub hash: u64,
    /// How many edits were committed.
    pub edits: u64,
    /// How often a text was looked at for whether it went back to an older one.
    pub looks: u64,
    /// How long everybody took to agree, in milliseconds.
    pub took_ms: u64,
    /// How often each fault met somebody.
    pub faults: BTreeMap<Fault, u32>,
    /// A line for everything that happened, if asked for.
    pub story: Vec<String>,
}

/// Plays a history to its end. An assertion of the engine that fails is a violation as well.
#[must_use]
pub fn play(history: &History, with_story: bool) -> Outcome {
    let mut world = World::new(history.clone(), with_story);
    let played = catch_unwind(AssertUnwindSafe(|| {
        let mut turns = 0;
        while world.checks.violation.is_none() && world.act != Act::Over {
            world.turn();
            turns += 1;
            if turns > TURNS_MAX {
                world.violated("live", "it turns in a circle".to_owned());
            }
        }
    }));
    if played.is_err() {
        world.stopped_itself();
    }
    Outcome {
        violation: world.checks.violation.clone(),
        hash: world.hash,
        edits: world.oracle.edits,
        looks: world.checks.looks,
        took_ms: world.took_ms,
        faults: world.faults,
        story: world.story.unwrap_or_default(),
    }
}

impl World {
    fn new(history: History, with_story: bool) -> Self {
        let rules = if history.journal {
            domain::RULES
        } else {
            RULES
        };
        let devices = usize::from(history.people) * usize::from(history.devices);
        let chance = Mint::new(BEGIN_MS, [history.salt, history.salt.rotate_left(7) | 1]);
        let mut world = Self {
            now_ms: BEGIN_MS,
            act: Act::Storm,
            rules,
            devices: Vec::new(),
            servers: Servers::new(
                Ledger::new(rules),
                usize::from(history.nodes),
                history.people,
            ),
            oracle: Oracle::default(),
            checks: Checks::default(),
            chance,
            took_ms: 0,
            faults: BTreeMap::new(),
            story: with_story.then(Vec::new),
            hash: 0xcbf2_9ce4_8422_2325,
            is_restored: history.events.iter().any(Happening::is_restore),
            calm_since_ms: 0,
            next_number: 0,
            order: 0,
            queue: BinaryHeap::new(),
            history,
        };
        for number in 0..devices {
            world.add_device(number);
        }
        world.schedule_history();
        world
    }

    fn add_device(&mut self, number: usize) {
        let people = usize::from(self.history.people);
        let person = u8::try_from(number % people).unwrap_or_default();
        let store = Store::new(self.rules, self.device_id(number, 0));
        let mut device = Device::new(person, self.rules, store);
        for _ in 0..self.history.tabs {
            device.tabs.push(crate::device::Tab::default());
        }
        self.devices.push(device);
        self.open_tab(number, 0);
    }

    /// A device's name; another one each time its store is thrown away.
    #[must_use]
    pub fn device_id(&self, number: usize, times: u128) -> Id {
        Id::from_u128((number as u128 + 1) | (times << 32))
    }

    fn schedule_history(&mut self) {
        let mut last_ms = 0;
        for place in 0..self.history.events.len() {
            let at_ms = self.history.events[place].at_ms;
            last_ms = last_ms.max(at_ms);
            self.schedule(BEGIN_MS + at_ms, Job::Play(place));
        }
        self.schedule(BEGIN_MS + last_ms + 1_000, Job::Calm);
    }

    /// Does the next thing.
    fn turn(&mut self) {
        let Some(Due { at_ms, job, .. }) = self.queue.pop() else {
            self.act = Act::Over;
            return;
        };
        self.now_ms = self.now_ms.max(at_ms);
        match job {
            Job::Play(place) => self.play(place),
            Job::Calm => self.calm(),
            Job::Look => self.look(),
            Job::End => self.act = Act::Over,
            Job::Timer(device, tab, life) => self.timers(device, tab, life),
            Job::Disk(device, tab, life, effect) => self.disk(device, tab, life, *effect),
            Job::Up(device, tab, life, upward) => self.arrive(device, tab, life, *upward),
            Job::Frame(stream, frame, broken) => self.frame(stream, *frame, broken),
            Job::Tell(device, tab, life, push, event) => {
                self.hear(device, tab, life, push, *event);
            }
            Job::Heartbeat(stream) => self.heartbeat(stream),
            Job::Poke(node, person) => self.poke(node, person),
            Job::Deposed(device, tab, life) => self.depose(device, tab, life),
            Job::Election(device) => self.elect(device),
            Job::SignIn(person) => self.sign_in(person),
        }
    }

    fn play(&mut self, place: usize) {
        if place.is_multiple_of(8) && self.is_restored {
            self.servers.back_up(self.now_ms);
        }
        match self.history.events[place].what.clone() {
            What::Write {
                device,
                tab,
                slot,
                write: Write::Many,
            } => self.write_many(usize::from(device), usize::from(tab), slot),
            What::Write {
                device,
                tab,
                slot,
                write,
            } => self.write(usize::from(device), usize::from(tab), slot, write),
            What::Trouble {
                device,
                trouble,
                amount,
            } => self.trouble(usize::from(device), trouble, amount),
            What::Ask { device, ask } => self.ask(usize::from(device), ask),
            What::Fault {
                device,
                fault,
                amount,
            } => self.fault(usize::from(device), fault, amount),
        }
    }

    fn calm(&mut self) {
        let tabs = |device: &Device| {
            (0..device.tabs.len())
                .map(|tab| device.still_until_ms(tab))
                .max()
        };
        let still_until_ms = self
            .devices
            .iter()
            .filter_map(tabs)
            .max()
            .unwrap_or_default();
        if still_until_ms > self.now_ms {
            return self.schedule(still_until_ms, Job::Calm);
        }
        self.tell_story(|_| "── the storm is over ──".to_owned());
        self.act = Act::Calm;
        self.calm_since_ms = self.now_ms;
        self.heal();
        self.schedule(self.now_ms + LOOK_MS, Job::Look);
    }

    fn look(&mut self) {
        if self.act != Act::Calm {
            return;
        }
        for person in 0..self.history.people {
            self.sign_in(person);
        }
        if self.everybody_agrees() {
            self.took_ms = self.now_ms - self.calm_since_ms;
            self.check_the_end();
            self.act = Act::Quiet;
            self.checks.quiet_since(self.now_ms);
            self.schedule(self.now_ms + QUIET_MS, Job::End);
        } else if self.now_ms > self.calm_since_ms + CALM_MS_MAX {
            self.check_the_stall();
        } else {
            self.schedule(self.now_ms + LOOK_MS, Job::Look);
        }
    }

    /// Something will happen at this time.
    pub fn schedule(&mut self, at_ms: u64, job: Job) {
        self.order += 1;
        let order = self.order;
        self.queue.push(Due { at_ms, order, job });
    }

    /// A number that was not given before.
    pub fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// A small chance.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.chance.below(bound)
    }

    /// Takes something into the fingerprint of the run.
    pub fn note(&mut self, parts: &[u64]) {
        for part in parts {
            self.hash = (self.hash ^ part)
                .wrapping_mul(0x0000_0100_0000_01b3)
                .rotate_left(5);
        }
    }

    /// Adds a line to the story, if somebody reads it.
    pub fn tell_story(&mut self, line: impl FnOnce(&Self) -> String) {
        if self.story.is_some() {
            let line = format!("{:>7} {}", self.now_ms - BEGIN_MS, line(self));
            self.story
                .iter_mut()
                .for_each(|story| story.push(line.clone()));
        }
    }

    /// An assertion failed: limits are asserted where they are kept, and everything else means
    /// that somebody would wait for ever.
    fn stopped_itself(&mut self) {
        let words = crate::stop::said().unwrap_or_else(|| "an assertion".to_owned());
        let checker = if words.starts_with("bounded") {
            "bounded"
        } else {
            "live"
        };
        self.violated(checker, format!("the engine stopped itself: {words}"));
    }

    /// Wraps a violation up, with the time.
    pub fn violated(&mut self, checker: &'static str, what: String) {
        self.tell_story(|_| format!("VIOLATED {checker}: {what}"));
        let at_ms = self.now_ms - BEGIN_MS;
        self.checks.violated(checker, at_ms, what);
    }
}
