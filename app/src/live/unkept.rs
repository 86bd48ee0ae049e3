//! Mutations on their way to the worker, noted where a page that is going away still can.
//!
//! A message to a worker that dies with its page is lost; `localStorage` is written at once. So
//! each mutation is noted there until its answer comes, and a page that opens asks again for
//! what it finds. Mutations have names, so one that was kept after all is not kept twice.

use leptos::prelude::window;
use sync::id::Id;
use sync::local::{Ask, Failure};

/// Failures that say nothing about the mutation itself: it may be kept another time.
const UNDECIDED: [&str; 6] = [
    "gone",
    "no_account",
    "no_answer",
    "no_worker",
    "page_gone",
    "worker_broke",
];

/// Notes a mutation of this person. Without storage, or with a full one, it is only on its way.
pub(super) fn note(account: Id, mutation: Id, ask: &Ask) {
    if let (Some(storage), Ok(text)) = (storage(), serde_json::to_string(ask)) {
        let _ = storage.set_item(&name(account, mutation), &text);
    }
}

/// Forgets a mutation whose answer has come, unless the answer decides nothing.
pub(super) fn forget<T>(account: Id, mutation: Id, answer: &Result<T, Failure>) {
    let undecided = answer.as_ref().is_err_and(|failure| {
        failure.code.starts_with("storage_") || UNDECIDED.contains(&failure.code.as_str())
    });
    if !undecided && let Some(storage) = storage() {
        let _ = storage.remove_item(&name(account, mutation));
    }
}

/// Forgets everything of a person who has left this device.
pub(super) fn forget_all(account: Id) {
    for (mutation, _) in left_over(account) {
        if let Some(storage) = storage() {
            let _ = storage.remove_item(&name(account, mutation));
        }
    }
}

/// What this person's pages left without an answer, oldest first.
pub(super) fn left_over(account: Id) -> Vec<(Id, Ask)> {
    let Some(storage) = storage() else {
        return Vec::new();
    };
    let ours = prefix(account);
    let count = storage.length().unwrap_or_default();
    let names = (0..count).filter_map(|place| storage.key(place).ok().flatten());
    let mut found: Vec<(Id, Ask)> = names
        .filter_map(|name| {
            let mutation = name.strip_prefix(&ours)?.parse().ok()?;
            let text = storage.get_item(&name).ok().flatten()?;
            Some((mutation, serde_json::from_str(&text).ok()?))
        })
        .collect();
    found.sort_by_key(|(mutation, _)| *mutation);
    found
}

fn prefix(account: Id) -> String {
    format!("daybook-unkept-{account}-")
}

fn name(account: Id, mutation: Id) -> String {
    format!("{}{mutation}", prefix(account))
}

fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}
