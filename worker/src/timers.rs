//! The engine's timers: at most one of each kind is set.

use gloo_timers::callback::Timeout;
use std::cell::RefCell;
use sync::device::effect::Timer;

/// The timers that are set.
#[derive(Default)]
pub(crate) struct Timers {
    set: RefCell<Vec<(Timer, Timeout)>>,
}

impl Timers {
    /// Runs `fire` after so many milliseconds, instead of what this timer was set to before.
    pub(crate) fn set(&self, timer: Timer, delay_ms: u64, fire: impl FnOnce() + 'static) {
        // Browsers count 32 bits of milliseconds, which is more than any delay of the engine.
        let delay_ms = u32::try_from(delay_ms).unwrap_or(u32::MAX >> 1);
        self.clear(timer);
        let timeout = Timeout::new(delay_ms, fire);
        self.set.borrow_mut().push((timer, timeout));
    }

    /// Forgets a timer.
    pub(crate) fn clear(&self, timer: Timer) {
        self.set.borrow_mut().retain(|(set, _)| *set != timer);
    }

    /// Forgets all timers.
    pub(crate) fn clear_all(&self) {
        self.set.borrow_mut().clear();
    }
}
