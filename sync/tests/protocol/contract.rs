//! The names and payloads of frames, outcomes, events and hooks.

use super::document::{Table, answers, hold, quoted, section, source, table};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use sync::device::effect::SyncEvent;
use sync::device::retry::LinkFailure;
use sync::device::status::Status;
use sync::frame::ServerError;
use sync::hooks::Hook;
use sync::id::Id;
use sync::scope::{OWN, Scope};

fn set(names: Vec<String>) -> BTreeSet<String> {
    names.into_iter().collect()
}

#[test]
fn the_frames_are_the_ones_on_the_wire() {
    for (heading, path, folder) in [
        ("Frames of a device", "sync/src/frame/device.rs", "device"),
        ("Frames of a server", "sync/src/frame/server.rs", "server"),
    ] {
        let kinds = set(answers(path, "kind"));
        assert_eq!(set(table(heading).names(0)), kinds, "{heading}");
        // Each has its example, and the example is the golden file.
        let mut examples = BTreeSet::new();
        for example in section(heading).split("```json").skip(1) {
            let text = example.split("```").next().unwrap_or_default();
            let frame: Value = serde_json::from_str(text).expect("JSON");
            let kind = frame["f"]
                .as_object()
                .and_then(|f| f.keys().next().cloned());
            let kind = kind.expect("a frame has a kind");
            let golden =
                super::document::root().join(format!("sync/tests/golden/{folder}/{kind}.json"));
            let golden = fs::read_to_string(golden).expect("a golden file");
            let golden: Value = serde_json::from_str(&golden).expect("JSON");
            assert_eq!(frame, golden, "the example of {kind}");
            examples.insert(kind);
        }
        assert_eq!(examples, kinds, "{heading}");
    }
}

#[test]
fn the_outcomes_are_the_ones_on_the_wire() {
    let text = source("sync/src/frame/outcome.rs");
    let body = text
        .split("pub enum Outcome {")
        .nth(1)
        .and_then(|rest| rest.split("\n}").next());
    let lines = body.unwrap_or_default().lines();
    let variants = lines.filter_map(|line| {
        line.strip_prefix("    ")?
            .strip_suffix('{')?
            .strip_suffix(' ')
    });
    let variants = variants.chain(["NeedFull"]).map(snake_case);
    assert_eq!(set(table("Outcomes").names(0)), variants.collect());
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}

#[test]
fn the_codes_of_refusals_and_frames_are_the_ones_in_the_code() {
    let written = |heading: &str| set(quoted(&section(heading)));
    let refusals = set(answers("sync/src/change.rs", "code"));
    let refusals = refusals.into_iter().chain(multi_line_codes());
    let missing: Vec<_> = refusals
        .filter(|code| !written("Codes").contains(code))
        .collect();
    assert_eq!(missing, [""; 0]);
    for code in answers("sync/src/frame/mod.rs", "code") {
        assert!(written("Codes").contains(&code), "{code}");
    }
}

#[test]
fn an_error_that_comes_as_a_frame_is_of_the_class_that_its_status_has() {
    let coded = table("Codes").rows;
    let mut count = 0;
    for row in &coded {
        let statuses: Vec<u16> = row[0].split(", ").filter_map(|s| s.parse().ok()).collect();
        for code in quoted(&row[1]).iter().filter(|_| !statuses.is_empty()) {
            let status = match LinkFailure::from(ServerError::new(code, "")) {
                LinkFailure::Server { status, .. } => status,
                _ => 401,
            };
            assert!(statuses.contains(&status), "{code} is answered {status}");
            count += 1;
        }
    }
    assert!(count > 15, "{count}");
}

/// Codes whose pattern takes more than one line.
fn multi_line_codes() -> Vec<String> {
    let text = source("sync/src/change.rs");
    let lines = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("} => \""));
    lines
        .filter_map(|rest| Some(rest.split('"').next()?.to_string()))
        .collect()
}

