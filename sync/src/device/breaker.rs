//! The circuit breaker: a server that keeps failing is left alone for a while, then asked once
//! (Nygard, "Release It!", 2007). The probe is a token: whoever takes it must bring it back, with
//! an outcome or unused, so that no path can swallow it and leave the breaker shut for ever.

use crate::limits::{BREAKER_FAILURES_MAX, BREAKER_OPEN_MS, BREAKER_WINDOW_MS};
use crate::planted;
use alloc::vec::Vec;

/// The breaker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    /// When the server failed lately, on the device's clock in milliseconds.
    failures_ms: Vec<u64>,
    /// While open: until when nothing goes.
    open_until_ms: Option<u64>,
    /// While half open: the probe is on its way.
    probing: bool,
}

/// Leave to ask the server once.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a token must come back, or the breaker stays shut"]
pub struct Token {
    is_probe: bool,
}

/// How asking went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The server answered sense.
    Well,
    /// It failed.
    Badly,
    /// It was not asked, or not reached, which says nothing about it.
    NotAtAll,
}

impl Breaker {
    /// Leave to ask now.
    ///
    /// # Errors
    /// There is none; says when to come back, on the device's clock in milliseconds.
    pub fn ask(&mut self, now_ms: u64) -> Result<Token, u64> {
        match self.open_until_ms {
            None => Ok(Token { is_probe: false }),
            // Later than it can be: the clock was put back, and says nothing any more.
            Some(until_ms) if now_ms < until_ms && until_ms <= now_ms + BREAKER_OPEN_MS => {
                Err(until_ms)
            }
            Some(_) if self.probing => Err(now_ms + BREAKER_OPEN_MS),
            Some(_) => {
                self.probing = true;
                Ok(Token { is_probe: true })
            }
        }
    }

    /// Brings a token back.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a token that was brought back is gone"
    )]
    pub fn report(&mut self, token: Token, asked: Asked, now_ms: u64) {
        let Token { is_probe } = token;
        match asked {
            Asked::Well if planted!(BreakerStaysOpen) && self.is_open() => {}
            Asked::Well => *self = Self::default(),
            Asked::Badly => self.failed(is_probe, now_ms),
            Asked::NotAtAll if is_probe && !planted!(ProbeIsSwallowed) => self.probing = false,
            Asked::NotAtAll => {}
        }
    }

    /// Whether nothing goes out now.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.open_until_ms.is_some()
    }

    fn failed(&mut self, was_probe: bool, now_ms: u64) {
        self.failures_ms
            .retain(|at_ms| at_ms + BREAKER_WINDOW_MS > now_ms);
        self.failures_ms.push(now_ms);
        if was_probe || self.failures_ms.len() >= BREAKER_FAILURES_MAX {
            self.probing = false;
            self.open_until_ms = Some(now_ms + BREAKER_OPEN_MS);
            self.failures_ms.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(breaker: &mut Breaker, at_ms: u64) {
        let token = breaker.ask(at_ms).expect("leave");
        breaker.report(token, Asked::Badly, at_ms);
    }

    fn open_at(at_ms: u64) -> Breaker {
        let mut breaker = Breaker::default();
        (0..BREAKER_FAILURES_MAX).for_each(|_| fail(&mut breaker, at_ms));
        assert!(breaker.is_open());
        breaker
    }

    #[test]
    fn it_opens_after_so_many_failures_in_a_window_and_not_before() {
        let mut breaker = Breaker::default();
        for place in 0..20 {
            fail(&mut breaker, place * BREAKER_WINDOW_MS / 4);
            assert!(!breaker.is_open(), "never five within the window");
        }
        let mut breaker = open_at(7);
        assert_eq!(breaker.ask(7), Err(7 + BREAKER_OPEN_MS));
        assert_eq!(breaker.ask(6 + BREAKER_OPEN_MS), Err(7 + BREAKER_OPEN_MS));
    }

    #[test]
    fn one_probe_goes_and_its_outcome_decides() {
        let mut breaker = open_at(0);
        let later = BREAKER_OPEN_MS;
        let probe = breaker.ask(later).expect("the probe");
        let busy = Err(later + BREAKER_OPEN_MS);
        assert_eq!(breaker.ask(later), busy, "one at a time");
        breaker.report(probe, Asked::Badly, later);
        assert_eq!(breaker.ask(later + 1), Err(later + BREAKER_OPEN_MS));
        let probe = breaker
            .ask(later + BREAKER_OPEN_MS)
            .expect("the next probe");
        breaker.report(probe, Asked::Well, later);
        assert!(!breaker.is_open());
    }

    #[test]
    fn a_probe_that_was_not_used_can_be_taken_again() {
        let mut breaker = open_at(0);
        for _ in 0..3 {
            let probe = breaker.ask(BREAKER_OPEN_MS).expect("the probe");
            breaker.report(probe, Asked::NotAtAll, BREAKER_OPEN_MS);
        }
        assert!(breaker.is_open());
    }

    #[test]
    fn who_asked_before_it_opened_does_not_give_the_probe_away() {
        let mut breaker = Breaker::default();
        let early = breaker.ask(0).expect("leave");
        (0..BREAKER_FAILURES_MAX).for_each(|_| fail(&mut breaker, 0));
        let _probe = breaker.ask(BREAKER_OPEN_MS).expect("the probe");
        breaker.report(early, Asked::NotAtAll, BREAKER_OPEN_MS);
        assert!(breaker.ask(BREAKER_OPEN_MS).is_err(), "still one at a time");
    }
}
