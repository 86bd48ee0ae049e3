//! What is not understood: frames that are refused whole, and changes that fail alone.

use crate::frames::{
    NOW_MS, change, delta, device, device_frames, entry_fields, id, own, push, row, server_frames,
    stamp, title,
};
use crate::journal::RULES;
use std::collections::BTreeMap;
use sync::change::{Change, Group, Op};
use sync::device::effect::Page;
use sync::device::meta::Meta;
use sync::device::receive::{HeldRows, page};
use sync::frame::{DeviceFrame, Hello, Outcome, ServerFrame};
use sync::hub::ledger::Ledger;
use sync::id::Mint;
use sync::limits::{MARKERS_MAX, PUSH_CHANGES_MAX};
use sync::scope::{Markers, OWN};
use sync::text::{Patch, hash};
use sync::value::{Fields, Value};

/// Frames with something wrong in them, made of right ones: what is replaced, by what, and the
/// code of the answer.
const MALFORMED: [(&str, &str, &str, &str); 16] = [
    ("hello", "\"v\":1", "\"v\":2", "version_unsupported"),
    ("hello", "{\"v\":1,", "{", "bad_frame"),
    ("hello", "{\"v\":1,", "{\"v\":1,\"w\":1,", "bad_frame"),
    ("hello", "\"hello\"", "\"good_day\"", "bad_frame"),
    ("hello", "\"s\":1", "\"s\":1,\"x\":1", "bad_frame"),
    ("hello", ",\"s\":1", "", "bad_frame"),
    ("hello", "\"lsn\":7", "\"lsn\":7,\"x\":1", "bad_frame"),
    ("hello", "\"lsn\":7", "\"lsn\":-7", "bad_frame"),
    ("hello", "\"prompts\"", "\"weather\"", "unknown_table"),
    ("push", "\"p\":\"update\"", "\"p\":\"upset\"", "bad_frame"),
    (
        "push",
        "\"p\":\"update\"",
        "\"p\":\"update\",\"x\":1",
        "bad_frame",
    ),
    ("push", "\"Wind\"", "[\"Wind\"]", "bad_frame"),
    ("push", "\"Wind\"", "1.5", "bad_frame"),
    ("push_patch", "\"h\":", "\"x\":1,\"h\":", "bad_frame"),
    (
        "heartbeat",
        "{\"heartbeat\":{}}",
        "{\"heartbeat\":{\"x\":1}}",
        "bad_frame",
    ),
    ("verify", "\"h\":", "\"x\":1,\"h\":", "bad_frame"),
];

#[test]
fn what_a_device_sends_and_is_not_understood_is_an_error_with_a_code() {
    let frames = BTreeMap::from_iter(device_frames());
    for (name, right, wrong, code) in MALFORMED {
        let encoded = frames[name].encode();
        assert!(encoded.contains(right), "{name} has no {right}");
        let text = encoded.replace(right, wrong);
        let error = DeviceFrame::decode(&text, RULES.schema).expect_err(&text);
        assert_eq!(error.code(), code, "{text}");
    }
    for text in [
        "",
        "null",
        "[]",
        "{}",
        "{\"v\":1}",
        "\u{0}",
        "{\"v\":1,\"f\":null}",
    ] {
        let error = DeviceFrame::decode(text, RULES.schema).expect_err(text);
        assert_eq!(error.code(), "bad_frame", "{text}");
    }
}

#[test]
fn what_a_server_sends_and_is_not_understood_is_an_error_with_a_code() {
    let frames = BTreeMap::from_iter(server_frames());
    for (name, right, wrong, code) in [
        ("welcome", "\"v\":1", "\"v\":3", "version_unsupported"),
        ("welcome", "\"catchup\"", "\"mustard\"", "bad_frame"),
        ("delta", "\"table\"", "\"chair\"", "bad_frame"),
        ("delta", "\"l\":8", "\"l\":8,\"x\":1", "bad_frame"),
        (
            "delta_complete",
            "{\"delta_complete\":{}}",
            "{\"delta_complete\":{\"x\":1}}",
            "bad_frame",
        ),
        ("push_result", "\"applied\"", "\"app_lied\"", "bad_frame"),
        ("error", "\"code\"", "\"mode\"", "bad_frame"),
    ] {
        let encoded = frames[name].encode();
        assert!(encoded.contains(right), "{name} has no {right}");
        let error = ServerFrame::decode(&encoded.replace(right, wrong)).expect_err(right);
        assert_eq!(error.code(), code, "{name}: {wrong}");
    }
}

