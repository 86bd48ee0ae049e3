//! One session of the feed, read by read.

use super::*;
use crate::fixture::{NOTES, SCHEMA};
use crate::limits::{CHUNK_BYTES_MAX, WIRE_VERSION};
use crate::scope::{LIBRARY, Markers, OWN};
use crate::value::{Fields, Value};
use crate::version::VersionStep;

mod chunks;
mod live;

fn at(lsn: Lsn) -> Marker {
    let op_id = Id::from_u128(u128::from(lsn));
    Marker { lsn, op_id }
}

fn own() -> Scope {
    Scope::named(OWN)
}

fn row(table: &str, lsn: Lsn) -> Row {
    let mut row = Row::empty(table, Id::from_u128(u128::from(lsn) + 1_000));
    (row.lsn, row.op_id) = (lsn, at(lsn).op_id);
    row.fields = Fields::from([("text".into(), "words".into())]);
    row
}

fn of_group(rows: impl IntoIterator<Item = Row>, group: u128) -> Vec<Row> {
    let group = Some(Id::from_u128(group));
    rows.into_iter().map(|row| Row { group, ..row }).collect()
}

fn hello(tables: &[&str]) -> Hello {
    Hello {
        device_id: Id::from_u128(1),
        markers: Markers::default(),
        tables: tables.iter().map(ToString::to_string).collect(),
        schema_version: 1,
        device_time_ms: 0,
    }
}

/// The same, standing at this position of its own journal in these tables.
fn standing(mut hello: Hello, tables: &[&str], marker: Marker) -> Hello {
    for table in tables {
        hello.markers.set(&own(), table, marker);
    }
    hello
}

/// A journal that ends at 20 and remembers all of it, with tombstones up to 5 cleared out.
fn positions() -> Positions {
    let known = |lsn| ((own(), lsn), at(lsn).op_id);
    Positions {
        ceilings: [(own(), at(20))].into(),
        history: (1..=20).map(known).collect(),
        floors: [(own(), 5)].into(),
    }
}

fn open(hello: &Hello) -> Session {
    Session::open(&SCHEMA, hello, vec![own()], positions()).expect("a session")
}

fn all(rows: Vec<Row>, end: Lsn) -> Found {
    Found {
        rows,
        exhausted: true,
        end: at(end),
        floor: 0,
    }
}

fn some(rows: Vec<Row>) -> Found {
    Found {
        rows,
        exhausted: false,
        end: at(20),
        floor: 0,
    }
}

fn deltas(frames: &[ServerFrame]) -> Vec<(&str, Lsn, Lsn, usize, bool)> {
    let deltas = frames.iter().filter_map(|frame| match frame {
        ServerFrame::Delta(delta) => Some((
            delta.table.as_str(),
            delta.from.lsn,
            delta.to.lsn,
            delta.rows.len(),
            delta.is_last_chunk,
        )),
        _ => None,
    });
    deltas.collect()
}

fn code(hello: &Hello) -> Option<String> {
    let opened = Session::open(&SCHEMA, hello, vec![own()], positions());
    opened.err().map(|error| error.code)
}

#[test]
fn a_device_goes_on_from_where_it_stands_only_if_this_server_knows_the_place() {
    let other = |lsn| Marker {
        op_id: Id::from_u128(99),
        ..at(lsn)
    };
    let cases = [
        (Marker::START, None),
        (at(5), None),
        (at(20), None),
        (at(4), Some("cursor_expired")),
        (other(7), Some("epoch_changed")),
        (at(21), Some("epoch_changed")),
        (other(4), Some("cursor_expired")),
    ];
    for (marker, expected) in cases {
        let hello = standing(hello(&["notes"]), &["notes"], marker);
        assert_eq!(code(&hello).as_deref(), expected, "{marker:?}");
    }
    let mut forgotten = positions();
    forgotten.history.clear();
    let hello = standing(hello(&["notes"]), &["notes"], at(7));
    let opened = Session::open(&SCHEMA, &hello, vec![own()], forgotten);
    assert_eq!(
        opened.err().map(|error| error.code).as_deref(),
        Some("epoch_changed")
    );
}

#[test]
fn one_table_that_stands_on_a_strange_change_is_enough() {
    let tables = ["notes", "pages"];
    let mut mixed = standing(hello(&tables), &["notes"], at(20));
    mixed.markers.set(
        &own(),
        "pages",
        Marker {
            op_id: Id::NIL,
            ..at(7)
        },
    );
    assert_eq!(code(&mixed).as_deref(), Some("epoch_changed"));
}

