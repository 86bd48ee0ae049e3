//! What a failure means: whether it is the network's, the session's or the change's, whether it
//! spends one of the change's attempts, and how long to wait.

use crate::frame::ServerError;
use crate::id::Mint;
use crate::limits::{
    ATTEMPT_DELAYS_MS, BACKOFF_MS_MAX, BACKOFF_MS_MIN, BUSY_MS, RETRY_AFTER_MS_MAX,
};
use alloc::string::String;

/// How a request or a stream failed, as its host saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkFailure {
    /// No answer: no network, no server, or too late.
    Unreachable,
    /// An answer, but not from our server: a captive portal, a proxy's page.
    NotOurs,
    /// The stream ended as streams do: a restart, a proxy's patience.
    Ended,
    /// No session, or not any more.
    Unauthorized,
    /// The server answered with an error.
    Server {
        /// The HTTP status.
        status: u16,
        /// The code in its answer, if it had one.
        code: String,
        /// What it said about when to come back.
        retry_after_ms: Option<u64>,
    },
    /// A frame could not be read.
    Undecodable {
        /// What is wrong with it.
        message: String,
    },
}

/// The classes of failure that differ in what is done about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureClass {
    /// The network or the server is away. Spends no attempt; waits and goes on for ever.
    Away,
    /// The server is busy and said when to come back. Spends no attempt.
    Busy {
        /// In milliseconds from now.
        retry_after_ms: u64,
    },
    /// The session has ended. Spends no attempt; waits for the person.
    Session,
    /// The server failed at this. Spends an attempt.
    Broken,
    /// The server refused a request as it is: sending the same again is of no use.
    Refused {
        /// Nothing else was in it that could be to blame.
        alone: bool,
    },
}

impl LinkFailure {
    /// What is done about it.
    #[must_use]
    pub const fn class(&self) -> FailureClass {
        match self {
            Self::Unreachable | Self::NotOurs | Self::Ended => FailureClass::Away,
            // Its request did not arrive whole: the way is slow, and the change not to blame.
            Self::Server {
                status: 408 | 502..=504,
                ..
            } => FailureClass::Away,
            Self::Unauthorized
            | Self::Server {
                status: 401 | 403 | 410,
                ..
            } => FailureClass::Session,
            Self::Server {
                status: 400 | 413 | 415 | 422,
                ..
            } => FailureClass::Refused { alone: false },
            Self::Server {
                status: 429,
                retry_after_ms,
                ..
            } => {
                let retry_after_ms = match retry_after_ms {
                    Some(ms) if *ms > RETRY_AFTER_MS_MAX => RETRY_AFTER_MS_MAX,
                    Some(ms) => *ms,
                    None => BUSY_MS,
                };
                FailureClass::Busy { retry_after_ms }
            }
            // Its disk is full (RFC 4918): no fault of the change, and not soon over.
            // Or this app is too old for it (RFC 9110): an update mends that, not haste.
            Self::Server {
                status: 426 | 507, ..
            } => FailureClass::Busy {
                retry_after_ms: BACKOFF_MS_MAX,
            },
            Self::Server { .. } | Self::Undecodable { .. } => FailureClass::Broken,
        }
    }

    /// The word that programs go by.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Unreachable => "unreachable",
            Self::NotOurs => "not_our_server",
            Self::Ended => "ended",
            Self::Unauthorized => "no_session",
            Self::Server { code, .. } if !code.is_empty() => code,
            Self::Server { .. } => "server_error",
            Self::Undecodable { .. } => "bad_frame",
        }
    }
}

impl From<ServerError> for LinkFailure {
    /// What an error that came as a frame means: the same as if its code had come as an answer,
    /// with the status that goes with it.
    fn from(error: ServerError) -> Self {
        if error.code == "no_session" {
            return Self::Unauthorized;
        }
        Self::Server {
            // A server that says when to come back is busy and not broken.
            status: match error.retry_after_ms {
                Some(_) => 429,
                None => status_of(&error.code),
            },
            code: error.code,
            retry_after_ms: error.retry_after_ms,
        }
    }
}

