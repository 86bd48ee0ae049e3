//! One frame of every kind, and of every outcome, as they travel.

use std::collections::BTreeMap;
use sync::change::{Change, Group, Op};
use sync::clock::Clock;
use sync::digest::Digest;
use sync::frame::{
    Acknowledged, Bye, Delta, DeviceFrame, FeedPhase, Head, Heartbeat, Hello, Outcome, Push,
    PushResult, ScopeChange, ServerError, ServerFrame, Standing, Verified, Verify, Welcome,
};
use sync::id::{Id, Mint};
use sync::row::{DELETED, Row};
use sync::scope::{LIBRARY, Marker, Markers, OWN, Scope};
use sync::stamp::{Stamp, Stamps};
use sync::text::{Patch, Splice, hash};
use sync::value::{Fields, Value};

pub(crate) const NOW_MS: u64 = 1_795_219_200_000;

/// The name that is number `place` among those minted here.
pub(crate) fn id(place: u64) -> Id {
    Mint::new(NOW_MS + place, [place, 0x5eed]).id()
}

pub(crate) fn device() -> Id {
    id(0)
}

pub(crate) fn stamp(place: u64) -> Stamp {
    Stamp {
        clock: Clock::at_ms(NOW_MS + place),
        node: device(),
        op_id: id(place),
    }
}

pub(crate) fn own() -> Scope {
    Scope::named(OWN)
}

pub(crate) fn marker(lsn: u64, place: u64) -> Marker {
    Marker {
        lsn,
        op_id: id(place),
    }
}

pub(crate) fn entry_fields() -> Fields {
    Fields::from([
        ("day".into(), "2026-11-21".into()),
        ("title".into(), "Rain".into()),
        ("body".into(), "It rained, and \"nobody\" minded. ☂".into()),
        ("prompt_id".into(), Value::Null),
        ("starred".into(), Value::Boolean(true)),
        ("trashed_at".into(), Value::Null),
    ])
}

pub(crate) fn change(op: Op, fields: Fields) -> Change {
    Change {
        op_id: id(2),
        table: "entries".into(),
        key: id(1),
        op,
        fields,
        patches: BTreeMap::new(),
        base: Stamps::new(),
        stamp: stamp(2),
        stamps: None,
        group: None,
    }
}

pub(crate) fn title() -> Change {
    Change {
        base: [("title".into(), stamp(1))].into(),
        ..change(Op::Update, [("title".into(), "Wind".into())].into())
    }
}

pub(crate) fn push(changes: Vec<Change>) -> DeviceFrame {
    DeviceFrame::Push(Push {
        device_id: device(),
        changes,
        schema_version: 1,
        device_time_ms: NOW_MS,
    })
}

pub(crate) fn device_frames() -> Vec<(&'static str, DeviceFrame)> {
    let mut markers = Markers::default();
    markers.set(&own(), "entries", marker(7, 1));
    let mut patched = change(Op::Update, Fields::new());
    let splices = vec![Splice(3, 8, "snowed".into())];
    let patch = Patch {
        splices,
        hash: hash("It snowed."),
    };
    patched.patches = [("body".into(), patch)].into();
    patched.base = [("body".into(), stamp(1))].into();
    let mut grouped = [change(Op::Insert, entry_fields()), title()];
    (grouped[1].key, grouped[1].op_id, grouped[1].stamp) = (id(3), id(5), stamp(5));
    for change in &mut grouped {
        change.group = Some(Group { id: id(4), size: 2 });
    }
    let mut offered = change(Op::Insert, entry_fields());
    offered.stamps = Some([("title".into(), stamp(1)), ("body".into(), stamp(2))].into());
    let digests = [("entries".into(), Digest::of([row()].iter()))];
    vec![
        (
            "hello",
            DeviceFrame::Hello(Hello {
                device_id: device(),
                markers: markers.clone(),
                tables: vec!["prompts".into(), "entries".into()],
                schema_version: 1,
                device_time_ms: NOW_MS,
            }),
        ),
        ("push", push(vec![title()])),
        ("push_patch", push(vec![patched])),
        ("push_group", push(grouped.into())),
        ("push_delete", push(vec![change(Op::Delete, Fields::new())])),
        ("push_offer", push(vec![offered])),
        (
            "ack",
            DeviceFrame::Ack(Acknowledged {
                device_id: device(),
                positions: [(own(), marker(8, 2))].into(),
            }),
        ),
        ("heartbeat", DeviceFrame::Heartbeat {}),
        (
            "verify",
            DeviceFrame::Verify(Verify {
                device_id: device(),
                markers,
                digests: [(own(), digests.into())].into(),
            }),
        ),
        (
            "bye",
            DeviceFrame::Bye(Bye {
                device_id: device(),
                reason: "signed out".into(),
            }),
        ),
    ]
}

