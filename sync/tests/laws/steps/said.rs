//! What a server may say at any moment, right or wrong.

use std::collections::BTreeMap;
use sync::device::retry::LinkFailure;
use sync::device::state::Phase;
use sync::frame::{
    Delta, FeedPhase, Head, Heartbeat, ScopeChange, ServerError, ServerFrame, Standing, Verified,
    Welcome,
};
use sync::id::Id;
use sync::scope::{Lsn, Marker, OWN, Scope};

pub(super) fn marker(lsn: Lsn) -> Marker {
    let op_id = Id::from_u128(u128::from(lsn));
    Marker { lsn, op_id }
}

pub(super) fn heartbeat(server_time_ms: u64, detail: u32) -> ServerFrame {
    let elsewhere = detail.is_multiple_of(9);
    let positions = elsewhere.then(|| (Scope::named(OWN), marker(u64::MAX)));
    ServerFrame::Heartbeat(Heartbeat {
        server_time_ms,
        positions: positions.into_iter().collect(),
    })
}

pub(super) fn verified(detail: u32) -> Verified {
    let standing = match detail % 3 {
        0 => Standing::Same,
        1 => Standing::Behind,
        _ => Standing::Differs,
    };
    Verified {
        tables: [(Scope::named(OWN), [("notes".into(), standing)].into())].into(),
    }
}

pub(super) fn failure(detail: u32) -> LinkFailure {
    let server = |status| LinkFailure::Server {
        status,
        code: String::new(),
        retry_after_ms: detail.is_multiple_of(2).then_some(700),
    };
    match detail % 9 {
        0 => LinkFailure::Unauthorized,
        1 => LinkFailure::Ended,
        2 => LinkFailure::NotOurs,
        3 => server(500),
        4 => server(400),
        5 => server(429),
        6 => server(503),
        _ => LinkFailure::Unreachable,
    }
}

/// Mostly what belongs there, sometimes something else.
pub(super) fn frame_in(phase: Phase, caught_up: bool, now_ms: u64, detail: u32) -> ServerFrame {
    let scope = Scope::named(OWN);
    let (from, to) = (Marker::START, marker(u64::from(detail)));
    let out_of_place = detail.is_multiple_of(11);
    match (phase, detail % 6) {
        (_, 5) => heartbeat(now_ms, detail),
        (Phase::Handshake, _) if !out_of_place => ServerFrame::Welcome(Welcome {
            ceilings: BTreeMap::new(),
            phase: match detail % 3 {
                0 => FeedPhase::Initial,
                1 => FeedPhase::Catchup,
                _ => FeedPhase::Live,
            },
            purge_floors: BTreeMap::new(),
            server_time_ms: now_ms + u64::from(detail % 5) * 1_000,
        }),
        (Phase::Delta | Phase::Rebuild, 0) => ServerFrame::Head(Head {
            scope,
            table: "notes".into(),
            rows: Vec::new(),
        }),
        (Phase::Delta | Phase::Rebuild, 1 | 2) => ServerFrame::Delta(Delta {
            scope,
            table: "notes".into(),
            rows: Vec::new(),
            from,
            to,
            is_last_chunk: true,
            error: out_of_place.then(|| ServerError::new("internal", "no")),
        }),
        (Phase::Delta | Phase::Rebuild, 3) if caught_up => ServerFrame::DeltaComplete {},
        (Phase::Live, 0..=3) if !out_of_place => ServerFrame::Change(ScopeChange {
            scope,
            from,
            to,
            rows: Vec::new(),
        }),
        (Phase::Live, _) => ServerFrame::VerifyResult(verified(detail)),
        _ => ServerFrame::Error(ServerError::new(
            match detail % 5 {
                0 => "epoch_changed",
                1 => "cursor_expired",
                2 => "update_required",
                3 => "no_session",
                _ => "internal",
            },
            "no",
        )),
    }
}
