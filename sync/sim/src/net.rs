//! The lines between devices and nodes, and what goes wrong on them.

use crate::history::Fault;

/// One device's line.
#[derive(Clone, Debug, Default)]
pub struct Line {
    drop: u32,
    duplicate: u32,
    reorder: u32,
    slow_until_ms: u64,
    slow_by_ms: u64,
    cut_up_until_ms: u64,
    clogged_until_ms: u64,
    /// The next frame of a stream breaks off.
    pub truncate: bool,
}

/// What becomes of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fate {
    /// When it arrives; never, if nothing.
    pub at_ms: Option<u64>,
    /// It arrives once more, then.
    pub again_at_ms: Option<u64>,
    /// Others may overtake it.
    pub overtaken: bool,
}

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To the server.
    Up,
    /// To the device.
    Down,
}

impl Line {
    /// Breaks the line in one of its ways.
    pub fn break_by(&mut self, fault: Fault, amount: u32, now_ms: u64) {
        let until_ms = now_ms + u64::from(amount);
        match fault {
            Fault::Drop => self.drop += amount,
            Fault::Duplicate => self.duplicate += amount,
            Fault::Reorder => self.reorder += amount,
            Fault::Delay => {
                self.slow_until_ms = now_ms + 10_000;
                self.slow_by_ms = u64::from(amount);
            }
            Fault::CutUp => self.cut_up_until_ms = until_ms,
            Fault::Clog => self.clogged_until_ms = until_ms,
            Fault::Truncate => self.truncate = true,
            _ => {}
        }
    }

    /// Mends everything.
    pub fn heal(&mut self) {
        *self = Self::default();
    }

    /// Decides about one message that leaves now and would need `latency_ms`.
    pub fn send(&mut self, way: Way, now_ms: u64, latency_ms: u64) -> Fate {
        let lost = |at_ms| Fate {
            at_ms,
            again_at_ms: None,
            overtaken: false,
        };
        if self.drop > 0 {
            self.drop -= 1;
            return lost(None);
        }
        if way == Way::Up && now_ms < self.cut_up_until_ms {
            return lost(None);
        }
        let mut at_ms = now_ms + latency_ms;
        if now_ms < self.slow_until_ms {
            at_ms += self.slow_by_ms;
        }
        at_ms = at_ms.max(self.clogged_until_ms);
        let overtaken = self.reorder > 0;
        if overtaken {
            self.reorder -= 1;
            at_ms += 150;
        }
        let again = self.duplicate > 0;
        self.duplicate -= u32::from(again);
        Fate {
            at_ms: Some(at_ms),
            again_at_ms: again.then_some(at_ms + 40),
            overtaken,
        }
    }
}
