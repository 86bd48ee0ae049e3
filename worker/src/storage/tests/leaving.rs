//! Leaving this device: what is here alone, and that nothing of a journal stays.

use super::*;
use crate::storage::registry::Registry;
use serde_json::Value;
use sync::local::{Ended, Farewell, Unsent};

#[wasm_bindgen_test]
async fn the_registry_remembers_who_is_signed_in_and_a_journal_can_leave() {
    let account = somebody();
    let registry = Registry::open().await.expect("opens");
    registry.enter(&account).await.expect("kept");
    let current = registry.current().await.expect("read");
    assert_eq!(current.as_ref(), Some(&account));

    let connection = open_journal(&account).await.expect("opens");
    connection.device(browser::mint()).await.expect("a device");
    let edits = vec![insert(&entry("private"))];
    write(&connection, edits).await.expect("kept");
    let name = connection.name();
    registry.leave(name, None, true).await.expect("left");
    assert_eq!(registry.current().await.expect("read"), None);
    assert!(registry.owes_sign_out().await.expect("read"));
    // Another connection stands in the way until it hears of the deletion. That the worker may
    // have ended in between is why it is a step of its own.
    registry.finish_leaving().await.expect("deleted");
    assert!(connection.is_closed());
    let again = open_journal(&account).await.expect("opens anew");
    assert_eq!(entries(&again).await, []);
    registry.finish_leaving().await.expect("nothing to do");
    registry.enter(&account).await.expect("kept");
    assert!(!registry.owes_sign_out().await.expect("read"));
}

#[wasm_bindgen_test]
async fn a_farewell_with_words_in_it_outlasts_the_next_sign_in_and_one_without_does_not() {
    let registry = Registry::open().await.expect("opens");
    for document in [None, Some("{}".to_owned())] {
        let farewell = Farewell {
            why: Ended::RevokedErase,
            email: "somebody@example.org".to_owned(),
            document: document.clone(),
        };
        let left = registry.leave("nothing", Some(&farewell), false).await;
        left.expect("left");
        registry.enter(&somebody()).await.expect("kept");
        let said = registry.farewell().await.expect("read");
        assert_eq!(said, document.map(|_| farewell));
    }
    registry.let_go().await.expect("forgotten");
    assert_eq!(registry.farewell().await.expect("read"), None);
}

#[wasm_bindgen_test]
async fn what_is_here_alone_is_counted_and_saved_and_the_rest_is_not() {
    let connection = journal().await;
    assert!(!connection.has_words().await.expect("read"));
    write(&connection, vec![insert(&entry("sent"))])
        .await
        .expect("kept");
    let pushed = take(&connection).await;
    let answer = applied(&pushed);
    let settled = connection.settle(browser::mint(), &pushed, &answer).await;
    settled.expect("settled");
    assert!(connection.has_words().await.expect("read"));
    assert!(connection.unsent().await.expect("read").is_nothing());
    write(&connection, vec![insert(&entry("not sent"))])
        .await
        .expect("kept");
    let fields = entry("begun").to_fields();
    let slot = "new-entry";
    connection.save_draft(slot, &fields).await.expect("kept");
    let unsent = connection.unsent().await.expect("read");
    let wanted = Unsent {
        changes: 1,
        drafts: 1,
    };
    assert_eq!(unsent, wanted);
    for (unsent_only, count) in [(true, 1), (false, 2)] {
        let text = connection.document(&somebody(), unsent_only).await;
        let document: Value = serde_json::from_str(&text.expect("a document")).expect("JSON");
        let rows = document["tables"]["journal_entries"].as_array();
        let bodies: Vec<_> = rows.expect("rows").iter().map(|row| &row["body"]).collect();
        assert_eq!(bodies.len(), count, "{document}");
        assert!(document.to_string().contains("not sent"), "{document}");
        assert!(
            document["drafts"]["new-entry"]
                .to_string()
                .contains("begun")
        );
    }
}
