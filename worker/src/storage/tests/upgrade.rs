//! A database of the first build, opened by this one: nothing in it is lost.

use super::*;
use crate::storage::schema::{BY_QUEUE, BY_ROW, DRAFTS, TOMBSTONES};
use js_sys::JSON;
use rexie::{Index, ObjectStore, Rexie};
use sync::scope::{OWN, Scope};

const ENTRY: &str = "0PV1ZnXm6F-xxxxxxxxxx0";
const WAITING: &str = "0PV1ZnXm6F-xxxxxxxxxx1";
const REFUSED: &str = "0PV1ZnXm6F-xxxxxxxxxx2";

/// The stores as the first build made them.
async fn first_build(name: &str) {
    let prompts = ObjectStore::new("prompts")
        .key_path("key")
        .add_index(Index::new("category", "seen.f.category"));
    let entries = ObjectStore::new("journal_entries")
        .key_path("key")
        .add_index(Index::new("day", "seen.f.day"));
    let changes = ObjectStore::new("local_changes")
        .key_path("local_seq")
        .add_index(Index::new("row", "row"))
        .add_index(Index::new("queue", "queue"));
    let built = Rexie::builder(name)
        .version(1)
        .add_object_store(prompts)
        .add_object_store(entries)
        .add_object_store(changes)
        .add_object_store(ObjectStore::new("sync_state"))
        .add_object_store(ObjectStore::new("drafts"))
        .build()
        .await
        .expect("built");
    built.close();
}

fn fields(body: &str) -> String {
    format!(
        r#"{{"body":"{body}","day":"2026-11-20","prompt_id":null,"prompt_text":null,"title":"","trashed_at":null,"written_at":5}}"#
    )
}

/// A stamp of that time.
fn stamp(key: &str) -> String {
    format!("019a9e3c11110000.{DEVICE}.{key}")
}

const DEVICE: &str = "0PV1ZnXm6F-xxxxxxxxxxD";

fn record(key: &str, body: &str, acknowledged: bool) -> String {
    let row = |lsn: u32| {
        let stamps =
            ["body", "day", "title", "written_at"].map(|f| format!("\"{f}\":\"{}\"", stamp(key)));
        let (fields, stamps) = (fields(body), stamps.join(","));
        format!(
            r#"{{"t":"journal_entries","k":"{key}","l":{lsn},"o":"{key}","f":{fields},"s":{{{stamps}}}}}"#
        )
    };
    let base = if acknowledged {
        row(7)
    } else {
        "null".to_owned()
    };
    let (seen, waiting) = (row(0), u32::from(!acknowledged));
    let refused = if key == REFUSED {
        r#"["blank","It says nothing."]"#
    } else {
        "null"
    };
    format!(
        r#"{{"key":"{key}","base":{base},"seen":{seen},"waiting":{waiting},"refused":{refused}}}"#
    )
}

