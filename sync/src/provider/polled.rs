//! A stream made of pulls, for providers of the gateway mode: they ask again and again, and their
//! engine reads frames as from a stream.
//!
//! Pure: a host pulls when [`Polled::next_frame`] has nothing, at once until everything missed is here
//! and every [`POLL_MS`](crate::limits::POLL_MS) from then on, and feeds what came.

use crate::device::retry::LinkFailure;
use crate::frame::{Delta, Heartbeat, Hello, ScopeChange, ServerFrame, Welcome};
use crate::row::Row;
use crate::scope::{Marker, Scope};
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

/// One such stream.
#[derive(Debug)]
pub struct Polled {
    /// The next pull's, as far as it is known: the markers after all that came.
    hello: Hello,
    frames: VecDeque<ServerFrame>,
    /// How many pulls have come.
    pulls: u32,
    is_live: bool,
    /// Tables that said that they are done; later pulls say it again.
    done: BTreeSet<(Scope, String)>,
}

/// What a pull brought of one scope once the stream is live.
struct News {
    from: Marker,
    to: Marker,
    rows: Vec<Row>,
}

impl Polled {
    /// A stream for the device that says this.
    #[must_use]
    pub const fn new(hello: Hello) -> Self {
        Self {
            hello,
            frames: VecDeque::new(),
            pulls: 0,
            is_live: false,
            done: BTreeSet::new(),
        }
    }

    /// What to pull with.
    #[must_use]
    pub fn hello(&self, device_time_ms: u64) -> Hello {
        Hello {
            device_time_ms,
            ..self.hello.clone()
        }
    }

