//! After what was missed: changes as they happen.

use super::*;

fn live(tables: &[&str]) -> Session {
    let mut session = open(&standing(hello(tables), tables, at(20)));
    while !session.is_live() {
        session.found(all(Vec::new(), 20));
    }
    drain(&mut session);
    session
}

/// Reads on until there is nothing more.
fn drain(session: &mut Session) -> Vec<ServerFrame> {
    let mut frames = Vec::new();
    while session.read() != Read::Wait {
        frames.extend(session.found(all(Vec::new(), 20)));
    }
    frames
}

fn change(frame: &ServerFrame) -> (Lsn, Lsn, usize) {
    match frame {
        ServerFrame::Change(change) => (change.from.lsn, change.to.lsn, change.rows.len()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn after_what_was_missed_it_looks_once_more_and_then_waits_for_a_poke() {
    let mut session = open(&standing(hello(&["notes"]), &["notes"], at(20)));
    session.poke();
    session.found(all(Vec::new(), 20));
    // What was written while the catch-up was read is not left for the next poke.
    assert!(matches!(
        session.read(),
        Read::Rows {
            after: 20,
            ceiling: None,
            ..
        }
    ));
    assert!(drain(&mut session).is_empty());
    assert_eq!(session.read(), Read::Wait);
    session.poke();
    assert!(matches!(session.read(), Read::Rows { .. }));
}

#[test]
fn a_change_begins_where_the_one_before_it_ended_and_moves_all_tables() {
    let mut session = live(&["notes", "pages"]);
    session.poke();
    let Read::Rows {
        tables,
        after,
        ceiling,
        ..
    } = session.read()
    else {
        panic!("no rows");
    };
    let names: Vec<_> = tables.iter().map(|table| table.name).collect();
    assert_eq!((names, after, ceiling), (vec!["notes", "pages"], 20, None));
    let frames = session.found(some(vec![row("notes", 21), row("pages", 22)]));
    assert_eq!(change(&frames[0]), (20, 22, 2));
    let frames = session.found(all(vec![row("pages", 25)], 25));
    assert_eq!(frames.iter().map(change).collect::<Vec<_>>(), [(22, 25, 1)]);
    assert_eq!(session.read(), Read::Wait);
}

#[test]
fn positions_of_tables_that_the_device_does_not_know_are_passed_with_an_empty_change() {
    let mut session = live(&["notes"]);
    session.poke();
    let frames = session.found(all(vec![row("notes", 22)], 24));
    assert_eq!(
        frames.iter().map(change).collect::<Vec<_>>(),
        [(20, 22, 1), (22, 24, 0)]
    );
    session.poke();
    assert!(
        session.found(all(Vec::new(), 24)).is_empty(),
        "and said once"
    );
}

#[test]
fn every_scope_is_looked_at_after_a_poke_and_one_without_known_tables_never() {
    let library = Scope::named(LIBRARY);
    let scopes = vec![own(), library.clone()];
    for (tables, expected) in [
        (vec!["notes", "hints"], vec![own(), library.clone()]),
        (vec!["notes"], vec![own()]),
    ] {
        let mut positions = positions();
        positions.ceilings.insert(library.clone(), at(3));
        let opened = Session::open(&SCHEMA, &hello(&tables), scopes.clone(), positions);
        let mut session = opened.expect("a session");
        let mut seen = Vec::new();
        while session.read() != Read::Wait {
            if let Read::Rows {
                scope,
                ceiling: None,
                ..
            } = session.read()
            {
                seen.push(scope.clone());
            }
            session.found(all(Vec::new(), 3));
        }
        assert_eq!(seen, expected);
        let ServerFrame::Heartbeat(heartbeat) = session.heartbeat(1) else {
            panic!("no heartbeat");
        };
        assert_eq!(heartbeat.positions.len(), expected.len());
    }
}

#[test]
fn a_heartbeat_says_where_everything_has_been_sent_and_nothing_before_that() {
    let mut session = open(&standing(hello(&["notes"]), &["notes"], at(9)));
    let positions = |session: &Session| match session.heartbeat(77) {
        ServerFrame::Heartbeat(heartbeat) => {
            assert_eq!(heartbeat.server_time_ms, 77);
            heartbeat.positions
        }
        other => panic!("{other:?}"),
    };
    assert!(positions(&session).is_empty());
    session.found(all(Vec::new(), 20));
    assert_eq!(positions(&session), [(own(), at(20))].into());
    session.found(all(vec![row("notes", 21)], 21));
    assert_eq!(positions(&session), [(own(), at(21))].into());
}
