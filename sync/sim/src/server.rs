//! The server's side: nodes that come and go over one database, sessions, and accounts.

use crate::history::Trouble;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use sync::device::effect::Link;
use sync::frame::{
    Acknowledged, Hello, Outcome, Push, PushResult, ServerError, ServerFrame, Verified, Verify,
};
use sync::hub::ledger::{Ledger, Names};
use sync::hub::session::Session;
use sync::id::Id;
use sync::limits::{CHUNK_ROWS_MAX, PUSH_CHANGES_MAX};
use sync::planted;
use sync::scope::{LIBRARY, Lsn, OWN, Scope};

/// How many frames of a stream may be on their way: a slow reader holds the server back.
pub const FRAMES_AHEAD_MAX: usize = 4;

/// All nodes, and the database behind them.
#[derive(Debug)]
pub struct Servers {
    /// The database: every call is one transaction.
    pub ledger: Ledger,
    /// Earlier states of it, with their time.
    pub backups: VecDeque<(u64, Ledger)>,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// The streams that stand.
    pub streams: BTreeMap<u64, Stream>,
    /// Until when a person's sessions do not hold.
    pub signed_out_until_ms: BTreeMap<u8, u64>,
    /// People whose accounts were erased.
    pub erased: BTreeSet<u8>,
    /// Texts that are refused for now.
    pub refused: BTreeSet<String>,
    /// Texts for which a whole push is refused for now.
    pub poison: BTreeSet<String>,
    /// All texts that were ever refused in either way.
    pub offensive: BTreeSet<String>,
    /// What is answered to so many of the next requests.
    pub answers: Option<(Trouble, u32)>,
    /// How often a server said that it had failed.
    pub failures: u64,
    /// The rows that do not fit on a device, by their positions.
    pub misfits: BTreeMap<usize, Option<Lsn>>,
    /// Each person's scopes.
    names: Vec<Names>,
}

/// One node.
#[derive(Clone, Copy, Debug, Default)]
pub struct Node {
    /// It is down until then.
    pub down_until_ms: u64,
    /// What it does to the next push.
    pub next_push: Option<PushFault>,
    /// It hears of others' commits late until then.
    pub late_until_ms: u64,
}

/// What a node does to a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushFault {
    /// Dies before it commits.
    DiesBefore,
    /// Dies after it committed.
    DiesAfter,
    /// Commits, and answers with an error.
    Unknown,
}

/// A stream that stands.
#[derive(Debug)]
pub struct Stream {
    /// The node that serves it.
    pub node: usize,
    /// The device.
    pub device: usize,
    /// The tab, and which of its lives.
    pub tab: (usize, u64),
    /// The device's number for it.
    pub link: Link,
    /// Whose it is.
    pub person: u8,
    /// The session.
    pub session: Option<Session>,
    /// What is still to be said.
    pub queue: VecDeque<ServerFrame>,
    /// How many frames are on their way or not read yet.
    pub ahead: usize,
    /// When the last frame arrives; the next does not overtake it.
    pub last_ms: u64,
    /// It carries nothing, and nobody is told.
    pub dead: bool,
}

/// The server's name for a person's scope.
#[must_use]
pub fn own(person: u8) -> String {
    format!("{OWN}:{person}")
}

fn names_of(person: u8) -> Names {
    vec![
        (Scope::named(LIBRARY), LIBRARY.to_owned()),
        (Scope::named(OWN), own(person)),
    ]
}

impl Servers {
    /// Nodes over an empty database, for so many people.
    #[must_use]
    pub fn new(ledger: Ledger, nodes: usize, people: u8) -> Self {
        Self {
            ledger,
            backups: VecDeque::new(),
            nodes: vec![Node::default(); nodes],
            streams: BTreeMap::new(),
            signed_out_until_ms: BTreeMap::new(),
            erased: BTreeSet::new(),
            refused: BTreeSet::new(),
            poison: BTreeSet::new(),
            offensive: BTreeSet::new(),
            answers: None,
            failures: 0,
            misfits: BTreeMap::new(),
            names: (0..people).map(names_of).collect(),
        }
    }

    /// The scopes of a person's session.
    #[must_use]
    pub fn names(&self, person: u8) -> &Names {
        &self.names[usize::from(person)]
    }

