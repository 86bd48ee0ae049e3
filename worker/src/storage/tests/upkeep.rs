//! Taking the state anew, sweeping after it, clearing out, and the digests, in the store.

use super::pages::{delta, marker, prompt, prompts};
use super::*;
use crate::storage::upkeep::Cleared;
use sync::change::Change;
use sync::device::effect::Page;
use sync::device::meta::Rebuild;
use sync::digest::Digest;
use sync::frame::{Delta, Digests};
use sync::limits::{HISTORY_MS, SWEEP_ROWS_MAX, TOMBSTONE_MS};
use sync::row::{DELETED, Row};
use sync::scope::{LIBRARY, Lsn, Marker, Markers, OWN, Scope};

/// An entry's row as the server sends it.
fn entry_row(change: &Change, lsn: Lsn) -> Row {
    let stamps = change
        .fields
        .keys()
        .map(|name| (name.clone(), change.stamp));
    Row {
        lsn,
        op_id: change.op_id,
        stamps: stamps.collect(),
        fields: change.fields.clone(),
        ..Row::empty(&change.table, change.key)
    }
}

async fn receive(connection: &Connection, page: &Page) {
    let stored = connection.store_page(browser::mint(), page, &[]).await;
    stored.expect("stored");
}

/// A journal with this many prompts from the server.
async fn with_prompts(many: u64) -> Connection {
    let connection = journal().await;
    let rows = (1..=many).map(|n| prompt(u128::from(n), n)).collect();
    receive(&connection, &delta(Marker::START, rows)).await;
    connection
}

async fn sweep(connection: &Connection) -> (usize, bool) {
    let pass = connection.sweep(browser::mint()).await.expect("swept");
    let keys = pass.committed.changed.iter().map(|(_, keys)| keys.len());
    (keys.sum(), pass.left)
}

#[wasm_bindgen_test]
async fn a_rebuild_begins_with_its_markers_and_is_there_after_a_restart() {
    let connection = with_prompts(3).await;
    connection
        .begin_rebuild(Rebuild::Replace, &Markers::default())
        .await
        .expect("begun");
    let stored = stored(&connection).await;
    assert_eq!(
        (stored.generation, stored.rebuild),
        (1, Some(Rebuild::Replace))
    );
    assert_eq!(marker(&connection).await, Marker::START);
    assert_eq!(
        prompts(&connection).await.len(),
        3,
        "old rows are shown meanwhile"
    );
}

#[wasm_bindgen_test]
async fn what_does_not_come_again_is_gone_at_once_and_swept_in_bounded_passes() {
    let many = u64::try_from(SWEEP_ROWS_MAX).expect("small") * 2 + 50;
    let connection = with_prompts(many).await;
    write(&connection, vec![insert(&entry("not sent yet"))])
        .await
        .expect("kept");
    connection
        .begin_rebuild(Rebuild::Replace, &Markers::default())
        .await
        .expect("begun");
    receive(&connection, &delta(Marker::START, vec![prompt(7, 7)])).await;
    assert_eq!(
        sweep(&connection).await,
        (0, false),
        "not while it is under way"
    );

    let outbox = connection.finish_rebuild().await.expect("finished");
    assert_eq!(outbox.waiting, 1);
    assert_eq!(prompts(&connection).await, [Id::from_u128(7)]);
    assert_eq!(entries(&connection).await.len(), 1, "unsent words stay");
    assert_eq!(stored(&connection).await.rebuild, None);

    let mut passes = 0;
    let mut swept = 0;
    loop {
        let (touched, left) = sweep(&connection).await;
        assert!(touched <= SWEEP_ROWS_MAX);
        swept += u64::try_from(touched).expect("small");
        passes += 1;
        if !left {
            break;
        }
    }
    assert_eq!((passes, swept), (3, many - 1));
    assert_eq!(count(&connection, "prompts").await, 1);
    assert_eq!(prompts(&connection).await, [Id::from_u128(7)]);
    assert_eq!(sweep(&connection).await, (0, false), "once is enough");
    assert_eq!(entries(&connection).await.len(), 1);
}

#[wasm_bindgen_test]
async fn what_a_restored_server_lacks_stays_and_is_offered_to_it() {
    let connection = journal().await;
    write(&connection, vec![insert(&entry("on the server"))])
        .await
        .expect("kept");
    let pushed = take(&connection).await;
    let answer = applied(&pushed);
    connection
        .settle(browser::mint(), &pushed, &answer)
        .await
        .expect("settled");
    receive(&connection, &own(vec![entry_row(&pushed[0].change, 40)])).await;
    connection
        .begin_rebuild(Rebuild::Heal, &Markers::default())
        .await
        .expect("begun");
    let outbox = connection.finish_rebuild().await.expect("finished");
    assert_eq!(outbox.waiting, 0);
    assert_eq!(
        entries(&connection).await,
        [("on the server".to_owned(), Tick::Synced)]
    );
    assert_eq!(sweep(&connection).await, (1, false));
    assert_eq!(
        entries(&connection).await,
        [("on the server".to_owned(), Tick::Local)]
    );
    let offered = take(&connection).await;
    assert!(!offered.is_empty());
    for local in offered {
        assert!(local.change.stamps.is_some(), "with its own stamps");
    }
}

