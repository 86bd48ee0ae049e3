//! A new password, the end of an account, and everything of it as one document.

use crate::said::{push_frame, written};
use crate::traces::{traces, with_everything};
use crate::ways::{Events, Way};
use crate::world::{PASSWORD, SOON, Visitor, World};
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
use serde_json::Value as Json;
use std::time::{Duration, Instant};
use sync::change::{Change, Op};
use sync::frame::ServerFrame;
use sync::id::Id;
use sync::scope::Markers;
use sync::value::Fields;
use tokio::time::{sleep, timeout};

const NEW: &str = "snow on the slate roof";

async fn last_code(stream: &mut Events) -> String {
    let said = stream
        .until(|frame| matches!(frame, ServerFrame::Error(_)))
        .await;
    match said.last() {
        Some(ServerFrame::Error(error)) => error.code.clone(),
        _ => String::new(),
    }
}

fn check(answer: (u16, String), status: u16, code: &str) {
    let (found, body) = answer;
    let has = body.contains(&format!("\"code\":\"{code}\""));
    assert_eq!((found, has), (status, true), "{body}");
}

#[tokio::test]
async fn a_new_password_needs_the_present_one_and_ends_all_other_sessions() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    let phone = world.other_device("ann").await;
    let mut stream = phone.stream(Markers::default()).await;
    stream.until_live().await;
    let change = async |present: &str, new: &str| {
        let pairs = [("present", present), ("new", new)];
        ann.call("change_password", &pairs).await
    };
    check(
        change("guessing at night", NEW).await,
        401,
        "wrong_credentials",
    );
    check(change("", NEW).await, 401, "wrong_credentials");
    check(change(PASSWORD, "short").await, 422, "weak_password");
    check(
        change(PASSWORD, "ann1234567890").await,
        422,
        "weak_password",
    );
    assert_eq!(
        phone.who_am_i().await,
        Some(account.clone()),
        "so far nothing"
    );
    assert_eq!(change(PASSWORD, NEW).await.0, 200);
    assert_eq!(last_code(&mut stream).await, "no_session");
    assert_eq!(phone.who_am_i().await, None);
    assert_eq!(ann.who_am_i().await, Some(account), "this one goes on");
    check(
        phone.sign_in("ann@example.org", PASSWORD).await,
        401,
        "wrong_credentials",
    );
    assert_eq!(phone.sign_in("ann@example.org", NEW).await.0, 200);
}

#[tokio::test]
async fn an_older_hash_is_made_anew_at_the_sign_in_and_ends_no_session() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    let cheap = Params::new(8, 1, 1, None).expect("parameters");
    let cheap = Argon2::new(Algorithm::Argon2id, Version::V0x13, cheap);
    let old = cheap.hash_password(PASSWORD.as_bytes()).expect("a hash");
    sqlx::query("UPDATE users SET password_hash = $1")
        .bind(old.to_string())
        .execute(&world.database().await)
        .await
        .expect("an older hash");
    world.other_device("ann").await;
    let hash: String = sqlx::query_scalar("SELECT password_hash FROM users")
        .fetch_one(&world.database().await)
        .await
        .expect("a hash");
    assert!(
        hash.starts_with("$argon2id$v=19$m=65536,t=2,p=1$"),
        "{hash}"
    );
    assert_eq!(ann.who_am_i().await, Some(account));
    world.other_device("ann").await;
}

