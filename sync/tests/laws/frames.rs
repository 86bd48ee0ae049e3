//! What is sent is what arrives, and no bytes are too strange.

use crate::cases;
use crate::tables::SCHEMA;
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use std::collections::BTreeMap;
use sync::change::{Change, Group, Op};
use sync::clock::Clock;
use sync::digest::Digest;
use sync::frame::*;
use sync::id::Id;
use sync::row::Row;
use sync::scope::{Marker, Markers, Scope};
use sync::stamp::{Stamp, Stamps};
use sync::text::{Patch, Splice};
use sync::value::{Fields, Value};

const CODES: [&str; 6] = [
    "bad_frame",
    "version_unsupported",
    "unknown_table",
    "too_many_changes",
    "too_many_markers",
    "unexpected_frame",
];

fn id() -> impl Strategy<Value = Id> {
    any::<u128>().prop_map(Id::from_u128)
}

fn table() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["hints", "notes", "pages", "revisions"]).prop_map(String::from)
}

fn stamp() -> impl Strategy<Value = Stamp> {
    let stamp = |(clock, node, op_id)| Stamp {
        clock: Clock(clock),
        node,
        op_id,
    };
    (any::<u64>(), id(), id()).prop_map(stamp)
}

fn stamps() -> impl Strategy<Value = Stamps> {
    btree_map("[a-z$]{0,9}", stamp(), 0..3)
}

fn fields() -> impl Strategy<Value = Fields> {
    let value = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        any::<i64>().prop_map(Value::Integer),
        any::<String>().prop_map(Value::Text),
    ];
    btree_map(any::<String>(), value, 0..4)
}

fn marker() -> impl Strategy<Value = Marker> {
    (any::<u64>(), id()).prop_map(|(lsn, op_id)| Marker { lsn, op_id })
}

fn scope() -> impl Strategy<Value = Scope> {
    "[a-z]{0,7}".prop_map(|name| Scope::named(&name))
}

fn markers() -> impl Strategy<Value = Markers> {
    vec((scope(), table(), marker()), 0..4).prop_map(|places| {
        let mut markers = Markers::default();
        for (scope, table, marker) in places {
            markers.set(&scope, &table, marker);
        }
        markers
    })
}

fn row() -> impl Strategy<Value = Row> {
    let parts = (
        table(),
        id(),
        marker(),
        any::<bool>(),
        fields(),
        stamps(),
        of(id()),
    );
    parts.prop_map(|(table, key, at, deleted, fields, stamps, group)| Row {
        lsn: at.lsn,
        op_id: at.op_id,
        deleted,
        fields,
        stamps,
        group,
        ..Row::empty(&table, key)
    })
}

fn change() -> impl Strategy<Value = Change> {
    let op = prop_oneof![Just(Op::Insert), Just(Op::Update), Just(Op::Delete)];
    let splice = (any::<usize>(), any::<usize>(), any::<String>());
    let splices = vec(
        splice.prop_map(|(from, cut, put)| Splice(from, cut, put)),
        0..3,
    );
    let patch = (splices, any::<String>()).prop_map(|(splices, hash)| Patch { splices, hash });
    let patches = btree_map("[a-z]{0,9}", patch, 0..2);
    let group = of((id(), any::<usize>()).prop_map(|(id, size)| Group { id, size }));
    let named = (id(), table(), id(), op);
    let set = (fields(), patches, stamps(), stamp(), of(stamps()), group);
    (named, set).prop_map(|(named, set)| {
        let (op_id, table, key, op) = named;
        let (fields, patches, base, stamp, stamps, group) = set;
        Change {
            op_id,
            table,
            key,
            op,
            fields,
            patches,
            base,
            stamp,
            stamps,
            group,
        }
    })
}

