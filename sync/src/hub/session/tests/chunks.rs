//! How rows are cut into frames: by number, by bytes, and never through a group.

use super::*;

fn sizes(frames: &[ServerFrame]) -> Vec<usize> {
    let rows = frames.iter().filter_map(|frame| match frame {
        ServerFrame::Delta(delta) => Some(delta.rows.len()),
        ServerFrame::Change(change) => Some(change.rows.len()),
        _ => None,
    });
    rows.collect()
}

fn heavy(lsn: Lsn, bytes: usize) -> Row {
    let text = "x".repeat(bytes);
    let mut row = row("notes", lsn);
    row.fields = Fields::from([("text".into(), text.as_str().into())]);
    row
}

fn missing_all() -> Session {
    open(&hello(&["notes"]))
}

#[test]
fn a_chunk_has_so_many_bytes_and_a_larger_row_travels_alone() {
    let third = CHUNK_BYTES_MAX / 3;
    let rows = vec![
        heavy(1, third),
        heavy(2, third),
        heavy(3, third),
        heavy(4, 2 * CHUNK_BYTES_MAX),
        heavy(5, 10),
    ];
    let frames = missing_all().found(all(rows, 20));
    assert_eq!(sizes(&frames), [2, 1, 1, 1]);
    let places: Vec<_> = deltas(&frames).iter().map(|d| (d.1, d.2, d.4)).collect();
    let joined = [(0, 2, false), (2, 3, false), (3, 4, false), (4, 20, true)];
    assert_eq!(places, joined, "each begins where the one before it ends");
}

#[test]
fn what_is_shown_first_has_the_bytes_of_one_chunk() {
    let mut session = open(&hello(&["pages"]));
    let rows = (1..=20)
        .map(|lsn| heavy(lsn, CHUNK_BYTES_MAX / 4))
        .collect();
    let frames = session.found_head(rows);
    let [ServerFrame::Head(head)] = &frames[..] else {
        panic!("{frames:?}");
    };
    assert_eq!(head.rows.len(), 3);
}

#[test]
fn rows_of_one_group_are_in_one_chunk_however_heavy() {
    let half = CHUNK_BYTES_MAX / 2;
    let mut rows = vec![heavy(1, half)];
    rows.extend(of_group((2..=4).map(|lsn| heavy(lsn, half)), 70));
    rows.extend(of_group((5..=6).map(|lsn| heavy(lsn, half)), 71));
    let frames = missing_all().found(all(rows, 20));
    assert_eq!(sizes(&frames), [1, 3, 2]);
}

#[test]
fn a_group_that_goes_on_behind_the_page_waits_for_its_rest() {
    let mut rows = vec![row("notes", 1), row("notes", 2)];
    rows.extend(of_group([row("notes", 3), row("notes", 4)], 70));
    let mut session = missing_all();
    assert_eq!(
        deltas(&session.found(some(rows.clone()))),
        [("notes", 0, 2, 2, false)]
    );
    assert!(
        matches!(session.read(), Read::Rows { after: 2, .. }),
        "it is read again"
    );

    let mut session = missing_all();
    let frames = session.found(all(rows.clone(), 20));
    assert_eq!(sizes(&frames), [4], "nothing is behind it");

    let mut session = missing_all();
    session.found(all(Vec::new(), 20));
    let live = rows
        .iter()
        .map(|r| Row {
            lsn: r.lsn + 20,
            ..r.clone()
        })
        .collect();
    assert_eq!(sizes(&session.found(some(live))), [2], "live as well");
}

#[test]
fn a_page_that_is_one_group_whole_is_sent_as_it_is() {
    let rows = of_group((1..=4).map(|lsn| row("notes", lsn)), 70);
    let frames = missing_all().found(some(rows));
    assert_eq!(
        deltas(&frames),
        [("notes", 0, 4, 4, false)],
        "or it would never come"
    );
}
