//! Holds PROTOCOL.md to the code: its tables of states and events, its limits, its names, its
//! examples, and the tests that it names.

mod contract;
mod document;
mod driven;
#[path = "../journal/mod.rs"]
mod journal;
mod limits;
mod rows;
mod rules;
mod says;
mod states;
mod tests_named;

use document::{Table, hold, source, variants};
use driven::PHASES;
use rows::{GROUPS, OUTBOX, VERIFYING};
use says::cell;
use std::collections::BTreeSet;

const DOING: [&str; 4] = ["Idle", "Taking", "Pushing", "Settling"];
const STAGES: [&str; 5] = ["No", "Wanted", "Digesting", "Asked", "Behind"];

/// Why an event of the outbox cannot come in a state of it.
const WHY: [(&str, &str); 4] = [
    ("OutboxTaken", "only what was asked for is taken"),
    ("PushAnswered", "only a push on its way is answered"),
    ("PushFailed", "only a push on its way fails"),
    ("Settle", "only what is being stored is answered"),
];

#[test]
fn every_event_in_every_phase_does_what_the_document_says() {
    let mut tables = Vec::new();
    for (heading, rows) in GROUPS {
        let row = |(name, state, event): &rows::Row| {
            let cells = PHASES.map(|phase| {
                let driven = state(phase);
                let event = event(&driven);
                cell(driven, event, |d| format!("{:?}", d.state().phase))
            });
            [vec![name.to_string()], cells.into()].concat()
        };
        let phases = PHASES.map(|phase| format!("{phase:?}"));
        tables.push((
            heading,
            Table {
                columns: [vec!["event".to_string()], phases.into()].concat(),
                rows: rows.iter().map(row).collect(),
            },
        ));
    }
    hold(&tables);
}

#[test]
fn the_outbox_does_what_the_document_says_and_is_never_told_what_it_did_not_ask() {
    let row = |(name, event): &rows::Happening| {
        let cells = DOING.map(|doing| {
            let driven = states::outbox(doing);
            let event = event(&driven);
            let said = cell(driven, event, |d| {
                let state = d.state();
                let doing = format!("{:?}", state.outbox.drain);
                let doing = doing.split('(').next().unwrap_or_default();
                match state.phase {
                    sync::device::state::Phase::Live => doing.to_string(),
                    phase => format!("{doing} in {phase:?}"),
                }
            });
            let why = WHY.iter().find(|(start, _)| name.starts_with(start));
            match why {
                Some((_, why)) if said == "impossible" => format!("impossible: {why}"),
                _ => said,
            }
        });
        [vec![name.to_string()], cells.into()].concat()
    };
    hold(&[(
        "What the outbox is doing",
        Table {
            columns: ["event"]
                .iter()
                .chain(&DOING)
                .map(ToString::to_string)
                .collect(),
            rows: OUTBOX.iter().map(row).collect(),
        },
    )]);
}

#[test]
fn a_comparison_goes_as_the_document_says() {
    let row = |(name, event): &rows::Happening| {
        let cells = STAGES.map(|stage| {
            let driven = states::verifying(stage);
            let event = event(&driven);
            cell(driven, event, |d| format!("{:?}", d.state().verifying))
        });
        [vec![name.to_string()], cells.into()].concat()
    };
    hold(&[(
        "How far a comparison has come",
        Table {
            columns: ["event"]
                .iter()
                .chain(&STAGES)
                .map(ToString::to_string)
                .collect(),
            rows: VERIFYING.iter().map(row).collect(),
        },
    )]);
}

#[test]
fn no_event_phase_timer_or_frame_is_left_out() {
    let rows = || GROUPS.iter().flat_map(|(_, rows)| rows.iter());
    let heads: BTreeSet<_> = rows()
        .map(|(name, ..)| name.split(':').next().unwrap_or_default().to_string())
        .collect();
    let events = variants("sync/src/device/event.rs", "Event");
    assert_eq!(heads, events.into_iter().collect());

    let after = |event: &str| -> BTreeSet<_> {
        let details = rows().filter_map(|(name, ..)| name.strip_prefix(event));
        let first = |detail: &str| {
            detail
                .split([',', ' '])
                .next()
                .unwrap_or_default()
                .to_string()
        };
        details.map(first).filter(|first| first != "of").collect()
    };
    let timers = variants("sync/src/device/effect.rs", "Timer");
    assert_eq!(after("TimerFired: "), timers.into_iter().collect());
    let classes: BTreeSet<_> = variants("sync/src/device/retry.rs", "FailureClass")
        .iter()
        .map(|class| class.to_lowercase())
        .collect();
    assert_eq!(after("PushFailed: "), classes);
    assert!(after("LinkClosed: ").is_superset(&classes));
    let kinds = document::answers("sync/src/frame/server.rs", "kind");
    assert_eq!(after("FrameArrived: "), kinds.into_iter().collect());
    let refused = variants("sync/src/device/event.rs", "Refused").len();
    assert_eq!(after("PageRefused: ").len(), refused);

    let phases = variants("sync/src/device/state.rs", "Phase");
    assert_eq!(
        phases.into_iter().collect::<BTreeSet<_>>(),
        PHASES.map(|p| format!("{p:?}")).into()
    );
    let doing = variants("sync/src/device/state.rs", "Drain");
    assert_eq!(doing, DOING);
    assert_eq!(variants("sync/src/device/state.rs", "Verifying"), STAGES);
}

#[test]
fn no_cell_of_any_table_is_empty() {
    for line in source("PROTOCOL.md")
        .lines()
        .filter(|line| line.starts_with('|'))
    {
        let inside = line.trim_matches('|');
        assert!(
            inside.split('|').all(|cell| !cell.trim().is_empty()),
            "{line}"
        );
    }
}
