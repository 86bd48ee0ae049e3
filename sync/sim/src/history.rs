//! A history: what people do and what goes wrong, as data. It is generated from a seed, replayed
//! without it, shrunk by dropping events, and kept as a file when it has found something.

use serde::{Deserialize, Serialize};

/// Everything a run depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Decides latencies and other small chances, the same in every replay.
    pub salt: u64,
    /// How many people there are.
    pub people: u8,
    /// How many devices each of them has.
    pub devices: u8,
    /// How many tabs each device may open.
    pub tabs: u8,
    /// How many server nodes there are, over one database.
    pub nodes: u8,
    /// Frames travel as text and back, as they do on the wire.
    pub wire: bool,
    /// The tables of the journal, instead of the small ones.
    pub journal: bool,
    /// What happens, by time.
    pub events: Vec<Event>,
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When, in milliseconds from the beginning.
    pub at_ms: u64,
    /// What.
    pub what: What,
}

impl Event {
    /// Whether the database is put back.
    #[must_use]
    pub const fn is_restore(&self) -> bool {
        matches!(
            self.what,
            What::Fault {
                fault: Fault::Restore,
                ..
            }
        )
    }
}

/// What may happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Somebody writes.
    Write {
        /// On which device.
        device: u8,
        /// In which of its tabs.
        tab: u8,
        /// Which of the person's rows.
        slot: u8,
        /// What.
        write: Write,
    },
    /// Something is asked of a device.
    Ask {
        /// Which one.
        device: u8,
        /// What.
        ask: Ask,
    },
    /// Something goes wrong.
    Fault {
        /// With which device; a person and a node follow from it.
        device: u8,
        /// What.
        fault: Fault,
        /// For how long in milliseconds, how often, or how far; each fault says which.
        amount: u32,
    },
    /// The servers answer, but not what was hoped for.
    Trouble {
        /// To which device, where it is not all of them.
        device: u8,
        /// What.
        trouble: Trouble,
        /// How often.
        amount: u32,
    },
}

/// What somebody writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Write {
    /// A whole new row.
    Insert,
    /// A short text.
    Short,
    /// Another line at the end of a long text.
    Append,
    /// Another line at its beginning.
    Prepend,
    /// Another line in place of one.
    Replace,
    /// Something that is no text.
    Other,
    /// Puts the row into the trash.
    Trash,
    /// Takes it out again.
    Restore,
    /// Deletes it for good.
    Delete,
    /// Edits of several rows that belong together.
    Together,
    /// A short text that the server refuses until the calm.
    Refused,
    /// A short text for which it refuses the whole push until the calm.
    Poison,
    /// A line so long that only what changes of it is sent.
    Swell,
    /// Edits of very many rows that belong together.
    Large,
    /// Very many new rows, one after the other.
    Many,
}

/// What a server answers, to so many requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// It is busy, and says when to come back.
    Busy,
    /// It has failed.
    Broken,
    /// It takes too long to write, says what stands before it.
    Away,
    /// A row that does not fit its table on the device, until the device has set it aside.
    Misfit,
}

/// What is asked of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// Look now.
    Wake,
    /// Compare both sides.
    Verify,
    /// Take everything anew.
    Reset,
    /// Try again what was refused.
    Retry,
    /// Open another tab.
    OpenTab,
    /// Close one.
    CloseTab,
    /// Clear out what has served its time.
    Collect,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// So many messages are lost.
    Drop,
    /// So many messages come twice.
    Duplicate,
    /// So many messages change places with the next.
    Reorder,
    /// Everything is so much slower for a while.
    Delay,
    /// A stream breaks in the middle of a frame.
    Truncate,
    /// For so long, answers come through and requests do not.
    CutUp,
    /// For so long nothing comes through; then all of it does.
    Clog,
    /// Streams stand and carry nothing; nobody is told.
    HalfOpen,
    /// A tab dies at the so-manyth commit from now, before or after it.
    CrashAtCommit,
    /// So many commits are aborted.
    AbortCommit,
    /// For so long there is no room on the disk.
    Quota,
    /// The browser throws the whole store away.
    Evict,
    /// The device sleeps for so long.
    Sleep,
    /// Its clock jumps so far ahead or back.
    ClockJump,
    /// Its clock is wrong from the beginning.
    ClockSkew,
    /// Another tab is opened and both write; news between them is lost.
    TwoTabs,
    /// A second tab takes the lead, and the first is not told for so long.
    LockStolen,
    /// The leading tab stands still for so long.
    FrozenLeader,
    /// The device runs the version before.
    OldVersion,
    /// A node dies before it commits the next push.
    CrashBeforeCommit,
    /// A node dies after it committed the next push, before it answers.
    CrashAfterCommit,
    /// The next push is committed, and its answer is an error.
    CommitUnknown,
    /// For so long, other nodes hear of commits late or not at all.
    LateVisibility,
    /// A node restarts.
    Restart,
    /// The database is put back to where it was so long ago.
    Restore,
    /// Tombstones are cleared out early.
    TombstonesDropped,
    /// A person's sessions end, for so long.
    SessionEnds,
    /// A person's account is erased.
    Erase,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 28] = [
        Self::Drop,
        Self::Duplicate,
        Self::Reorder,
        Self::Delay,
        Self::Truncate,
        Self::CutUp,
        Self::Clog,
        Self::HalfOpen,
        Self::CrashAtCommit,
        Self::AbortCommit,
        Self::Quota,
        Self::Evict,
        Self::Sleep,
        Self::ClockJump,
        Self::ClockSkew,
        Self::TwoTabs,
        Self::LockStolen,
        Self::FrozenLeader,
        Self::OldVersion,
        Self::CrashBeforeCommit,
        Self::CrashAfterCommit,
        Self::CommitUnknown,
        Self::LateVisibility,
        Self::Restart,
        Self::Restore,
        Self::TombstonesDropped,
        Self::SessionEnds,
        Self::Erase,
    ];
}