#[tokio::test]
async fn an_erased_account_leaves_nothing_but_word_for_its_devices() {
    let world = World::open().await;
    let (ann, user, _) = with_everything(&world, "ann").await;
    let (bob, other, _) = with_everything(&world, "bob").await;
    let phone = world.other_device("ann").await;
    let mut stream = phone.stream(Markers::default()).await;
    stream.until_live().await;
    let mut socket = Way::Socket.open(&phone, Markers::default()).await;
    socket.until_live().await;
    let (before, his) = (traces(&world, user).await, traces(&world, other).await);
    for (place, count) in before
        .iter()
        .filter(|(place, _)| !place.starts_with("prompts."))
    {
        assert!(*count > 0, "the test has nothing in {place}");
    }
    check(
        ann.call("erase_account", &[("password", "guessing at night")])
            .await,
        401,
        "wrong_credentials",
    );
    assert_eq!(traces(&world, user).await, before);
    let (status, body) = ann.call("erase_account", &[("password", PASSWORD)]).await;
    assert_eq!(status, 200, "{body}");
    for (place, count) in traces(&world, user).await {
        assert_eq!(count, 0, "{place}");
    }
    assert_eq!(traces(&world, other).await, his);
    for mut listening in [stream, socket] {
        assert_eq!(last_code(&mut listening).await, "account_erased");
        let end = timeout(SOON, listening.next()).await;
        assert!(end.expect("an end").is_none(), "the stream has ended");
    }
    for _ in 0..2 {
        let frame = push_frame(phone.device_id, vec![written("late")]);
        check(phone.push_frame(frame).await, 410, "account_erased");
        check(phone.call("who_am_i", &[]).await, 410, "account_erased");
    }
    check(
        phone.sign_in("ann@example.org", PASSWORD).await,
        401,
        "wrong_credentials",
    );
    assert_eq!(bob.who_am_i().await.map(|account| account.id), Some(other));
    // The address is free again, and what was there does not come back.
    let again = world.visitor();
    again.sign_up("ann@example.org").await;
    let frames = again.pull(Markers::default()).await;
    assert!(crate::said::entries(&frames).is_empty());
}

/// Whether a person's words and their address are anywhere in what the database has.
async fn found_of_ann(world: &World) -> [bool; 2] {
    let words: [&[u8]; 2] = [b"secret words of ann", b"ann@example.org"];
    let contents = world.home.contents().await;
    words.map(|word| {
        let mut windows = contents.iter().flat_map(|part| part.windows(word.len()));
        windows.any(|window| window == word)
    })
}

async fn check_nothing_of_ann_is_left(world: &World) {
    let (ann, _, _) = with_everything(world, "ann").await;
    assert_eq!(found_of_ann(world).await, [true; 2]);
    let (status, body) = ann.call("erase_account", &[("password", PASSWORD)]).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(found_of_ann(world).await, [false; 2]);
}

#[tokio::test]
async fn what_was_erased_is_not_in_sqlites_files_either() {
    check_nothing_of_ann_is_left(&World::in_file().await).await;
}

#[tokio::test]
async fn what_was_erased_is_in_no_row_of_postgresql() {
    check_nothing_of_ann_is_left(&World::on_postgres().await).await;
}

#[tokio::test]
async fn what_was_erased_leaves_sqlites_log_once_nobody_reads_it() {
    let world = World::in_file().await;
    let (ann, _, _) = with_everything(&world, "ann").await;
    let pool = world.database().await;
    let mut reading = pool.begin().await.expect("a reader");
    let read = sqlx::query("SELECT count(*) FROM journal_entries");
    read.fetch_one(&mut *reading).await.expect("a count");
    let begun = Instant::now();
    let (status, body) = ann.call("erase_account", &[("password", PASSWORD)]).await;
    assert_eq!(status, 200, "{body}");
    assert!(begun.elapsed() < SOON / 2, "the answer waits for no reader");
    world.visitor().sign_up("bob@example.org").await;
    let [words, _] = found_of_ann(&world).await;
    assert!(words, "the reader may still want them");
    reading.rollback().await.expect("an end");
    timeout(SOON, async {
        while found_of_ann(&world).await != [false; 2] {
            sleep(Duration::from_millis(100)).await;
        }
    })
    .await
    .expect("an empty log");
}

#[tokio::test]
async fn a_push_that_was_under_way_writes_nothing_into_an_erased_account() {
    let world = World::open().await;
    let (_, account) = world.person("ann").await;
    let store = world.store().await;
    let user = store.user_by_id(account.id).await.expect("an answer");
    store
        .erase(&user.expect("a person"), server::clock::now_ms())
        .await
        .expect("erased");
    let scope = server::store::ScopeKey::own(account.id);
    let mut writing = store.write(scope).await.expect("a turn");
    let mut step = writing.step().await.expect("a step");
    let table = domain::SCHEMA.table("journal_entries").expect("entries");
    let mut row = sync::row::Row::empty("journal_entries", Id::from_u128(1));
    row.fields = written("late").fields;
    assert!(step.put(table, &mut row).await.is_err());
}