    /// Whether a person's session holds.
    #[must_use]
    pub fn holds(&self, person: u8, now_ms: u64) -> bool {
        let until_ms = self.signed_out_until_ms.get(&person).copied().unwrap_or(0);
        now_ms >= until_ms && !self.erased.contains(&person)
    }

    /// Takes a push, in one transaction.
    ///
    /// # Panics
    /// The device sent more than a push may carry.
    pub fn take(&mut self, person: u8, push: &Push, now_ms: u64) -> PushResult {
        assert!(
            push.changes.len() <= PUSH_CHANGES_MAX,
            "bounded: {} changes",
            push.changes.len()
        );
        let is_refused = |text: &sync::value::Value| {
            sync::table::text(text).is_some_and(|text| self.refused.contains(text))
        };
        let refuses = |change: &sync::change::Change| change.fields.values().any(is_refused);
        let groups: BTreeSet<Id> = push
            .changes
            .iter()
            .filter(|change| refuses(change))
            .filter_map(|change| Some(change.group?.id))
            .collect();
        let with_refused = |change: &sync::change::Change| {
            refuses(change) || change.group.is_some_and(|group| groups.contains(&group.id))
        };
        let (refused, taken): (Vec<_>, Vec<_>) =
            push.changes.iter().cloned().partition(with_refused);
        let scope = if planted!(ScopesAreMixed) {
            own(0)
        } else {
            own(person)
        };
        let taken = Push {
            changes: taken,
            ..push.clone()
        };
        let mut result = self.ledger.push(&scope, &taken, now_ms);
        for change in refused {
            let outcome = Outcome::Rejected {
                code: "refused".to_owned(),
                message: "Not these words.".to_owned(),
            };
            result.outcomes.insert(change.op_id, outcome);
        }
        result
    }

    /// Opens a session for a device of this person.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub fn open(&self, person: u8, hello: &Hello) -> Result<Session, ServerError> {
        self.ledger.open(hello, self.names(person))
    }

    /// Compares a device's digests with the database.
    #[must_use]
    pub fn verify(&self, person: u8, verify: &Verify) -> Verified {
        self.ledger.verify(self.names(person), verify)
    }

    /// Notes how far a device of this person has stored everything.
    pub fn acknowledge(&mut self, person: u8, said: &Acknowledged, now_ms: u64) {
        self.ledger
            .acknowledge(&self.names[usize::from(person)], said, now_ms);
    }

    /// Reads on for a stream.
    ///
    /// # Panics
    /// A chunk has more rows than it may.
    pub fn advance(&mut self, number: u64) -> bool {
        let Some(stream) = self.streams.get_mut(&number) else {
            return false;
        };
        let Some(session) = stream.session.as_mut() else {
            return false;
        };
        let person = match planted!(FeedsAreMixed) {
            true => 0,
            false => usize::from(stream.person),
        };
        let Some(frames) = self.ledger.advance(session, &self.names[person]) else {
            return false;
        };
        for frame in &frames {
            if let ServerFrame::Delta(delta) = frame {
                assert!(delta.rows.len() <= CHUNK_ROWS_MAX, "bounded: a chunk");
            }
        }
        // An error is the last thing that is said, and no sign of life follows it.
        if matches!(frames.last(), Some(ServerFrame::Error(_))) {
            stream.session = None;
        }
        stream.queue.extend(frames);
        true
    }

    /// Keeps a copy of the database, to be put back later.
    pub fn back_up(&mut self, now_ms: u64) {
        self.backups.push_back((now_ms, self.ledger.clone()));
        if self.backups.len() > 8 {
            self.backups.pop_front();
        }
    }

    /// Puts the database back to where it was about so long ago.
    pub fn restore(&mut self, now_ms: u64, ago_ms: u64) -> bool {
        let wanted_ms = now_ms.saturating_sub(ago_ms);
        let backup = self
            .backups
            .iter()
            .rev()
            .find(|(at_ms, _)| *at_ms <= wanted_ms);
        let Some((_, ledger)) = backup.or(self.backups.front()) else {
            return false;
        };
        let ledger = ledger.clone();
        let erased = self.erased.clone();
        self.ledger = ledger;
        for person in erased {
            planted!(EraseIsUndone, break);
            self.ledger.erase(&own(person));
        }
        true
    }
}
