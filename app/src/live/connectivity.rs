//! How the connection is shown: calmly. What gets worse must last before it is shown, what gets
//! better is shown at once, so that a flaky train ride does not blink.

use super::client::use_client;
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use std::time::Duration;
use sync::device::status::{Connectivity, HeaderState, Status};

/// How long a problem lasts before it is shown.
const PROBLEM_MS: u64 = 2_000;

/// How long work is in flight before it is shown.
const WORK_MS: u64 = 800;

/// How the connection stands, as the header shows it.
#[must_use]
pub fn use_connectivity() -> ReadSignal<Connectivity> {
    use_client().shown().calm.read_only()
}

/// What the worker said last, and what is shown of it.
#[derive(Clone, Copy)]
pub(super) struct Shown {
    raw: RwSignal<Connectivity>,
    calm: RwSignal<Connectivity>,
    /// What will be shown unless something else comes, and the clock it waits on.
    next: StoredValue<Option<(HeaderState, TimeoutHandle)>>,
}

impl Shown {
    pub(super) fn new() -> Self {
        Self {
            raw: RwSignal::new(nothing_known()),
            calm: RwSignal::new(nothing_known()),
            next: StoredValue::new(None),
        }
    }

    /// What the worker said last.
    pub(super) fn raw(self) -> ReadSignal<Connectivity> {
        self.raw.read_only()
    }

    /// The connection stands so now.
    pub(super) fn hear(self, now: Connectivity) {
        let shown = self.calm.with_untracked(|shown| shown.header);
        let header = now.header;
        self.raw.set(now);
        let wait = patience(shown, header);
        if wait.is_zero() {
            self.forget_next();
            self.show();
            return;
        }
        let running = self
            .next
            .with_value(|next| next.as_ref().map(|(next, _)| *next));
        if running.is_some_and(|running| is_problem(running) == is_problem(header)) {
            return;
        }
        self.forget_next();
        let show = move || {
            self.next.set_value(None);
            self.show();
        };
        if let Ok(clock) = set_timeout_with_handle(show, wait) {
            self.next.set_value(Some((header, clock)));
        }
    }

    fn show(self) {
        let now = self.raw.get_untracked();
        if self.calm.with_untracked(|shown| *shown != now) {
            self.calm.set(now);
        }
    }

    fn forget_next(self) {
        if let Some((_, clock)) = self.next.try_update_value(Option::take).flatten() {
            clock.clear();
        }
    }
}

/// Before the worker has spoken: what is here is saved here.
const fn nothing_known() -> Connectivity {
    Connectivity {
        status: Status::Disconnected,
        header: HeaderState::Pending,
        waiting: 0,
        failed: 0,
        server_silent: false,
        synced_at_ms: 0,
    }
}

/// How long `next` must last before it takes the place of `shown`.
fn patience(shown: HeaderState, next: HeaderState) -> Duration {
    let wait = if is_problem(shown) || shown == next {
        0
    } else if is_problem(next) {
        PROBLEM_MS
    } else if next == HeaderState::Syncing {
        WORK_MS
    } else {
        0
    };
    Duration::from_millis(wait)
}

const fn is_problem(state: HeaderState) -> bool {
    matches!(
        state,
        HeaderState::AuthError | HeaderState::ConnectionError | HeaderState::SyncError
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use HeaderState::{AuthError, ConnectionError, Pending, SyncError, Synced, Syncing};

    #[test]
    fn a_problem_must_last_and_a_recovery_is_shown_at_once() {
        for (shown, next, wait) in [
            (Synced, ConnectionError, PROBLEM_MS),
            (Syncing, AuthError, PROBLEM_MS),
            (ConnectionError, Synced, 0),
            (ConnectionError, Syncing, 0),
            (ConnectionError, SyncError, 0),
            (Synced, Syncing, WORK_MS),
            (Pending, Syncing, WORK_MS),
            (Syncing, Synced, 0),
            (Syncing, Syncing, 0),
            (Synced, Pending, 0),
        ] {
            assert_eq!(
                patience(shown, next).as_millis(),
                u128::from(wait),
                "{shown:?} {next:?}"
            );
        }
    }
}