async fn exported(visitor: &Visitor) -> Json {
    let answer = visitor.post("/api/account/export", "", "").await;
    assert_eq!(answer.status().as_u16(), 200);
    let headers = answer.headers().clone();
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["cache-control"], "no-store");
    assert!(
        headers["content-disposition"]
            .to_str()
            .expect("text")
            .starts_with("attachment")
    );
    serde_json::from_str(&answer.text().await.expect("a document")).expect("JSON")
}

#[tokio::test]
async fn an_export_has_everything_of_a_person_and_nothing_of_anybody_else() {
    let world = World::open().await;
    let (ann, user, entries) = with_everything(&world, "ann").await;
    with_everything(&world, "bob").await;
    let document = exported(&ann).await;
    assert_eq!(document["format"], "daybook-export");
    assert_eq!(document["version"], 2);
    assert_eq!(document["complete"], true);
    let account = &document["account"];
    assert_eq!(account["id"], user.to_string());
    assert_eq!(account["email"], "ann@example.org");
    assert_eq!(account["recovery_codes_left"], 10);
    assert_eq!(account["devices"].as_array().map(Vec::len), Some(1));
    assert_eq!(account["passkeys"][0]["name"], "A device");
    assert_eq!(account["link_expires_at_ms"], 1);
    let cursor = &account["cursors"][0];
    assert_eq!(cursor["device_id"], ann.device_id.to_string());
    assert_eq!(cursor["scope"], format!("own:{user}"));
    let said = |list: &str| document[list].as_array().cloned().expect("a list");
    let texts = said("texts");
    let kept = texts
        .iter()
        .map(|text| text["text"].as_str().expect("a text"));
    assert!(kept.clone().count() > 0, "what edits begin from");
    assert!(
        kept.clone()
            .all(|text| text.contains("words of ann") || text == "Gone.")
    );
    let answers = said("answers");
    for change in [&entries[0], &entries[1]] {
        let answer = answers
            .iter()
            .find(|answer| answer["op_id"] == change.op_id.to_string());
        let answer = answer.expect("an answer");
        assert!(
            answer["at_ms"].is_u64() && answer["lsn"].is_i64(),
            "{answer}"
        );
        assert!(answer["outcome"].is_object(), "{answer}");
    }
    let rows = |table: &str| document["tables"][table].as_array().cloned().expect("rows");
    assert!(rows("prompts").len() >= 40);
    let keys: Vec<_> = rows("journal_entries")
        .iter()
        .map(|row| row["key"].clone())
        .collect();
    assert_eq!(
        keys,
        entries
            .iter()
            .map(|entry| entry.key.to_string())
            .collect::<Vec<_>>()
    );
    let trashed = &rows("journal_entries")[1];
    let stamps = trashed["$stamps"]["body"].to_string();
    assert!(stamps.len() > 4, "who wrote it and when: {stamps}");
    assert_eq!(trashed["trashed_at"], 5);
    assert_eq!(trashed["body"], "The secret words of ann. Thrown away.");
    assert!(!rows("entry_revisions").is_empty());
    every_field_is_there(&document);
    assert!(!document.to_string().contains("words of bob"));
}

fn every_field_is_there(document: &Json) {
    for table in domain::SCHEMA.tables {
        let rows = document["tables"][table.name].as_array().expect("rows");
        for (row, field) in rows
            .iter()
            .flat_map(|row| table.fields.iter().map(move |f| (row, f)))
        {
            let name = field.name;
            assert!(row.get(name).is_some(), "{}.{name}", table.name);
        }
    }
}

