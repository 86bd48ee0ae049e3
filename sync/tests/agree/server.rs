//! A server in memory, with faults to switch on.

use crate::tables::{RULES, SCHEMA};
use std::collections::BTreeMap;
use sync::device::retry::LinkFailure;
use sync::frame::{
    Acknowledged, DeviceFrame, Hello, Outcome, Push, PushResult, ServerFrame, Verified, Verify,
};
use sync::hub::collect::Retention;
use sync::hub::ledger::{Ledger, Log, Names};
use sync::hub::session::Session;
use sync::id::Id;
use sync::row::Row;
use sync::scope::{LIBRARY, OWN, Scope};

/// The server's wall clock at the beginning, which no device shares.
pub(crate) const SERVER_MS: u64 = 1_800_000_000_000;

pub(crate) struct Server {
    ledger: Ledger,
    names: Names,
    pub(crate) now_ms: u64,
    /// How many changes were really written.
    pub(crate) applied: u32,
    /// Nothing gets through.
    pub(crate) away: bool,
    /// So many answers to pushes get lost after the push was taken.
    pub(crate) lose_answers: u32,
    /// Nobody has a session.
    pub(crate) signed_out: bool,
    /// Changes with this text are refused.
    pub(crate) refuse_text: Option<String>,
    /// Pushes with this text are refused whole.
    pub(crate) choke_on: Option<String>,
    /// Streams break after so many frames, once.
    pub(crate) cut_after_frames: Option<u32>,
    /// This row is sent without its text.
    pub(crate) spoil: Option<Id>,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self {
            ledger: Ledger::new(RULES),
            names: [OWN, LIBRARY]
                .map(|name| (Scope::named(name), name.into()))
                .into(),
            now_ms: SERVER_MS,
            applied: 0,
            away: false,
            lose_answers: 0,
            signed_out: false,
            refuse_text: None,
            choke_on: None,
            cut_after_frames: None,
            spoil: None,
        }
    }

    /// The store as it is now.
    pub(crate) fn backup(&self) -> Ledger {
        self.ledger.clone()
    }

    /// The store is put back as it was.
    pub(crate) fn restore(&mut self, backup: Ledger) {
        self.ledger = backup;
    }

    pub(crate) fn log(&self) -> &Log {
        self.ledger.log(OWN).expect("a log")
    }

    pub(crate) fn row(&self, table: &str, key: u128) -> Option<&Row> {
        let named = |row: &&Row| row.table == table && row.key == Id::from_u128(key);
        self.log().rows().find(named)
    }

    /// Clears out what has served its time.
    pub(crate) fn collect(&mut self) {
        self.ledger.collect(OWN, self.now_ms, Retention::default());
    }

    fn check(&self) -> Result<(), LinkFailure> {
        match (self.away, self.signed_out) {
            (true, _) => Err(LinkFailure::Unreachable),
            (_, true) => Err(LinkFailure::Unauthorized),
            _ => Ok(()),
        }
    }

    /// The first frames of a stream, and its session if it has one.
    pub(crate) fn open(
        &self,
        hello: &Hello,
    ) -> Result<(Option<Session>, Vec<ServerFrame>), LinkFailure> {
        self.check()?;
        over_the_wire(&DeviceFrame::Hello(hello.clone()));
        Ok(match self.ledger.open(hello, &self.names) {
            Ok(session) => {
                let welcome = session.welcome(self.now_ms);
                (Some(session), vec![welcome])
            }
            Err(error) => (None, vec![ServerFrame::Error(error)]),
        })
    }

    /// What a session says next; nothing when it waits.
    pub(crate) fn next(&mut self, session: &mut Session) -> Result<Vec<ServerFrame>, LinkFailure> {
        self.check()?;
        if let Some(left) = &mut self.cut_after_frames {
            if *left == 0 {
                self.cut_after_frames = None;
                return Err(LinkFailure::Ended);
            }
            *left -= 1;
        }
        let mut frames = self
            .ledger
            .advance(session, &self.names)
            .unwrap_or_default();
        for frame in &mut frames {
            let (ServerFrame::Delta(sync::frame::Delta { rows, .. })
            | ServerFrame::Head(sync::frame::Head { rows, .. })
            | ServerFrame::Change(sync::frame::ScopeChange { rows, .. })) = frame
            else {
                continue;
            };
            for row in rows.iter_mut().filter(|row| Some(row.key) == self.spoil) {
                row.fields.remove("text");
            }
        }
        Ok(frames)
    }

    pub(crate) fn heartbeat(&self, session: &Session) -> ServerFrame {
        session.heartbeat(self.now_ms)
    }

    pub(crate) fn push(&mut self, push: &Push) -> Result<PushResult, LinkFailure> {
        self.check()?;
        over_the_wire(&DeviceFrame::Push(push.clone()));
        let says = |text: &Option<String>, change: &sync::change::Change| {
            let said = change.fields.get("text").and_then(sync::table::text);
            text.is_some() && said == text.as_ref()
        };
        if push
            .changes
            .iter()
            .any(|change| says(&self.choke_on, change))
        {
            return Err(LinkFailure::Server {
                status: 400,
                code: "bad_request".into(),
                retry_after_ms: None,
            });
        }
        let mut push = push.clone();
        let mut refused = BTreeMap::new();
        push.changes.retain(|change| {
            let refuse = says(&self.refuse_text, change);
            if refuse {
                let (code, message) = ("refused".into(), "Not these words.".into());
                refused.insert(change.op_id, Outcome::Rejected { code, message });
            }
            !refuse
        });
        let mut result = self.ledger.push(OWN, &push, self.now_ms);
        let written = |outcome: &&Outcome| matches!(outcome, Outcome::Applied { .. });
        let written = result.outcomes.values().filter(written).count();
        self.applied += u32::try_from(written).expect("few");
        result.outcomes.extend(refused);
        if self.lose_answers > 0 {
            self.lose_answers -= 1;
            return Err(LinkFailure::Unreachable);
        }
        Ok(result)
    }

    pub(crate) fn acknowledge(&mut self, said: &Acknowledged) {
        over_the_wire(&DeviceFrame::Ack(said.clone()));
        self.ledger.acknowledge(&self.names, said, self.now_ms);
    }

    pub(crate) fn verify(&self, verify: &Verify) -> Result<Verified, LinkFailure> {
        self.check()?;
        over_the_wire(&DeviceFrame::Verify(verify.clone()));
        Ok(self.ledger.verify(&self.names, verify))
    }
}

/// So that nothing gets through that a frame cannot carry.
fn over_the_wire(frame: &DeviceFrame) {
    let decoded = DeviceFrame::decode(&frame.encode(), &SCHEMA);
    assert_eq!(decoded.as_ref(), Ok(frame));
}