#[test]
fn a_change_that_was_acknowledged_and_is_not_here_shows_that_the_server_lost_something() {
    let stands = |marker| {
        let mut hello = standing(hello(&["notes"]), &["notes"], at(20));
        hello.markers.set(&own(), ACKNOWLEDGED, marker);
        hello
    };
    assert_eq!(code(&stands(at(20))), None);
    let beyond = stands(at(21));
    assert_eq!(
        claims(&beyond, &[own()]),
        [(own(), at(20)), (own(), at(21))]
    );
    assert_eq!(code(&beyond).as_deref(), Some("epoch_changed"));
}

#[test]
fn a_device_whose_version_is_not_spoken_is_asked_to_update() {
    for version in [0, 2] {
        let hello = Hello {
            schema_version: version,
            ..hello(&["notes"])
        };
        assert_eq!(code(&hello).as_deref(), Some("update_required"));
    }
    assert_eq!(WIRE_VERSION, 1, "the tables' version is another number");
}

#[test]
fn what_is_to_be_looked_up_is_each_position_once_and_never_the_start() {
    let mut hello = standing(
        hello(&["notes", "pages", "hints"]),
        &["notes", "pages"],
        at(7),
    );
    hello
        .markers
        .set(&Scope::named("elsewhere"), "notes", at(9));
    let library = Scope::named(LIBRARY);
    assert_eq!(claims(&hello, &[own(), library]), [(own(), at(7))]);
}

#[test]
fn a_welcome_says_what_is_to_come() {
    let tables = ["notes", "pages"];
    let cases = [
        (hello(&tables), FeedPhase::Initial),
        (
            standing(hello(&tables), &["notes"], at(20)),
            FeedPhase::Catchup,
        ),
        (standing(hello(&tables), &tables, at(9)), FeedPhase::Catchup),
        (standing(hello(&tables), &tables, at(20)), FeedPhase::Live),
    ];
    for (hello, phase) in cases {
        let ServerFrame::Welcome(welcome) = open(&hello).welcome(77) else {
            panic!("no welcome");
        };
        assert_eq!(welcome.phase, phase);
        assert_eq!(welcome.server_time_ms, 77);
        assert_eq!(welcome.ceilings, positions().ceilings);
        assert_eq!(welcome.purge_floors, positions().floors);
    }
}

#[test]
fn a_new_device_is_shown_the_newest_of_tables_that_have_a_day_first() {
    let mut session = open(&hello(&["notes", "pages"]));
    let Read::Head { table, day, .. } = session.read() else {
        panic!("no head");
    };
    assert_eq!((table.name, day), ("pages", "day"));
    let many = (1..=60).map(|lsn| row("pages", lsn)).collect();
    let frames = session.found_head(many);
    let [ServerFrame::Head(head)] = &frames[..] else {
        panic!("{frames:?}");
    };
    assert_eq!(
        (head.table.as_str(), head.rows.len()),
        ("pages", HEAD_ROWS_MAX)
    );
    let Read::Rows { tables, after, .. } = session.read() else {
        panic!("no rows");
    };
    assert_eq!((tables[0].name, after), ("notes", 0), "no marker has moved");
}

#[test]
fn nothing_is_shown_first_where_there_is_nothing_or_the_device_has_some() {
    let mut empty = positions();
    empty.ceilings.clear();
    let session = Session::open(&SCHEMA, &hello(&["pages"]), vec![own()], empty);
    let session = session.expect("a session");
    assert!(matches!(session.read(), Read::Rows { .. }));
    let stands = standing(hello(&["pages"]), &["pages"], at(7));
    assert!(matches!(open(&stands).read(), Read::Rows { .. }));

    let mut session = open(&hello(&["pages"]));
    assert!(
        session.found_head(Vec::new()).is_empty(),
        "no frame without rows"
    );
    assert!(matches!(session.read(), Read::Rows { .. }));
}

#[test]
fn what_was_missed_comes_table_by_table_parents_first_and_ends_once() {
    let mut positions = positions();
    let library = Scope::named(LIBRARY);
    positions.ceilings.insert(library.clone(), at(3));
    let scopes = vec![own(), library.clone()];
    // The order in which the device names them does not matter.
    let hello = standing(hello(&["notes", "hints"]), &["notes"], at(9));
    let mut session = Session::open(&SCHEMA, &hello, scopes, positions).expect("a session");
    let Read::Rows {
        scope,
        tables,
        after,
        ceiling,
    } = session.read()
    else {
        panic!("no rows");
    };
    assert_eq!(
        (scope, tables[0].name, after, ceiling),
        (library, "hints", 0, Some(3))
    );
    let frames = session.found(all(vec![row("hints", 2)], 3));
    assert_eq!(deltas(&frames), [("hints", 0, 3, 1, true)]);
    assert_eq!(frames.len(), 1, "it is not complete yet");
    assert!(!session.is_live());

    let Read::Rows {
        tables,
        after,
        ceiling,
        ..
    } = session.read()
    else {
        panic!("no rows");
    };
    assert_eq!((tables[0].name, after, ceiling), ("notes", 9, Some(20)));
    let frames = session.found(some(vec![row("notes", 10), row("notes", 14)]));
    assert_eq!(deltas(&frames), [("notes", 9, 14, 2, false)]);
    assert!(matches!(session.read(), Read::Rows { after: 14, .. }));
    let frames = session.found(all(Vec::new(), 20));
    assert_eq!(
        deltas(&frames),
        [("notes", 14, 20, 0, true)],
        "an empty rest says so"
    );
    assert_eq!(frames.last(), Some(&ServerFrame::DeltaComplete {}));
    assert!(session.is_live());
}

