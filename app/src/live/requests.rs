//! The book of requests: which wait for the worker to be ready, and which for its answer.

use crate::words;
use futures_channel::oneshot;
use std::collections::BTreeMap;
use sync::limits::REQUESTS_QUEUED_MAX;
use sync::local::{Answer, Ask, Failure, Request};

/// What comes of a request.
pub(super) type Outcome = Result<Answer, Failure>;

/// The book of one page.
#[derive(Default)]
pub(super) struct Requests {
    last: u64,
    waiting: BTreeMap<u64, oneshot::Sender<Outcome>>,
    queue: Vec<Request>,
    stage: Stage,
}

/// How far the worker is.
#[derive(Default)]
enum Stage {
    /// Requests are kept for it.
    #[default]
    Starting,
    /// Requests go out at once.
    Ready,
    /// It will not come; every request gets this.
    Gone(Failure),
}

/// A request that was taken in.
pub(super) struct Taken {
    /// Its number.
    pub(super) id: u64,
    /// Where its outcome will arrive.
    pub(super) outcome: oneshot::Receiver<Outcome>,
    /// What to post now, if the worker is ready.
    pub(super) post: Option<Request>,
}

impl Requests {
    /// Takes a request in: to be posted at once, to be kept, or refused.
    pub(super) fn take(&mut self, ask: Ask) -> Taken {
        self.last += 1;
        let id = self.last;
        let (reply, outcome) = oneshot::channel();
        let request = Request { id, ask };
        let mut post = None;
        let refused = match &self.stage {
            Stage::Gone(failure) => Some(failure.clone()),
            Stage::Starting if self.queue.len() >= REQUESTS_QUEUED_MAX => {
                Some(words::failure("too_many_requests", words::WORKER_SLOW))
            }
            Stage::Starting => {
                self.queue.push(request);
                None
            }
            Stage::Ready => {
                post = Some(request);
                None
            }
        };
        if let Some(failure) = refused {
            // A receiver that is gone asked for nothing any more.
            let _ = reply.send(Err(failure));
        } else {
            self.waiting.insert(id, reply);
        }
        Taken { id, outcome, post }
    }

    /// The worker is ready: what was kept goes out, in order.
    pub(super) fn ready(&mut self) -> Vec<Request> {
        self.stage = Stage::Ready;
        std::mem::take(&mut self.queue)
    }

    /// An answer came. One that came too late finds nobody and changes nothing.
    pub(super) fn answer(&mut self, id: u64, outcome: Outcome) {
        if let Some(reply) = self.waiting.remove(&id) {
            let _ = reply.send(outcome);
        }
    }

    /// No answer came in time.
    pub(super) fn time_out(&mut self, id: u64) {
        self.queue.retain(|request| request.id != id);
        self.answer(id, Err(words::failure("no_answer", words::WORKER_SLOW)));
    }

    /// The worker broke and another one starts: whoever waited learns of it.
    pub(super) fn broke(&mut self) {
        self.stage = Stage::Starting;
        let queued: Vec<_> = self.queue.iter().map(|request| request.id).collect();
        let lost: Vec<_> = self
            .waiting
            .keys()
            .copied()
            .filter(|id| !queued.contains(id))
            .collect();
        for id in lost {
            self.answer(id, Err(words::failure("worker_broke", words::WORKER_BROKE)));
        }
    }

    /// There will be no worker: everybody gets this failure, now and later.
    pub(super) fn give_up(&mut self, failure: &Failure) {
        self.stage = Stage::Gone(failure.clone());
        self.queue.clear();
        for (_, reply) in std::mem::take(&mut self.waiting) {
            let _ = reply.send(Err(failure.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(taken: &mut Taken) -> Option<Outcome> {
        taken.outcome.try_recv().expect("the book keeps its side")
    }

    #[test]
    fn requests_wait_for_the_worker_and_then_go_out_in_order() {
        let mut book = Requests::default();
        let mut first = book.take(Ask::Account);
        let second = book.take(Ask::SyncNow);
        assert!(first.post.is_none() && second.post.is_none());
        let sent: Vec<_> = book.ready().into_iter().map(|request| request.id).collect();
        assert_eq!(sent, [first.id, second.id]);
        assert!(book.take(Ask::Account).post.is_some());
        book.answer(first.id, Ok(Answer::Done));
        assert_eq!(outcome(&mut first), Some(Ok(Answer::Done)));
    }

    #[test]
    fn the_queue_has_a_bound() {
        let mut book = Requests::default();
        let mut kept: Vec<_> = (0..REQUESTS_QUEUED_MAX)
            .map(|_| book.take(Ask::Account))
            .collect();
        let mut over = book.take(Ask::Account);
        assert_eq!(outcome(&mut kept[0]), None);
        assert!(matches!(outcome(&mut over), Some(Err(_))));
    }

    #[test]
    fn whoever_waits_for_a_worker_that_broke_is_told_and_the_queue_is_kept() {
        let mut book = Requests::default();
        book.ready();
        let mut asked = book.take(Ask::Account);
        book.broke();
        let mut kept = book.take(Ask::Account);
        let failure = outcome(&mut asked).expect("told").expect_err("failed");
        assert_eq!(failure.code, "worker_broke");
        book.broke();
        assert_eq!(outcome(&mut kept), None);
        assert_eq!(book.ready().len(), 1);
    }

    #[test]
    fn an_answer_that_is_late_changes_nothing() {
        let mut book = Requests::default();
        book.ready();
        let mut asked = book.take(Ask::Account);
        book.time_out(asked.id);
        book.answer(asked.id, Ok(Answer::Done));
        let failure = outcome(&mut asked).expect("told").expect_err("failed");
        assert_eq!(failure.code, "no_answer");
    }

    #[test]
    fn without_a_worker_every_request_fails_at_once() {
        let mut book = Requests::default();
        let mut before = book.take(Ask::Account);
        book.give_up(&words::failure("gone", "It is gone."));
        let mut after = book.take(Ask::Account);
        for taken in [&mut before, &mut after] {
            assert!(matches!(outcome(taken), Some(Err(_))));
        }
    }
}
