//! Devices that push without a pause, and send again what was not answered.

use crate::entries::{WORDS, edited, name, written};
use crate::ledger::{Faults, Ledger};
use crate::line::Line;
use crate::person::{Person, Said};
use anyhow::{Result, bail};
use server::clock::random_below;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use sync::change::Change;
use sync::limits::PUSH_CHANGES_MAX;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// How many changes a push has at most.
pub(crate) const PUSH_MAX: usize = PUSH_CHANGES_MAX;

/// How many changes these devices push at a time, at most: of many small pushes, more are under
/// way when something is killed.
const BATCH_MAX: u64 = 20;

/// One change of so many is an edit of an earlier entry.
const EDIT_EVERY: u64 = 4;

/// With the planted fault, one push of so many is written twice.
const TWICE_EVERY: u64 = 50;

/// How often what got no outcome is sent again.
const TRIES_MAX: usize = 10;

/// How long an answer may take before a device gives it up.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// One device.
pub(crate) struct Writer {
    person: Person,
    /// Of its person, whose devices share it.
    ledger: Arc<Mutex<Ledger>>,
    line: Option<Line>,
    /// What was sent and not answered.
    pending: Vec<Change>,
    /// The newest state of the entries that it wrote.
    own: Vec<Change>,
    planted: bool,
}

/// So many people with two devices each.
pub(crate) async fn writers(
    address: SocketAddr,
    people: usize,
    planted: bool,
) -> Result<Vec<Writer>> {
    let mut writers = Vec::new();
    for person in Person::crowd(address, people).await? {
        let ledger = Arc::new(Mutex::new(Ledger::of(person.clone())));
        for person in [person.other_device()?, person] {
            writers.push(Writer {
                person,
                ledger: ledger.clone(),
                line: None,
                pending: Vec::new(),
                own: Vec::new(),
                planted,
            });
        }
    }
    Ok(writers)
}

/// The lists of these devices, each once.
pub(crate) fn ledgers(writers: Vec<Writer>) -> Vec<Ledger> {
    let shared = writers.into_iter().map(|writer| writer.ledger);
    let own = shared.filter_map(Arc::into_inner);
    own.map(Mutex::into_inner).collect()
}

/// All faults that these devices met.
pub(crate) fn faults(ledgers: &[Ledger]) -> Faults {
    let mut faults = Faults::default();
    for ledger in ledgers {
        faults += &ledger.faults;
    }
    faults
}

impl Writer {
    /// Sends something, or again what was not answered. An error is an answer that did not come,
    /// or a server that cannot take anything now; then it is to be sent again.
    pub(crate) async fn once(&mut self, address: SocketAddr) -> Result<()> {
        if self.pending.is_empty() {
            self.pending = self.something()?;
        }
        let mut line = match self.line.take() {
            Some(line) => line,
            None => Line::open(address).await?,
        };
        let pushed = self.person.push(&mut line, self.pending.clone());
        let said = timeout(ANSWER_MAX, pushed).await??;
        match said {
            Said::Taken(outcomes) => {
                let mut ledger = self.ledger.lock().await;
                let mut left = Vec::new();
                for change in std::mem::take(&mut self.pending) {
                    match outcomes.get(&change.op_id) {
                        Some(outcome) => ledger.answered(&change, outcome),
                        None => left.push(change),
                    }
                }
                drop(ledger);
                self.pending = left;
            }
            Said::Refused(503, said) => {
                self.line = Some(line);
                bail!("not now: {said}");
            }
            Said::Refused(status, said) => {
                let what = format!("a push was answered with {status}: {said}");
                self.ledger.lock().await.faults.other(what.clone());
                bail!(what);
            }
        }
        if self.planted && random_below(TWICE_EVERY) == 0 {
            let twice = written(self.person.device_id, "Written twice.")?;
            self.person.push(&mut line, vec![twice]).await?;
        }
        self.line = Some(line);
        Ok(())
    }

    /// Sends again what was not answered, until it is.
    pub(crate) async fn settle(&mut self, address: SocketAddr) -> Result<()> {
        for _ in 0..TRIES_MAX {
            if self.pending.is_empty() {
                return Ok(());
            }
            self.once(address).await?;
        }
        let what = format!("{} changes never got an outcome", self.pending.len());
        self.ledger.lock().await.faults.other(what);
        self.pending.clear();
        Ok(())
    }

    /// Compares what its person's journal has with what was acknowledged. No other device of
    /// that person may write meanwhile.
    pub(crate) async fn compare(&self, line: &mut Line) -> Result<()> {
        self.ledger.lock().await.compare(line).await
    }

    /// Whoever served it is gone. Tells whether that left something unanswered.
    pub(crate) async fn hang_up(&mut self) -> bool {
        self.line = None;
        let is_interrupted = !self.pending.is_empty();
        if self.planted {
            let mut ledger = self.ledger.lock().await;
            for change in std::mem::take(&mut self.pending) {
                ledger.claimed(&change);
            }
        }
        is_interrupted
    }

    /// A few new entries, and edits of earlier ones.
    fn something(&mut self) -> Result<Vec<Change>> {
        let node = self.person.device_id;
        let mut changes = Vec::new();
        for _ in 0..=random_below(BATCH_MAX) {
            let body = format!("{WORDS} {}", name()?);
            let earlier = usize::try_from(random_below(self.own.len().try_into()?))?;
            let is_edit = random_below(EDIT_EVERY) == 0 && earlier < self.own.len();
            let earlier = is_edit.then(|| self.own.swap_remove(earlier));
            changes.push(match &earlier {
                Some(seen) => edited(node, seen, &body)?,
                None => written(node, &body)?,
            });
        }
        // Edited again when they have been sent: not twice in one push.
        self.own.extend(changes.iter().cloned());
        Ok(changes)
    }
}
