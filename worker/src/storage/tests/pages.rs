//! Pages from the server in the store.

use super::*;
use domain::{Prompt, RULES};
use sync::device::effect::Page;
use sync::device::event::Refused;
use sync::frame::{Delta, Head};
use sync::row::Row;
use sync::scope::{LIBRARY, Lsn, Marker, Scope};

/// A prompt's row as the server sends it.
pub(super) fn prompt(key: u128, lsn: Lsn) -> Row {
    let prompt = Prompt {
        id: Id::from_u128(key),
        category: "c".into(),
        text: "why".into(),
    };
    Row {
        lsn,
        op_id: Id::from_u128(u128::from(lsn)),
        fields: prompt.to_fields(),
        ..Row::empty("prompts", prompt.id)
    }
}

/// One chunk of missed prompts.
pub(super) fn delta(from: Marker, rows: Vec<Row>) -> Page {
    Page::Delta(Delta {
        scope: Scope::named(LIBRARY),
        table: "prompts".to_owned(),
        to: rows.last().map_or(from, Row::marker),
        rows,
        from,
        is_last_chunk: true,
        error: None,
    })
}

pub(super) async fn prompts(connection: &Connection) -> Vec<Id> {
    let table = RULES.schema.table("prompts").expect("prompts");
    let found = connection.find(table, &Query::all("prompts")).await;
    found.expect("rows").iter().map(|row| row.key).collect()
}

pub(super) async fn marker(connection: &Connection) -> Marker {
    let markers = stored(connection).await.markers;
    markers.get(&Scope::named(LIBRARY), "prompts")
}

#[wasm_bindgen_test]
async fn a_page_moves_rows_and_markers_together_and_one_that_does_not_fit_moves_neither() {
    let connection = journal().await;
    let row = prompt(9, 1);
    let to = row.marker();
    let page = delta(Marker::START, vec![row]);
    let stored = connection.store_page(browser::mint(), &page, &[]).await;
    assert_eq!(stored.expect("stored").moved.len(), 1);
    let repeat = connection.store_page(browser::mint(), &page, &[]).await;
    let Refused::Gap { markers } = repeat.expect_err("a gap") else {
        panic!("not a gap")
    };
    assert_eq!(markers.get(&Scope::named(LIBRARY), "prompts"), to);
    assert_eq!(marker(&connection).await, to);
    assert_eq!(prompts(&connection).await, [Id::from_u128(9)]);
}

#[wasm_bindgen_test]
async fn the_newest_rows_are_shown_before_the_rest_and_move_no_marker() {
    let connection = journal().await;
    let head = Page::Head(Head {
        scope: Scope::named(LIBRARY),
        table: "prompts".to_owned(),
        rows: vec![prompt(9, 5)],
    });
    let committed = connection.store_page(browser::mint(), &head, &[]).await;
    assert_eq!(committed.expect("stored").moved, []);
    assert_eq!(prompts(&connection).await.len(), 1);
    assert_eq!(marker(&connection).await, Marker::START);
    let page = delta(Marker::START, vec![prompt(8, 4), prompt(9, 5)]);
    let committed = connection.store_page(browser::mint(), &page, &[]).await;
    let committed = committed.expect("stored");
    assert_eq!((committed.skipped, committed.changed.len()), (1, 1));
}

#[wasm_bindgen_test]
async fn a_row_that_does_not_fit_is_refused_and_then_set_aside_so_that_others_come_through() {
    let connection = journal().await;
    let mut bad = prompt(8, 4);
    bad.fields.remove("text");
    let page = delta(Marker::START, vec![bad, prompt(9, 5)]);
    let refused = connection.store_page(browser::mint(), &page, &[]).await;
    let Refused::BadRow { lsn, .. } = refused.expect_err("refused") else {
        panic!("not for the row")
    };
    assert_eq!((lsn, prompts(&connection).await.len()), (4, 0));

    let committed = connection.store_page(browser::mint(), &page, &[lsn]).await;
    assert_eq!(committed.expect("stored").outbox.failed, 1);
    assert_eq!(prompts(&connection).await, [Id::from_u128(9)]);
    assert_eq!(marker(&connection).await.lsn, 5);
    // It is no edit of this device: nothing goes out, and another try changes nothing.
    assert_eq!(take(&connection).await.len(), 0);
    let retried = connection.retry_refused(browser::mint()).await;
    let outbox = retried.expect("tried").outbox;
    assert_eq!((outbox.waiting, outbox.failed), (0, 1));
}