/// Rows of the journal that were missed, from the start.
fn own(rows: Vec<Row>) -> Page {
    Page::Delta(Delta {
        scope: Scope::named(OWN),
        table: JournalEntry::TABLE.name.to_owned(),
        to: rows.last().map_or(Marker::START, Row::marker),
        rows,
        from: Marker::START,
        is_last_chunk: true,
        error: None,
    })
}

/// Clears out until there is nothing left. Tells how many passes that took.
async fn clear_out(connection: &Connection, now_ms: u64) -> u32 {
    let mut place = Cleared::default();
    let mut passes = 1;
    while let Some(next) = connection.collect(now_ms, place).await.expect("cleared") {
        place = next;
        passes += 1;
    }
    passes
}

#[wasm_bindgen_test]
async fn history_goes_by_age_in_bounded_passes_and_what_waits_stays() {
    let connection = journal().await;
    let many = SWEEP_ROWS_MAX + 20;
    for n in 0..many {
        let body = format!("entry {n}");
        write(&connection, vec![insert(&entry(&body))])
            .await
            .expect("kept");
    }
    loop {
        let pushed = take(&connection).await;
        if pushed.is_empty() {
            break;
        }
        let answer = applied(&pushed);
        connection
            .settle(browser::mint(), &pushed, &answer)
            .await
            .expect("settled");
    }
    write(&connection, vec![insert(&entry("waits"))])
        .await
        .expect("kept");
    let now_ms = browser::now_ms();
    assert_eq!(
        clear_out(&connection, now_ms).await,
        1,
        "all of it is young"
    );
    let later_ms = now_ms + HISTORY_MS + 1;
    assert_eq!(clear_out(&connection, later_ms).await, 2);
    assert_eq!(count(&connection, LOCAL_CHANGES).await, 1);
    assert_eq!(
        entries(&connection).await.len(),
        many + 1,
        "rows are no history"
    );
    assert_eq!(connection.count_outbox().await.expect("a count").waiting, 1);
}

#[wasm_bindgen_test]
async fn old_tombstones_go_and_young_ones_stay() {
    let connection = with_prompts(3).await;
    let now_ms = browser::now_ms();
    let buried = |key: u128, lsn: Lsn, age_ms: u64| {
        let op_id = Id::from_u128(u128::from(lsn));
        let stamp = sync::stamp::Stamp {
            clock: sync::clock::Clock::at_ms(now_ms - age_ms),
            node: Id::from_u128(3),
            op_id,
        };
        Row {
            deleted: true,
            fields: Fields::new(),
            stamps: [(DELETED.to_owned(), stamp)].into(),
            ..prompt(key, lsn)
        }
    };
    let rows = vec![
        buried(1, 4, TOMBSTONE_MS + 1_000),
        buried(2, 5, TOMBSTONE_MS - 60_000),
    ];
    receive(&connection, &delta(prompt(3, 3).marker(), rows)).await;
    assert_eq!(prompts(&connection).await, [Id::from_u128(3)]);
    clear_out(&connection, now_ms).await;
    assert_eq!(
        count(&connection, "prompts").await,
        2,
        "one tombstone is left"
    );
    clear_out(&connection, now_ms + 120_000).await;
    assert_eq!(count(&connection, "prompts").await, 1);
    assert_eq!(prompts(&connection).await, [Id::from_u128(3)]);
}

#[wasm_bindgen_test]
async fn digests_are_of_what_the_server_has_and_of_nothing_else() {
    let connection = with_prompts(450).await;
    write(&connection, vec![insert(&entry("not sent yet"))])
        .await
        .expect("kept");
    let of_prompts = |digests: &Digests| digests[&Scope::named(LIBRARY)]["prompts"];
    let (markers, digests) = connection.digests().await.expect("taken");
    assert_eq!(markers, stored(&connection).await.markers);
    let rows: Vec<_> = (1..=450).map(|n| prompt(u128::from(n), n)).collect();
    assert_eq!(of_prompts(&digests), Digest::of(rows.iter()));
    let own = &digests[&Scope::named(OWN)];
    assert_eq!(own[JournalEntry::TABLE.name], Digest::default());
    assert_eq!(own.len(), 2, "an empty table is compared as well");

    connection
        .begin_rebuild(Rebuild::Heal, &Markers::default())
        .await
        .expect("begun");
    receive(&connection, &delta(Marker::START, rows[..2].to_vec())).await;
    connection.finish_rebuild().await.expect("finished");
    let (_, digests) = connection.digests().await.expect("taken");
    assert_eq!(of_prompts(&digests), Digest::of(rows[..2].iter()));
}