#[test]
fn the_events_of_the_public_face_are_the_ones_told() {
    let id = Id::from_u128(1);
    let text = String::new;
    let events = [
        SyncEvent::Connected {},
        SyncEvent::Disconnected { reason: text() },
        SyncEvent::Reconnecting {
            attempt: 1,
            delay_ms: 1,
        },
        SyncEvent::Error {
            code: text(),
            message: text(),
        },
        SyncEvent::SyncStarted {},
        SyncEvent::SyncCompleted {},
        SyncEvent::Changes {
            table: text(),
            keys: vec![id],
            from_server: true,
        },
        SyncEvent::ChangeStatus {
            op_id: id,
            status: text(),
        },
        SyncEvent::LsnUpdate {
            scope: Scope::named(OWN),
            lsn: 1,
        },
        SyncEvent::StatusChanged {
            is_connected: true,
            status: Status::Connected,
            waiting: 1,
        },
        SyncEvent::NetworkLost {},
        SyncEvent::NetworkRestored {},
    ];
    let names = events.each_ref().map(SyncEvent::name);
    assert_eq!(names, SyncEvent::NAMES);
    let payloads = events.iter().map(|event| {
        let told = serde_json::to_value(event).expect("JSON");
        assert_eq!(told["event"], event.name());
        (event.name(), payload(&told["detail"]))
    });
    hold_payloads("Events", &payloads.collect());
}

#[test]
fn the_hooks_are_the_ones_raised() {
    let text = String::new;
    let hooks = [
        Hook::OpCaptured {
            table: text(),
            key: Id::NIL,
            op_id: Id::NIL,
        },
        Hook::PushBefore { count: 1 },
        Hook::PushAfter {
            success_count: 1,
            fail_count: 1,
        },
        Hook::PullReceived { change_count: 1 },
        Hook::PullApplied {
            applied: 1,
            skipped: 1,
            conflicts: 1,
        },
        Hook::PullError { message: text() },
        Hook::ConflictDetected {
            table: text(),
            key: Id::NIL,
        },
        Hook::Error {
            code: text(),
            message: text(),
            permanent: true,
        },
        Hook::Retry {
            attempt: 1,
            delay_ms: 1,
        },
        Hook::QueueFull {
            pending_count: 1,
            max_size: 1,
        },
        Hook::StatusChange {
            status: Status::Connected,
        },
        Hook::MaxRetriesExceeded { attempts: 1 },
        Hook::BootstrapStart {},
        Hook::BootstrapProgress { total_pulled: 1 },
        Hook::BootstrapComplete {
            total_pulled: 1,
            elapsed_ms: 1,
        },
        Hook::BootstrapError { code: text() },
        Hook::RescanStarting { reason: text() },
        Hook::RescanCompleted {},
        Hook::GcError { message: text() },
    ];
    let keys = set(answers("sync/src/hooks.rs", "key"));
    assert_eq!(
        hooks
            .iter()
            .map(|hook| hook.key().to_string())
            .collect::<BTreeSet<_>>(),
        keys
    );
    let payloads = hooks.iter().map(|hook| {
        (
            hook.key(),
            payload(&serde_json::to_value(hook).expect("JSON")),
        )
    });
    hold_payloads("Hooks", &payloads.collect());
}

/// The names in a payload, as the document writes them.
fn payload(value: &Value) -> String {
    let names = value
        .as_object()
        .into_iter()
        .flat_map(|object| object.keys());
    let mut names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    names.sort();
    if names.is_empty() {
        "nothing".to_string()
    } else {
        names.join(", ")
    }
}

/// Compares the first two columns of a table; what stands behind them is words.
fn hold_payloads(heading: &str, payloads: &BTreeMap<&str, String>) {
    let written = table(heading);
    let expected = Table {
        columns: written.columns.clone(),
        rows: written
            .rows
            .iter()
            .map(|row| {
                let name = quoted(&row[0]).concat();
                let payload = payloads.get(name.as_str()).cloned();
                let told = payload.unwrap_or_else(|| "there is no such name".to_string());
                [vec![row[0].clone(), told], row[2..].to_vec()].concat()
            })
            .collect(),
    };
    let names = set(written.names(0));
    assert_eq!(
        names,
        payloads.keys().map(ToString::to_string).collect(),
        "{heading}"
    );
    hold(&[(heading, expected)]);
}