fn device_frame() -> impl Strategy<Value = DeviceFrame> {
    let hello = (
        id(),
        markers(),
        vec(table(), 0..4),
        any::<u32>(),
        any::<u64>(),
    )
        .prop_map(
            |(device_id, markers, tables, schema_version, device_time_ms)| {
                DeviceFrame::Hello(Hello {
                    device_id,
                    markers,
                    tables,
                    schema_version,
                    device_time_ms,
                })
            },
        );
    let push = (id(), vec(change(), 0..3), any::<u32>(), any::<u64>()).prop_map(
        |(device_id, changes, schema_version, device_time_ms)| {
            DeviceFrame::Push(Push {
                device_id,
                changes,
                schema_version,
                device_time_ms,
            })
        },
    );
    let ack = (id(), btree_map(scope(), marker(), 0..3)).prop_map(|(device_id, positions)| {
        DeviceFrame::Ack(Acknowledged {
            device_id,
            positions,
        })
    });
    let digests = btree_map(scope(), btree_map(table(), row(), 0..3), 0..3);
    let digest = |row: Row| Digest::of([row].iter());
    let verify = (id(), markers(), digests).prop_map(move |(device_id, markers, rows)| {
        let of_table = |rows: BTreeMap<String, Row>| {
            rows.into_iter()
                .map(|(table, row)| (table, digest(row)))
                .collect()
        };
        let digests = rows
            .into_iter()
            .map(|(scope, rows)| (scope, of_table(rows)));
        DeviceFrame::Verify(Verify {
            device_id,
            markers,
            digests: digests.collect(),
        })
    });
    let bye = (id(), any::<String>())
        .prop_map(|(device_id, reason)| DeviceFrame::Bye(Bye { device_id, reason }));
    prop_oneof![
        hello,
        push,
        ack,
        verify,
        bye,
        Just(DeviceFrame::Heartbeat {})
    ]
}

fn server_error() -> impl Strategy<Value = ServerError> {
    let parts = (any::<String>(), any::<String>(), of(any::<u64>()));
    parts.prop_map(|(code, message, retry_after_ms)| ServerError {
        code,
        message,
        retry_after_ms,
    })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let applied = (
        any::<u64>(),
        of(stamp()),
        of(row()),
        vec(any::<String>(), 0..3),
    )
        .prop_map(|(lsn, stamp, row, lost_fields)| Outcome::Applied {
            lsn,
            stamp,
            row: row.map(Box::new),
            lost_fields,
        });
    let rejected = (any::<String>(), any::<String>())
        .prop_map(|(code, message)| Outcome::Rejected { code, message });
    let gone = any::<String>().prop_map(|message| Outcome::Gone { message, row: None });
    let first = prop_oneof![applied, rejected, gone, Just(Outcome::NeedFull {})];
    first.prop_recursive(3, 3, 1, |first| {
        first.prop_map(|first| Outcome::Duplicate {
            outcome: Box::new(first),
        })
    })
}

fn positions() -> impl Strategy<Value = BTreeMap<Scope, Marker>> {
    btree_map(scope(), marker(), 0..3)
}

fn rows_frame() -> impl Strategy<Value = ServerFrame> {
    let rows = || vec(row(), 0..3);
    let head = (scope(), table(), rows())
        .prop_map(|(scope, table, rows)| ServerFrame::Head(Head { scope, table, rows }));
    let delta = (
        scope(),
        table(),
        rows(),
        marker(),
        marker(),
        any::<bool>(),
        of(server_error()),
    )
        .prop_map(|(scope, table, rows, from, to, is_last_chunk, error)| {
            ServerFrame::Delta(Delta {
                scope,
                table,
                rows,
                from,
                to,
                is_last_chunk,
                error,
            })
        });
    let change = (scope(), marker(), marker(), rows()).prop_map(|(scope, from, to, rows)| {
        ServerFrame::Change(ScopeChange {
            scope,
            from,
            to,
            rows,
        })
    });
    prop_oneof![head, delta, change]
}

