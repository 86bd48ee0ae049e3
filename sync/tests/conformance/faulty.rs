//! Providers that do not keep their word, each in one way.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use sync::device::effect::Link;
use sync::frame::{Acknowledged, Bye, Hello, Outcome, Push, ServerFrame, Verify};
use sync::provider::memory::Memory;
use sync::provider::{Mode, Reply, Sink, SyncProvider};

/// What it does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Every third delta is lost.
    DropsAFrame,
    /// A chunk that is not the last comes after the one behind it.
    SwapsFrames,
    /// A change is told twice.
    RepeatsAChange,
    /// Frames come whether they were asked for or not.
    ReadsAhead,
    /// Nothing is said when everything missed was sent.
    ForgetsTheEnd,
    /// That is said again with every heartbeat.
    RepeatsTheEnd,
    /// Changes are answered twice.
    AnswersTwice,
    /// One outcome of several is lost.
    SwallowsAnOutcome,
    /// A duplicate is told as if it was new.
    HidesRepeats,
    /// Streams go on when they were given up.
    NeverEnds,
    /// Tombstones are left out.
    HidesDeletions,
    /// Markers are not passed on.
    ForgetsMarkers,
    /// A pull stops short and says that this was all.
    CutsPulls,
}

impl Fault {
    /// Every fault, with words of the check that notices it and of what that sees.
    pub(crate) const ALL: [(Self, &'static str, &'static str); 13] = [
        (
            Self::DropsAFrame,
            "hello is welcomed",
            "did not say that it is done",
        ),
        (
            Self::SwapsFrames,
            "chunks that each begin where",
            "where the device stands at",
        ),
        (
            Self::RepeatsAChange,
            "from where the device stands",
            "where the device stands at",
        ),
        (Self::ReadsAhead, "not asked for", "this came unasked"),
        (Self::ForgetsTheEnd, "hello is welcomed", "no frame came"),
        (Self::RepeatsTheEnd, "said once", "where nothing should"),
        (Self::AnswersTwice, "answered once", "answered twice"),
        (
            Self::SwallowsAnOutcome,
            "one outcome a change",
            "got no outcome",
        ),
        (
            Self::HidesRepeats,
            "is a duplicate",
            "it was answered Applied",
        ),
        (Self::NeverEnds, "given up", "this still came"),
        (
            Self::HidesDeletions,
            "deletion travels",
            "heartbeats came, and no change",
        ),
        (
            Self::ForgetsMarkers,
            "gets only what is newer",
            "begins at 0",
        ),
        (Self::CutsPulls, "pull brings the same", "rows were pulled"),
    ];
}

/// A way to a server with a fault in it.
#[derive(Debug)]
pub(crate) struct Faulty {
    memory: Memory,
    shared: Rc<RefCell<Shared>>,
}

#[derive(Debug)]
struct Shared {
    fault: Fault,
    /// Replies as they come from the server.
    came: VecDeque<Reply>,
    /// A frame that is kept back.
    kept: Option<Reply>,
    deltas: u32,
    sink: Option<Sink>,
}

impl Faulty {
    /// The same way, with this fault.
    pub(crate) fn over(memory: Memory, fault: Fault) -> Self {
        let shared = Shared {
            fault,
            came: VecDeque::new(),
            kept: None,
            deltas: 0,
            sink: None,
        };
        Self {
            memory,
            shared: Rc::new(RefCell::new(shared)),
        }
    }

    /// A sink that hands replies on to `sink` as the fault wants it.
    fn through(&self, sink: Sink) -> Sink {
        let shared = Rc::clone(&self.shared);
        Sink::new(move |reply| {
            for reply in shared.borrow_mut().spoil(reply) {
                sink.send(reply);
            }
        })
    }
}

