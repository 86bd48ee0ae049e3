//! What every provider, and every server behind it, must pass.
//!
//! Library code that knows no test framework, no clock and no runtime, so that the same suite
//! runs over the [`memory`](super::memory) provider, natively over real sockets, and in a
//! browser. Whoever has a provider or a server writes a [`World`] and calls [`run`]. The edits
//! it makes are built from the tables of the world's schema, whatever they are.
//!
//! - `device`: a device that keeps nothing but what it was told
//! - `edits`: edits of any table
//! - `session`: what may come before everything missed is there
//! - `feed`, `writing`, `apart`, `joining`: the checks

mod apart;
mod device;
mod edits;
mod feed;
mod joining;
mod session;
mod writing;

use super::SyncProvider;
use crate::id::Mint;
use crate::rules::Rules;
use crate::scope::OWN;
use crate::table::TableSpec;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use device::Suite;

/// Where the suite runs: the fresh journal of one person on some server, and ways to it.
pub trait World {
    /// What the product says; the server must be told the same.
    fn rules(&self) -> Rules;

    /// The time and fresh chance. Never the same twice.
    fn mint(&mut self) -> Mint;

    /// A way to the server for one more device of the same person.
    fn provider(&mut self) -> Box<dyn SyncProvider>;

    /// Lets the network and the server get on: a few milliseconds where they are real.
    fn turn(&mut self) -> impl Future<Output = ()>;

    /// How many turns an answer may take before it counts as none.
    fn patience_turns(&self) -> u32 {
        1_000
    }

    /// After how many turns without news there will be none.
    fn silence_turns(&self) -> u32 {
        20
    }

    /// How many turns a heartbeat may take, if this world can wait for one.
    fn heartbeat_turns(&self) -> Option<u32> {
        None
    }
}

/// What was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The checks that passed.
    pub passed: Vec<&'static str>,
    /// Those that this world has nothing for, and what that is.
    pub passed_over: Vec<(&'static str, &'static str)>,
}

/// A check that failed. The ones after it were not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{check}: {seen}")]
pub struct Failed {
    /// What should be.
    pub check: &'static str,
    /// What was seen instead.
    pub seen: String,
}

/// How a check ended.
pub(super) enum Done {
    Passed,
    /// This world has nothing to check it with.
    PassedOver(&'static str),
}

/// What a check says: how it ended, or what was seen instead of what should be.
pub(super) type Checked = Result<Done, String>;

/// Lists the checks, in the order in which they are made.
macro_rules! checks {
    ($($method:ident: $name:literal,)*) => {
        /// What is checked, in this order.
        pub const CHECKS: &[&str] = &[$($name),*];

        async fn run_all<W: World>(suite: &mut Suite<'_, W>) -> Result<Report, Failed> {
            let mut report = Report::default();
            $(report.note($name, suite.$method().await)?;)*
            Ok(report)
        }
    };
}

checks! {
    welcomed: "a hello is welcomed with where each scope ends, and what is to come",
    empty_tables: "an empty table says that it is done",
    read_by_read: "no frame comes that was not asked for",
    answered: "a push is answered once, with one outcome a change",
    repeated: "a change that comes again is a duplicate and changes nothing",
    live: "a change arrives where it is missing, from where the device stands",
    echoed: "a device hears of its own change as well",
    chunked: "rows come by position, in chunks that each begin where the last one ended",
    parents_first: "tables come parents first",
    complete_once: "that nothing more was missed is said once",
    resumed: "a device goes on from its markers and gets only what is newer",
    head_first: "the newest rows come first and move no marker",
    deletion: "a deletion travels as a tombstone",
    pulled: "a pull brings the same rows as the stream",
    beyond_the_end: "a marker beyond the end is epoch_changed",
    another_change: "a marker that names another change is epoch_changed",
    unknown_table: "a hello that names an unknown table is refused",
    unspoken_version: "a version that is not spoken is update_required",
    library: "the library is readable, and no device writes it",
    heartbeat: "heartbeats come, and say where each scope stands",
    given_up: "a stream that was given up brings nothing more",
    left: "acknowledging and leaving disturb nothing, and a device may come back",
    limit: "a push is taken at its limit and refused as a whole beyond",
    unknown_row: "an edit of an unknown row is gone",
    bad_alone: "a bad change fails alone",
    group_whole: "a group is taken as a whole and arrives as a whole",
    groups_in_chunks: "no group is cut between two chunks",
    group_refused: "a group with a bad change is refused as a whole",
    group_torn: "a group of which some are missing is refused",
    later_wins: "of two edits made apart the later stands, and the other is told",
    loser_kept: "what lost is kept as a revision that every device hears of",
    unseen_deletion: "a deletion takes no edit that it had not seen",
    revived: "a deleted row is gone to an edit, and a later put brings it back whole",
    untrashed: "an edit by who had not seen the trash brings the row back",
    wrong_clock: "a clock that is wrong is set right, either way",
    patched: "a long text travels as a patch",
    need_full: "a patch on a text that is not there is answered need_full",
    verified: "comparing tells what is the same, what is behind and what differs",
}

/// Runs the whole suite.
///
/// # Errors
/// The first check that failed, and what was seen.
pub async fn run<W: World>(world: &mut W) -> Result<Report, Failed> {
    let rules = world.rules();
    let Some(table) = writable(rules) else {
        return Err(Failed {
            check: "the schema has a table that devices write",
            seen: "there is none".to_string(),
        });
    };
    run_all(&mut Suite::new(world, rules, table)).await
}

fn writable(rules: Rules) -> Option<&'static TableSpec> {
    let writable = |table: &&&TableSpec| table.lives_in(OWN) && !table.server_only;
    rules.schema.tables.iter().find(writable).copied()
}

impl Report {
    fn note(&mut self, check: &'static str, checked: Checked) -> Result<(), Failed> {
        match checked {
            Ok(Done::Passed) => self.passed.push(check),
            Ok(Done::PassedOver(why)) => self.passed_over.push((check, why)),
            Err(seen) => return Err(Failed { check, seen }),
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} checks passed", self.passed.len())?;
        for (check, why) in &self.passed_over {
            writeln!(f, "passed over, for {why}: {check}")?;
        }
        Ok(())
    }
}

/// Ends a check when something is not as it should be.
macro_rules! ensure {
    ($should:expr, $($seen:tt)*) => {
        if !$should {
            return Err(alloc::format!($($seen)*));
        }
    };
}
pub(super) use ensure;