#[test]
fn more_than_a_frame_may_carry_is_an_error_with_a_code() {
    let over = push(vec![title(); PUSH_CHANGES_MAX + 1]);
    let error = DeviceFrame::decode(&over.encode(), RULES.schema).expect_err("too many");
    assert_eq!(error.code(), "too_many_changes");
    let at = push(vec![title(); PUSH_CHANGES_MAX]);
    assert!(DeviceFrame::decode(&at.encode(), RULES.schema).is_ok());

    let hello = |count| {
        DeviceFrame::Hello(Hello {
            device_id: device(),
            markers: Markers::default(),
            tables: vec!["entries".into(); count],
            schema_version: 1,
            device_time_ms: NOW_MS,
        })
    };
    let over = hello(MARKERS_MAX + 1).encode();
    let error = DeviceFrame::decode(&over, RULES.schema).expect_err("too many");
    assert_eq!(error.code(), "too_many_markers");
    assert!(DeviceFrame::decode(&hello(MARKERS_MAX).encode(), RULES.schema).is_ok());
}

#[test]
fn a_column_that_a_device_does_not_know_is_kept_as_it_came() {
    let mut newer = row();
    newer.fields.insert("weather".into(), "wet".into());
    newer.stamps.insert("weather".into(), stamp(2));
    let encoded = delta(vec![newer.clone()], None).encode();
    let Ok(ServerFrame::Delta(delta)) = ServerFrame::decode(&encoded) else {
        unreachable!("a column more is no mistake");
    };
    let mut markers = Markers::default();
    markers.set(&own(), "entries", delta.from);
    let mut meta = Meta::new(device());
    let mut mint = Mint::new(NOW_MS, [1, 2]);
    let received = page(
        &RULES,
        &markers,
        &mut meta,
        &mut mint,
        HeldRows::new(),
        &Page::Delta(delta),
        &[],
    );
    let record = received.expect("it fits").records.remove(0);
    assert_eq!(record.base, Some(newer));
    assert_eq!(record.found().fields["weather"], "wet".into());
}

/// What a change says that does not fit, and the code of its outcome.
fn misfits() -> Vec<(&'static str, Change)> {
    let with = |name: &str, value: Value| change(Op::Update, [(name.to_string(), value)].into());
    let named = |table: &str| Change {
        table: table.into(),
        ..title()
    };
    let mut missing = change(Op::Insert, entry_fields());
    missing.fields.remove("day");
    let mut foreign = title();
    foreign.stamp.op_id = id(9);
    let mut torn = title();
    torn.group = Some(Group { id: id(4), size: 2 });
    let mut patched = change(Op::Update, Fields::new());
    let patch = Patch {
        splices: Vec::new(),
        hash: hash(""),
    };
    patched.patches.insert("title".into(), patch);
    vec![
        ("unknown_table", named("weather")),
        ("not_writable", named("prompts")),
        ("not_writable", named("entry_revisions")),
        ("unknown_field", with("weather", "wet".into())),
        ("missing_field", missing),
        ("wrong_type", with("starred", "yes".into())),
        ("wrong_type", with("day", "2026-02-30".into())),
        ("too_long", with("title", Value::Text("x".repeat(201)))),
        ("blank", with("body", " ".into())),
        ("has_nul", with("body", "a\0b".into())),
        ("bad_shape", change(Op::Update, Fields::new())),
        ("bad_shape", change(Op::Delete, entry_fields())),
        ("foreign_stamp", foreign),
        ("not_patched", patched),
        ("bad_group", torn),
    ]
}

#[test]
fn a_change_that_does_not_fit_fails_alone_with_a_code() {
    for (code, misfit) in misfits() {
        let mut ledger = Ledger::new(RULES);
        let mut good = change(Op::Insert, entry_fields());
        (good.op_id, good.key) = (id(6), id(7));
        good.stamp = stamp(6);
        let changes = vec![misfit.clone(), good.clone()];
        let DeviceFrame::Push(push) = push(changes) else {
            unreachable!("a push was made");
        };
        let result = ledger.push(OWN, &push, NOW_MS);
        let Outcome::Rejected { code: said, .. } = &result.outcomes[&misfit.op_id] else {
            unreachable!("{code} was taken: {result:?}");
        };
        assert_eq!(said, code);
        assert!(result.outcomes[&good.op_id].is_kept(), "{code}");
    }
}

#[test]
fn a_put_is_read_as_an_insert() {
    let insert = push(vec![change(Op::Insert, entry_fields())]);
    let text = insert.encode().replace("\"p\":\"insert\"", "\"p\":\"put\"");
    assert_eq!(DeviceFrame::decode(&text, RULES.schema), Ok(insert));
}