fn server_frame() -> impl Strategy<Value = ServerFrame> {
    let phase = prop_oneof![
        Just(FeedPhase::Initial),
        Just(FeedPhase::Catchup),
        Just(FeedPhase::Live)
    ];
    let floors = btree_map(scope(), any::<u64>(), 0..3);
    let welcome = (positions(), phase, floors, any::<u64>()).prop_map(
        |(ceilings, phase, purge_floors, server_time_ms)| {
            ServerFrame::Welcome(Welcome {
                ceilings,
                phase,
                purge_floors,
                server_time_ms,
            })
        },
    );
    let pushed =
        (btree_map(id(), outcome(), 0..3), any::<u64>()).prop_map(|(outcomes, server_time_ms)| {
            ServerFrame::PushResult(PushResult {
                outcomes,
                server_time_ms,
            })
        });
    let heartbeat = (any::<u64>(), positions()).prop_map(|(server_time_ms, positions)| {
        ServerFrame::Heartbeat(Heartbeat {
            server_time_ms,
            positions,
        })
    });
    let standing = prop_oneof![
        Just(Standing::Same),
        Just(Standing::Behind),
        Just(Standing::Differs)
    ];
    let verified = btree_map(scope(), btree_map(table(), standing, 0..3), 0..3)
        .prop_map(|tables| ServerFrame::VerifyResult(Verified { tables }));
    prop_oneof![
        rows_frame(),
        welcome,
        pushed,
        heartbeat,
        verified,
        server_error().prop_map(ServerFrame::Error),
        Just(ServerFrame::DeltaComplete {}),
    ]
}

/// Whatever it is, it is read or refused with a code; and what was read is sent as it was read.
fn is_read_or_refused(text: &str) -> Result<(), TestCaseError> {
    match DeviceFrame::decode(text, &SCHEMA) {
        Ok(frame) => prop_assert_eq!(DeviceFrame::decode(&frame.encode(), &SCHEMA), Ok(frame)),
        Err(error) => prop_assert!(CODES.contains(&error.code())),
    }
    match ServerFrame::decode(text) {
        Ok(frame) => prop_assert_eq!(ServerFrame::decode(&frame.encode()), Ok(frame)),
        Err(error) => prop_assert!(CODES.contains(&error.code())),
    }
    Ok(())
}

/// A place in a text, and what happens there.
fn injury() -> impl Strategy<Value = (usize, usize, String)> {
    let put = prop_oneof![
        Just(String::new()),
        any::<char>().prop_map(String::from),
        r#"[{}\[\]",:0-9a-z\\-]{1,6}"#,
        Just("null".to_owned()),
        Just("[".repeat(300)),
    ];
    (any::<usize>(), 0_usize..12, put)
}

fn injured(mut text: String, injuries: Vec<(usize, usize, String)>) -> String {
    for (place, cut, put) in injuries {
        let boundary = |mut at: usize| {
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let from = boundary(place % (text.len() + 1));
        let to = boundary((from + cut).min(text.len())).max(from);
        text.replace_range(from..to, &put);
    }
    text
}

proptest! {
    #![proptest_config(cases(192))]

    #[test]
    fn a_frame_of_a_device_comes_back_as_it_was_sent(frame in device_frame()) {
        prop_assert_eq!(DeviceFrame::decode(&frame.encode(), &SCHEMA), Ok(frame));
    }

    #[test]
    fn a_frame_of_a_server_comes_back_as_it_was_sent(frame in server_frame()) {
        prop_assert_eq!(ServerFrame::decode(&frame.encode()), Ok(frame));
    }

    #[test]
    fn no_text_is_too_strange(text in any::<String>()) {
        is_read_or_refused(&text)?;
    }

    #[test]
    fn no_json_is_too_strange(text in r#"[{}\[\]",:0-9a-z.e\\-]{0,60}"#) {
        is_read_or_refused(&text)?;
        is_read_or_refused(&format!(r#"{{"v":1,"f":{text}}}"#))?;
    }

    #[test]
    fn a_frame_that_was_injured_is_read_or_refused(
        frame in device_frame(),
        injuries in vec(injury(), 1..4),
    ) {
        is_read_or_refused(&injured(frame.encode(), injuries))?;
    }

    #[test]
    fn a_servers_frame_that_was_injured_is_read_or_refused(
        frame in server_frame(),
        injuries in vec(injury(), 1..4),
    ) {
        is_read_or_refused(&injured(frame.encode(), injuries))?;
    }
}
