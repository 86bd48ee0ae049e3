//! Faults planted on purpose, to measure the tests: `cargo xtask sim --planted` switches on one
//! at a time and sees it caught. Without the feature `planted` no fault can be switched on, and
//! the compiler drops every trace of them.

/// Whether a fault is switched on; or, with a statement, runs it while the fault is.
#[macro_export]
macro_rules! planted {
    ($fault:ident) => {
        $crate::planted::is_on(stringify!($fault))
    };
    ($fault:ident, $($wrong:tt)*) => {
        if $crate::planted::is_on(stringify!($fault)) {
            $($wrong)*
        }
    };
}

#[cfg(feature = "planted")]
mod switch {
    use core::sync::atomic::{AtomicU64, Ordering};
    use xxhash_rust::xxh64::xxh64;

    static ON: AtomicU64 = AtomicU64::new(0);

    /// Switches one fault on, by its name, and every other one off. Nothing switches all off.
    pub fn switch_on(fault: Option<&str>) {
        ON.store(fault.map_or(0, number), Ordering::Relaxed);
    }

    /// Whether this fault is switched on.
    #[must_use]
    pub fn is_on(fault: &str) -> bool {
        let on = ON.load(Ordering::Relaxed);
        on != 0 && on == number(fault)
    }

    fn number(fault: &str) -> u64 {
        xxh64(fault.as_bytes(), 0) | 1
    }
}

#[cfg(feature = "planted")]
pub use switch::{is_on, switch_on};

/// Whether this fault is switched on: never, in a real build.
#[cfg(not(feature = "planted"))]
#[must_use]
pub const fn is_on(_fault: &str) -> bool {
    false
}