fn change(local_seq: u32, key: &str, body: &str, state: &str) -> String {
    let (fields, stamp) = (fields(body), stamp(key));
    let queue = match state {
        "done" => String::new(),
        open => format!(r#","queue":"{open}""#),
    };
    let refusal = if state == "failed" {
        r#"["blank","It says nothing."]"#
    } else {
        "null"
    };
    format!(
        r#"{{"local_seq":{local_seq},"change":{{"o":"{key}","t":"journal_entries","k":"{key}","p":"insert","f":{fields},"s":"{stamp}"}},"old":{{}},"state":"{state}","attempts":0,"next_attempt_at_ms":0,"refusal":{refusal},"lsn":null,"row":"journal_entries/{key}"{queue}}}"#
    )
}

/// What the first build had stored: an entry on both sides, one that waits, one that was refused.
/// Gives a tab of that build that still has it open.
async fn filled(name: &str) -> Connection {
    first_build(name).await;
    let connection = Connection::open(name).await.expect("opens");
    let mut writes = Writes::default();
    let mut put = |store: &'static str, json: &str, key: Option<&str>| {
        let value = JSON::parse(json).expect("JSON");
        writes.put(store, value, key.map(JsValue::from_str));
    };
    put(
        "journal_entries",
        &record(ENTRY, "on both sides", true),
        None,
    );
    put("journal_entries", &record(WAITING, "waits", false), None);
    put("journal_entries", &record(REFUSED, "refused", false), None);
    put(
        LOCAL_CHANGES,
        &change(1, ENTRY, "on both sides", "done"),
        None,
    );
    put(LOCAL_CHANGES, &change(2, WAITING, "waits", "pending"), None);
    put(
        LOCAL_CHANGES,
        &change(3, REFUSED, "refused", "failed"),
        None,
    );
    let meta = format!(
        r#"{{"device_id":"{DEVICE}","clock":"019a9e3c11110000","local_seq":3,"offset_ms":-12}}"#
    );
    put(SYNC_STATE, &meta, Some("meta"));
    let markers = format!(r#"{{"own":{{"journal_entries":{{"lsn":7,"op_id":"{ENTRY}"}}}}}}"#);
    put(SYNC_STATE, &markers, Some("markers"));
    put(SYNC_STATE, &format!(r#"["{WAITING}"]"#), Some("mutations"));
    put(DRAFTS, r#"{"body":"half a thou"}"#, Some("new-entry"));
    let stores = ["journal_entries", LOCAL_CHANGES, SYNC_STATE, DRAFTS];
    connection
        .commit(&stores, Durability::Strict, async |_| Ok((writes, ())))
        .await
        .expect("filled");
    connection
}

#[wasm_bindgen_test]
async fn a_journal_of_the_first_build_is_opened_with_everything_in_it() {
    let account = somebody();
    let earlier = filled(&format!("daybook-{}", account.id)).await;
    let connection = open_journal(&account).await.expect("upgraded");
    assert!(earlier.is_closed(), "a tab of the first build makes room");

    let mut bodies: Vec<_> = entries(&connection).await;
    bodies.sort_by(|one, other| one.0.cmp(&other.0));
    let ticks: Vec<_> = bodies
        .iter()
        .map(|(body, tick)| (body.as_str(), tick))
        .collect();
    assert!(matches!(
        ticks[..],
        [
            ("on both sides", Tick::Synced),
            ("refused", Tick::Attention { .. }),
            ("waits", Tick::Local)
        ]
    ));
    let stored = stored(&connection).await;
    assert_eq!(stored.device_id, DEVICE.parse().expect("an id"));
    assert_eq!((stored.outbox.waiting, stored.outbox.failed), (1, 1));
    assert_eq!(
        (stored.generation, stored.rebuild, stored.offset_ms),
        (0, None, -12)
    );
    assert!(stored.updated, "what was refused is worth another try");
    let own = Scope::named(OWN);
    assert_eq!(stored.markers.get(&own, "journal_entries").lsn, 7);
    let draft = connection.read_draft("new-entry").await.expect("read");
    assert_eq!(draft.expect("kept")["body"], "half a thou".into());

    // The same mutation is not kept again, and the next one is numbered on.
    let again = WAITING.parse().expect("an id");
    let edits = vec![insert(&entry("twice"))];
    let captured = connection.write(browser::mint(), again, edits, None).await;
    assert_eq!(captured.expect("known"), []);
    write(&connection, vec![insert(&entry("new"))])
        .await
        .expect("kept");
    for local_seq in [2, 4] {
        let taken = take(&connection).await;
        assert_eq!(taken[0].local_seq, local_seq);
        let settled = connection
            .settle(browser::mint(), &taken, &applied(&taken))
            .await;
        settled.expect("settled");
    }
    let retried = connection.retry_refused(browser::mint()).await;
    assert_eq!(retried.expect("tried").outbox.waiting, 1);
}

#[wasm_bindgen_test]
async fn an_upgrade_makes_the_stores_and_indexes_that_this_build_reads() {
    let account = somebody();
    filled(&format!("daybook-{}", account.id)).await;
    let connection = open_journal(&account).await.expect("upgraded");
    let reading = connection
        .reading(&write_stores())
        .expect("every store is there");
    for table in domain::RULES.schema.tables {
        let store = reading.object_store(table.name).expect("a store");
        let mut indexes = store.index_names();
        indexes.sort();
        let mut wanted: Vec<_> = table.indexes.iter().map(ToString::to_string).collect();
        wanted.push(TOMBSTONES.to_owned());
        wanted.sort();
        assert_eq!(indexes, wanted, "{}", table.name);
    }
    let changes = reading.object_store(LOCAL_CHANGES).expect("a store");
    let mut indexes = changes.index_names();
    indexes.sort();
    assert_eq!(indexes, [BY_QUEUE, BY_ROW]);
}