#[test]
fn rows_are_lowered_to_the_devices_version_of_the_tables() {
    static STEPS: [VersionStep; 1] = [VersionStep {
        raise: |_| (),
        lower: |row| drop(row.fields.insert("lowered".into(), Value::Null)),
    }];
    static SECOND: Schema = Schema {
        tables: &[&NOTES],
        version: 2,
        steps: &STEPS,
    };
    for (version, lowered) in [(1, true), (2, false)] {
        let hello = Hello {
            schema_version: version,
            ..hello(&["notes"])
        };
        let mut session =
            Session::open(&SECOND, &hello, vec![own()], positions()).expect("a session");
        let mut frames = session.found(all(vec![row("notes", 9)], 20));
        session.poke();
        frames.extend(session.found(all(vec![row("notes", 21)], 21)));
        for frame in frames {
            let (ServerFrame::Delta(Delta { rows, .. })
            | ServerFrame::Change(ScopeChange { rows, .. })) = frame
            else {
                continue;
            };
            assert_eq!(rows[0].fields.contains_key("lowered"), lowered);
        }
    }
}

#[test]
fn a_session_ends_when_tombstones_are_cleared_out_that_it_has_not_sent() {
    let up_to = |floor| Found {
        floor,
        ..all(vec![row("notes", 14)], 20)
    };
    let ends = |frames: &[ServerFrame]| {
        let expired =
            |f: &ServerFrame| matches!(f, ServerFrame::Error(e) if e.code == "cursor_expired");
        frames.iter().any(expired)
    };
    let stands = standing(hello(&["notes"]), &["notes"], at(9));
    for (floor, over) in [(9, false), (10, true)] {
        assert_eq!(ends(&open(&stands).found(up_to(floor))), over);
        let mut live = open(&stands);
        live.found(all(Vec::new(), 20));
        assert_eq!(ends(&live.found(up_to(floor + 11))), over, "live as well");
    }
    assert!(
        !ends(&open(&hello(&["notes"])).found(up_to(10))),
        "who has nothing takes it all"
    );
}

#[test]
fn an_error_while_reading_what_was_missed_is_said_in_place_of_a_chunk() {
    let stands = standing(hello(&["notes"]), &["notes"], at(9));
    let error = ServerError::new("store_failed", "The store did not answer.");
    let ServerFrame::Delta(delta) = open(&stands).failed(error.clone()) else {
        panic!("no delta");
    };
    assert_eq!((delta.from, delta.to), (at(9), at(9)));
    assert!(!delta.is_last_chunk && delta.rows.is_empty());
    assert_eq!(delta.error, Some(error.clone()));

    let showing = open(&hello(&["pages"]));
    assert_eq!(
        showing.failed(error.clone()),
        ServerFrame::Error(error.clone())
    );
    let mut live = open(&stands);
    live.found(all(Vec::new(), 20));
    assert_eq!(live.failed(error.clone()), ServerFrame::Error(error));
}

#[test]
fn two_copies_compare_only_where_both_stand_at_the_end() {
    let digest = |rows: &[Row]| crate::digest::Digest::of(rows.iter());
    let here = digest(&[row("notes", 9)]);
    let other = digest(&[row("notes", 8)]);
    let cases = [
        (at(20), here, Standing::Same),
        (at(20), other, Standing::Differs),
        (at(19), here, Standing::Behind),
        (at(19), other, Standing::Behind),
        (
            Marker {
                op_id: Id::NIL,
                ..at(20)
            },
            here,
            Standing::Behind,
        ),
    ];
    let ours = [(own(), [("notes".to_string(), here)].into())].into();
    for (marker, theirs, standing) in cases {
        let mut markers = Markers::default();
        markers.set(&own(), "notes", marker);
        let verify = Verify {
            device_id: Id::from_u128(1),
            markers,
            digests: [(own(), [("notes".to_string(), theirs)].into())].into(),
        };
        let verified = verified(&verify, &positions(), &ours);
        assert_eq!(verified.tables[&own()]["notes"], standing, "{marker:?}");
    }
}