    /// Whether everything that was missed has come, so that the next pull can wait.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.is_live
    }

    /// The next frame, if it has come.
    pub fn next_frame(&mut self) -> Option<ServerFrame> {
        self.frames.pop_front()
    }

    /// Takes what a pull brought.
    ///
    /// # Errors
    /// So much happened since the last pull that it is better caught up with: the stream ends,
    /// and the next one begins where the device stands.
    pub fn take(&mut self, pulled: Vec<ServerFrame>) -> Result<(), LinkFailure> {
        self.pulls = self.pulls.saturating_add(1);
        if self.is_live {
            self.take_news(pulled)
        } else {
            for frame in pulled {
                self.take_missed(frame);
            }
            Ok(())
        }
    }

    fn take_missed(&mut self, frame: ServerFrame) {
        match &frame {
            // Each pull begins with these; the stream does so once.
            ServerFrame::Welcome(_) | ServerFrame::Head(_) if self.pulls > 1 => return,
            ServerFrame::Delta(delta) => {
                let done = (delta.scope.clone(), delta.table.clone());
                if self.done.contains(&done) && delta.rows.is_empty() && delta.from == delta.to {
                    return;
                }
                if delta.is_last_chunk {
                    self.done.insert(done);
                }
                self.stand(delta);
            }
            ServerFrame::DeltaComplete {} => self.is_live = true,
            ServerFrame::Change(change) => self.move_to(change),
            _ => {}
        }
        self.frames.push_back(frame);
    }

    fn stand(&mut self, delta: &Delta) {
        self.hello.markers.set(&delta.scope, &delta.table, delta.to);
    }

    /// A pull goes on for a little after it has told all that was missed.
    fn move_to(&mut self, change: &ScopeChange) {
        let here = self.done.iter().filter(|(scope, _)| *scope == change.scope);
        for (scope, table) in here {
            self.hello.markers.set(scope, table, change.to);
        }
    }

    /// A pull tells table by table what a stream would have told as it happened.
    fn take_news(&mut self, pulled: Vec<ServerFrame>) -> Result<(), LinkFailure> {
        let mut server_time_ms = 0;
        let mut news: BTreeMap<Scope, News> = BTreeMap::new();
        let mut is_whole = false;
        for frame in pulled {
            match frame {
                ServerFrame::Welcome(Welcome {
                    server_time_ms: ms, ..
                }) => server_time_ms = ms,
                ServerFrame::Delta(delta) if delta.error.is_none() => {
                    self.stand(&delta);
                    let here = news.entry(delta.scope).or_insert(News {
                        from: delta.from,
                        to: delta.to,
                        rows: Vec::new(),
                    });
                    here.to = delta.to;
                    here.rows.extend(delta.rows);
                }
                ServerFrame::DeltaComplete {} => is_whole = true,
                ServerFrame::Change(change) => {
                    self.move_to(&change);
                    if let Some(here) = news.get_mut(&change.scope) {
                        here.to = change.to;
                        here.rows.extend(change.rows);
                    }
                }
                ServerFrame::Head(_) | ServerFrame::Heartbeat(_) => {}
                frame => {
                    self.frames.push_back(frame);
                    return Ok(());
                }
            }
        }
        if !is_whole {
            return Err(LinkFailure::Ended);
        }
        let positions = news.iter().map(|(scope, here)| (scope.clone(), here.to));
        let heartbeat = Heartbeat {
            server_time_ms,
            positions: positions.collect(),
        };
        for (scope, News { from, to, mut rows }) in news {
            rows.sort_by_key(|row| row.lsn);
            if to != from {
                self.frames.push_back(ServerFrame::Change(ScopeChange {
                    scope,
                    from,
                    to,
                    rows,
                }));
            }
        }
        self.frames.push_back(ServerFrame::Heartbeat(heartbeat));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{SCHEMA, insert};
    use crate::frame::FeedPhase;
    use crate::hub::ledger::{Ledger, Names};
    use crate::id::Id;
    use crate::scope::{Markers, OWN};
    use alloc::string::ToString;
    use alloc::vec;

    /// A server, and what a device that polls it reads.
    struct World {
        ledger: Ledger,
        names: Names,
        polled: Polled,
    }

    impl World {
        fn new() -> Self {
            let hello = Hello {
                device_id: Id::from_u128(1),
                markers: Markers::default(),
                tables: SCHEMA.tables.iter().map(|t| t.name.to_string()).collect(),
                schema_version: SCHEMA.version,
                device_time_ms: 0,
            };
            Self {
                ledger: Ledger::new(crate::fixture::RULES),
                names: [(Scope::named(OWN), OWN.into())].into(),
                polled: Polled::new(hello),
            }
        }

        /// Pulls, and somebody writes when all that was missed is told and the pull goes on.
        fn pull_while_written(&mut self, number: u128) -> Vec<ServerFrame> {
            let session = self.ledger.open(&self.polled.hello(0), &self.names);
            let mut session = session.expect("a session");
            let mut frames = vec![session.welcome(9)];
            while !session.is_live() {
                let next = self.ledger.advance(&mut session, &self.names);
                frames.extend(next.unwrap_or_default());
            }
            self.write(number);
            let next = self.ledger.advance(&mut session, &self.names);
            frames.extend(next.unwrap_or_default());
            assert_eq!(frames.last().map(ServerFrame::kind), Some("change"));
            self.polled.take(frames).expect("taken");
            core::iter::from_fn(|| self.polled.next_frame()).collect()
        }

        fn write(&mut self, number: u128) {
            let push = crate::frame::Push {
                device_id: Id::from_u128(2),
                changes: vec![insert(number, u64::try_from(number).unwrap_or(1), "text")],
                schema_version: SCHEMA.version,
                device_time_ms: 1,
            };
            self.ledger.push(OWN, &push, 1);
        }

        /// Pulls with so many reads, and tells the frames that come of it.
        fn pull(&mut self, reads: usize) -> Result<Vec<ServerFrame>, LinkFailure> {
            let hello = self.polled.hello(0);
            let session = self.ledger.open(&hello, &self.names);
            let mut session = session.expect("a session");
            let mut frames = vec![session.welcome(9)];
            for _ in 0..reads {
                let next = self.ledger.advance(&mut session, &self.names);
                frames.extend(next.unwrap_or_default());
            }
            self.polled.take(frames)?;
            Ok(core::iter::from_fn(|| self.polled.next_frame()).collect())
        }
    }

    fn kinds(frames: &[ServerFrame]) -> Vec<&'static str> {
        frames.iter().map(ServerFrame::kind).collect()
    }

    #[test]
    fn a_catch_up_of_many_pulls_reads_as_one_stream() {
        let mut world = World::new();
        for number in 1..=450 {
            world.write(number);
        }
        // Some of these go into what is done already: each pull says it again.
        let reads = SCHEMA.tables.len() + 2;
        let (mut all, mut pulls) = (Vec::new(), 0);
        while !world.polled.is_live() {
            all.extend(world.pull(reads).expect("taken"));
            pulls += 1;
            assert!(pulls < 10, "it does not come to an end");
        }
        assert!(pulls > 1, "there was nothing to put together");
        let rows = all.iter().map(|frame| match frame {
            ServerFrame::Delta(delta) => delta.rows.len(),
            _ => 0,
        });
        assert_eq!(rows.sum::<usize>(), 450);
        let kinds = kinds(&all);
        let count = |kind| kinds.iter().filter(|k| **k == kind).count();
        assert_eq!(count("welcome"), 1);
        assert_eq!(kinds.first(), Some(&"welcome"));
        assert_eq!(kinds.last(), Some(&"delta_complete"));
        assert_eq!(count("delta_complete"), 1);
        let ServerFrame::Welcome(welcome) = &all[0] else {
            unreachable!("a welcome was first")
        };
        assert_eq!(welcome.phase, FeedPhase::Initial);
    }

    #[test]
    fn what_happens_later_comes_as_a_change_from_where_the_device_stands() {
        let mut world = World::new();
        world.write(1);
        world.pull(100).expect("taken");
        assert_eq!(kinds(&world.pull(100).expect("taken")), ["heartbeat"]);
        world.write(2);
        world.write(3);
        let news = world.pull(100).expect("taken");
        assert_eq!(kinds(&news), ["change", "heartbeat"]);
        let (ServerFrame::Change(change), ServerFrame::Heartbeat(beat)) = (&news[0], &news[1])
        else {
            unreachable!("see above")
        };
        assert_eq!((change.from.lsn, change.to.lsn), (1, 3));
        assert!(change.rows.iter().map(|row| row.lsn).eq([2, 3]));
        assert_eq!(beat.positions[&change.scope], change.to);
        assert_eq!(kinds(&world.pull(100).expect("taken")), ["heartbeat"]);
    }

    #[test]
    fn what_happens_while_a_pull_goes_on_comes_once() {
        let mut world = World::new();
        world.write(1);
        let missed = world.pull_while_written(2);
        assert_eq!(kinds(&missed).last(), Some(&"change"));
        assert_eq!(kinds(&world.pull(100).expect("taken")), ["heartbeat"]);
        world.write(3);
        let news = world.pull_while_written(4);
        assert_eq!(kinds(&news), ["change", "heartbeat"]);
        let ServerFrame::Change(change) = &news[0] else {
            unreachable!("see above")
        };
        assert_eq!((change.from.lsn, change.to.lsn), (2, 4));
        assert!(change.rows.iter().map(|row| row.lsn).eq([3, 4]));
        assert_eq!(kinds(&world.pull(100).expect("taken")), ["heartbeat"]);
    }

    #[test]
    fn more_news_than_one_pull_brings_end_the_stream() {
        let mut world = World::new();
        world.pull(100).expect("taken");
        world.write(1);
        assert_eq!(world.pull(0), Err(LinkFailure::Ended));
    }
}