impl Shared {
    /// What is handed on instead of a reply.
    fn spoil(&mut self, reply: Reply) -> Vec<Reply> {
        match (self.fault, reply) {
            (Fault::DropsAFrame, Reply::Frame(link, ServerFrame::Delta(delta))) => {
                self.deltas += 1;
                if self.deltas.is_multiple_of(3) {
                    self.came.push_back(Reply::Opened(link));
                    return Vec::new();
                }
                vec![Reply::Frame(link, ServerFrame::Delta(delta))]
            }
            (Fault::SwapsFrames, Reply::Frame(link, ServerFrame::Delta(delta))) => {
                let reply = Reply::Frame(link, ServerFrame::Delta(delta.clone()));
                if !delta.is_last_chunk && self.kept.is_none() {
                    self.kept = Some(reply);
                    self.came.push_back(Reply::Opened(link));
                    return Vec::new();
                }
                vec![reply]
            }
            (Fault::RepeatsAChange, Reply::Frame(link, ServerFrame::Change(change))) => {
                let reply = Reply::Frame(link, ServerFrame::Change(change));
                vec![reply.clone(), reply]
            }
            (Fault::ForgetsTheEnd, Reply::Frame(_, ServerFrame::DeltaComplete {})) => Vec::new(),
            (Fault::RepeatsTheEnd, Reply::Frame(link, ServerFrame::Heartbeat(heartbeat)))
                if !heartbeat.positions.is_empty() =>
            {
                vec![Reply::Frame(link, ServerFrame::DeltaComplete {})]
            }
            (Fault::AnswersTwice, Reply::Pushed(result)) => {
                vec![Reply::Pushed(result.clone()), Reply::Pushed(result)]
            }
            (Fault::SwallowsAnOutcome, Reply::Pushed(Ok(mut result))) => {
                if result.outcomes.len() > 1 {
                    result.outcomes.pop_last();
                }
                vec![Reply::Pushed(Ok(result))]
            }
            (Fault::HidesRepeats, Reply::Pushed(Ok(mut result))) => {
                for outcome in result.outcomes.values_mut() {
                    *outcome = Outcome::first(outcome).clone();
                }
                vec![Reply::Pushed(Ok(result))]
            }
            (Fault::HidesDeletions, Reply::Frame(link, ServerFrame::Change(mut change))) => {
                change.rows.retain(|row| !row.deleted);
                vec![Reply::Frame(link, ServerFrame::Change(change))]
            }
            (Fault::CutsPulls, Reply::Pulled(Ok(mut frames))) => {
                for frame in &mut frames {
                    if let ServerFrame::Delta(delta) = frame
                        && delta.is_last_chunk
                    {
                        delta.rows.clear();
                    }
                }
                vec![Reply::Pulled(Ok(frames))]
            }
            (_, reply) => vec![reply],
        }
    }
}

impl SyncProvider for Faulty {
    fn id(&self) -> &str {
        self.memory.id()
    }

    fn mode(&self) -> Mode {
        self.memory.mode()
    }

    fn subscribe(&mut self, link: Link, mut hello: Hello, sink: Sink) {
        let fault = self.shared.borrow().fault;
        if fault == Fault::ForgetsMarkers {
            hello.markers = sync::scope::Markers::default();
        }
        let sink = self.through(sink);
        self.shared.borrow_mut().sink = Some(sink.clone());
        self.memory.subscribe(link, hello, sink);
        if fault == Fault::ReadsAhead {
            self.memory.read(link);
        }
    }

    fn read(&mut self, link: Link) {
        self.memory.read(link);
        // What was dropped or kept back is made up for by the one behind it.
        while self.shared.borrow_mut().came.pop_front().is_some() {
            self.memory.read(link);
        }
        let kept = self.shared.borrow_mut().kept.take();
        let sink = self.shared.borrow().sink.clone();
        if let (Some(kept), Some(sink)) = (kept, sink) {
            sink.send(kept);
        }
    }

    fn unsubscribe(&mut self, link: Link) {
        if self.shared.borrow().fault != Fault::NeverEnds {
            self.memory.unsubscribe(link);
        }
    }

    fn pull(&mut self, hello: Hello, sink: Sink) {
        self.memory.pull(hello, self.through(sink));
    }

    fn push(&mut self, push: Push, sink: Sink) {
        self.memory.push(push, self.through(sink));
    }

    fn update_cursor(&mut self, acknowledged: Acknowledged) {
        self.memory.update_cursor(acknowledged);
    }

    fn verify(&mut self, verify: Verify, sink: Sink) {
        self.memory.verify(verify, self.through(sink));
    }

    fn bye(&mut self, bye: Bye) {
        self.memory.bye(bye);
    }
}