pub(crate) fn row() -> Row {
    let stamped = ["body", "day", "starred", "title"];
    Row {
        lsn: 8,
        op_id: id(2),
        fields: entry_fields(),
        stamps: stamped.map(|name| (name.into(), stamp(2))).into(),
        ..Row::empty("entries", id(1))
    }
}

pub(crate) fn tombstone() -> Row {
    Row {
        lsn: 9,
        op_id: id(5),
        deleted: true,
        stamps: [(DELETED.into(), stamp(5))].into(),
        group: Some(id(4)),
        ..Row::empty("entries", id(3))
    }
}

pub(crate) fn result(outcome: Outcome) -> ServerFrame {
    ServerFrame::PushResult(PushResult {
        outcomes: [(id(2), outcome)].into(),
        server_time_ms: NOW_MS,
    })
}

pub(crate) fn applied() -> Outcome {
    Outcome::Applied {
        lsn: 8,
        stamp: None,
        row: None,
        lost_fields: Vec::new(),
    }
}

pub(crate) fn outcomes() -> Vec<(&'static str, ServerFrame)> {
    let message = "Nothing was changed.".to_string();
    let merged = Outcome::Applied {
        lsn: 8,
        stamp: None,
        row: Some(Box::new(row())),
        lost_fields: vec!["title".into()],
    };
    let shifted = Outcome::Applied {
        lsn: 8,
        stamp: Some(stamp(2)),
        row: None,
        lost_fields: Vec::new(),
    };
    vec![
        ("push_result", result(applied())),
        ("push_result_merged", result(merged)),
        ("push_result_shifted", result(shifted)),
        (
            "push_result_gone",
            result(Outcome::Gone {
                message: message.clone(),
                row: None,
            }),
        ),
        ("push_result_need_full", result(Outcome::NeedFull {})),
        (
            "push_result_duplicate",
            result(Outcome::Duplicate {
                outcome: Box::new(applied()),
            }),
        ),
        (
            "push_result_rejected",
            result(Outcome::Rejected {
                code: "too_long".into(),
                message,
            }),
        ),
    ]
}

pub(crate) fn delta(rows: Vec<Row>, error: Option<ServerError>) -> ServerFrame {
    let to = rows.last().map_or(marker(7, 1), Row::marker);
    ServerFrame::Delta(Delta {
        scope: own(),
        table: "entries".into(),
        is_last_chunk: error.is_none(),
        rows,
        from: marker(7, 1),
        to,
        error,
    })
}

pub(crate) fn server_frames() -> Vec<(&'static str, ServerFrame)> {
    let error = ServerError::new(
        "database",
        "The server's database failed. Nothing was changed; try again in a moment.",
    );
    let busy = ServerError {
        retry_after_ms: Some(1_000),
        ..ServerError::new("busy", "The server is busy. Try again in a moment.")
    };
    let compared = [
        ("entries".into(), Standing::Same),
        ("entry_revisions".into(), Standing::Behind),
        ("prompts".into(), Standing::Differs),
    ];
    let mut frames = vec![
        (
            "welcome",
            ServerFrame::Welcome(Welcome {
                ceilings: [(Scope::named(LIBRARY), marker(3, 3)), (own(), marker(8, 2))].into(),
                phase: FeedPhase::Catchup,
                purge_floors: [(own(), 4)].into(),
                server_time_ms: NOW_MS,
            }),
        ),
        (
            "head",
            ServerFrame::Head(Head {
                scope: own(),
                table: "entries".into(),
                rows: vec![row()],
            }),
        ),
        ("delta", delta(vec![row()], None)),
        ("delta_error", delta(Vec::new(), Some(error.clone()))),
        ("delta_complete", ServerFrame::DeltaComplete {}),
        (
            "change",
            ServerFrame::Change(ScopeChange {
                scope: own(),
                from: marker(8, 2),
                to: marker(9, 5),
                rows: vec![tombstone()],
            }),
        ),
        (
            "heartbeat",
            ServerFrame::Heartbeat(Heartbeat {
                server_time_ms: NOW_MS,
                positions: [(own(), marker(9, 5))].into(),
            }),
        ),
        (
            "verify_result",
            ServerFrame::VerifyResult(Verified {
                tables: [(own(), compared.into())].into(),
            }),
        ),
        ("error", ServerFrame::Error(error)),
        ("error_busy", ServerFrame::Error(busy)),
    ];
    frames.extend(outcomes());
    frames
}