#[tokio::test]
async fn an_export_is_written_as_it_is_read_and_one_at_a_time() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let body = "word ".repeat(20_000);
    for _ in 0..7 {
        ann.push((0..10).map(|_| written(&body)).collect()).await;
        ann.push((0..10).map(|_| written(&body)).collect()).await;
    }
    for _ in 0..2 {
        let mut first = ann.post("/api/account/export", "", "").await;
        assert!(first.chunk().await.expect("a part").is_some());
        // It goes on for as long as its reader reads.
        let second = ann.post("/api/account/export", "", "").await;
        assert_eq!(second.status().as_u16(), 503);
        assert!(second.headers().contains_key("retry-after"));
        drop(first);
        timeout(SOON, async {
            while ann
                .post("/api/account/export", "", "")
                .await
                .status()
                .as_u16()
                == 503
            {}
        })
        .await
        .expect("a turn, once the first was given up");
    }
    let entries = exported_soon(&ann).await["tables"]["journal_entries"].clone();
    assert_eq!(entries.as_array().map(Vec::len), Some(140));
}

async fn exported_soon(visitor: &Visitor) -> Json {
    timeout(SOON, async {
        loop {
            let answer = visitor.post("/api/account/export", "", "").await;
            if answer.status().as_u16() == 200 {
                let text = answer.text().await.expect("a document");
                return serde_json::from_str(&text).expect("JSON");
            }
        }
    })
    .await
    .expect("a turn")
}

#[tokio::test]
async fn a_row_that_is_edited_while_it_is_exported_is_there_once() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    let first = written("first");
    ann.push_one(&first).await;
    for _ in 0..2 {
        ann.push((0..60).map(|_| written("more")).collect()).await;
    }
    let store = world.store().await;
    let scope = server::store::ScopeKey::own(account.id);
    let table = domain::SCHEMA.table("journal_entries").expect("entries");
    let mut keys = Vec::new();
    while let Ok(rows) = store.rows_after(&scope, table, keys.last().copied()).await {
        if rows.is_empty() {
            break;
        }
        keys.extend(rows.iter().map(|row| row.key));
        // Moves to the end of the log, behind what is still to be read.
        let edit = Change {
            base: [("body".to_owned(), first.stamp)].into(),
            ..crate::said::change(
                Op::Update,
                first.key,
                Fields::from([("title".into(), "Now".into())]),
            )
        };
        ann.push_one(&edit).await;
    }
    assert_eq!(keys.len(), 121);
    keys.dedup();
    assert_eq!(keys.len(), 121);
}

/// Begins an export of more than sockets hold, does something, and tells what came in all, and
/// whether it broke off.
async fn exported_while(visitor: &Visitor, done: impl AsyncFnOnce()) -> (String, bool) {
    let body = "word ".repeat(20_000);
    for _ in 0..14 {
        visitor
            .push((0..10).map(|_| written(&body)).collect())
            .await;
    }
    let mut answer = visitor.post("/api/account/export", "", "").await;
    let first = answer.chunk().await.expect("a part").expect("a part");
    let mut document = first.to_vec();
    done().await;
    let rest = timeout(SOON, async {
        while let Ok(part) = answer.chunk().await {
            let Some(part) = part else { return false };
            document.extend(part);
        }
        true
    });
    let broke_off = rest.await.expect("an end");
    (String::from_utf8(document).expect("text"), broke_off)
}

#[tokio::test]
async fn an_export_breaks_off_when_its_session_ends() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let phone = world.other_device("ann").await;
    let (document, broke_off) = exported_while(&phone, async || {
        assert_eq!(ann.call("sign_out_everywhere", &[]).await.0, 200);
    })
    .await;
    assert!(broke_off);
    assert!(!document.contains("\"complete\""));
}

#[tokio::test]
async fn an_export_of_an_account_that_is_erased_meanwhile_is_not_called_complete() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let phone = world.other_device("ann").await;
    let (document, broke_off) = exported_while(&phone, async || {
        let (status, body) = ann.call("erase_account", &[("password", PASSWORD)]).await;
        assert_eq!(status, 200, "{body}");
    })
    .await;
    assert!(broke_off);
    assert!(!document.contains("\"complete\""));
}