/// Whether an error says that the session is no more: it ended, its person ended it from another
/// device, or the account was erased.
pub(super) fn ends_the_session(code: &str) -> bool {
    matches!(code, "no_session" | "revoked_erase" | "account_erased")
}

/// The status with which a server answers a request for this reason.
fn status_of(code: &str) -> u16 {
    match code {
        "bad_frame"
        | "version_unsupported"
        | "unknown_table"
        | "too_many_changes"
        | "too_many_markers"
        | "unexpected_frame"
        | "not_a_socket" => 400,
        "no_session" | "revoked_erase" => 401,
        "cross_site" => 403,
        "not_found" => 404,
        "method_not_allowed" => 405,
        "body_incomplete" => 408,
        "account_erased" => 410,
        "body_too_large" => 413,
        "content_encoding" => 415,
        "update_required" => 426,
        "too_many_streams" => 429,
        "busy" | "database_away" | "not_migrated" | "server_ending" => 503,
        "storage_full" => 507,
        _ => 500,
    }
}

/// How long to wait before connecting again: exponential, with full jitter, so that a crowd
/// which lost its server together does not come back together (Brooker, "Exponential Backoff
/// And Jitter", 2015). `failures` counts from 1.
#[must_use]
pub fn backoff_ms(failures: u32, mint: &mut Mint) -> u64 {
    let doublings = failures.saturating_sub(1).min(16);
    let ceiling = (BACKOFF_MS_MIN << doublings).min(BACKOFF_MS_MAX);
    mint.below(ceiling + 1)
}

/// How long a change waits after so many attempts were spent on it.
#[must_use]
pub fn attempt_delay_ms(attempts: u32, mint: &mut Mint) -> u64 {
    let place = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    match ATTEMPT_DELAYS_MS.get(place) {
        Some(delay_ms) => *delay_ms,
        None => backoff_ms(attempts, mint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_to_its_bound_and_is_spread_over_it() {
        let mut mint = Mint::new(0, [1, 2]);
        for failures in [1, 2, 5, 6, 40, u32::MAX] {
            let ceiling =
                (BACKOFF_MS_MIN << failures.saturating_sub(1).min(16)).min(BACKOFF_MS_MAX);
            let waits: alloc::vec::Vec<_> =
                (0..200).map(|_| backoff_ms(failures, &mut mint)).collect();
            assert!(waits.iter().all(|wait| *wait <= ceiling));
            assert!(waits.iter().any(|wait| *wait < ceiling / 4));
            assert!(waits.iter().any(|wait| *wait > ceiling * 3 / 4));
        }
    }

    #[test]
    fn whichever_way_a_session_ended_it_is_the_sessions_end_in_a_stream_and_in_an_answer() {
        for code in ["no_session", "revoked_erase", "account_erased"] {
            assert!(ends_the_session(code));
            let said = LinkFailure::from(ServerError::new(code, "words"));
            assert_eq!(said.class(), FailureClass::Session, "{code}");
            assert_eq!(said.code(), code, "and a host can tell which");
            let answered = LinkFailure::Server {
                status: status_of(code),
                code: code.into(),
                retry_after_ms: None,
            };
            assert_eq!(answered.class(), FailureClass::Session, "{code}");
        }
        assert!(!ends_the_session("cross_site"));
    }

    #[test]
    fn an_absent_server_spends_no_attempt_and_a_failing_one_does() {
        let server = |status| LinkFailure::Server {
            status,
            code: String::new(),
            retry_after_ms: None,
        };
        assert_eq!(LinkFailure::Unreachable.class(), FailureClass::Away);
        assert_eq!(LinkFailure::NotOurs.class(), FailureClass::Away);
        assert_eq!(server(503).class(), FailureClass::Away);
        assert_eq!(server(500).class(), FailureClass::Broken);
        assert_eq!(
            server(429).class(),
            FailureClass::Busy {
                retry_after_ms: BUSY_MS
            }
        );
        let later = FailureClass::Busy {
            retry_after_ms: BACKOFF_MS_MAX,
        };
        assert_eq!(server(507).class(), later);
        assert_eq!(LinkFailure::Unauthorized.class(), FailureClass::Session);
    }
}
