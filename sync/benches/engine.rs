//! How fast the engine is: `cargo bench -p sync`. Where two or three sizes of one thing are
//! measured, the throughput of each says whether its cost grows with its size alone.

#[path = "../src/fixture/changes.rs"]
mod changes;
#[path = "../src/fixture/store.rs"]
mod store;
#[path = "../src/fixture/tables.rs"]
mod tables;

use changes::{change, delete, insert, update};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;
use store::{Store, edit};
use sync::change::{Change, Op};
use sync::device::edit::write;
use sync::device::effect::{Answer, Effect};
use sync::device::event::{Event, Input};
use sync::device::outbox::{ChangeState, LocalChange, OutboxCount};
use sync::device::pick::Picker;
use sync::device::state::{State, Stored};
use sync::device::step::step;
use sync::frame::{FeedPhase, Heartbeat, Hello, Push, ServerFrame, Welcome};
use sync::hub::ledger::{Ledger, Names};
use sync::id::{Id, Mint};
use sync::limits::PUSH_CHANGES_MAX;
use sync::merge::merge;
use sync::row::Row;
use sync::rules::Rules;
use sync::scope::{Markers, OWN, Scope};
use sync::text::WholeTexts;
use sync::value::{Fields, Value};
use tables::{RULES, SCHEMA};

const NOW_MS: u64 = 1_800_000_000_000;
const DEVICE: Id = Id::from_u128(1);

/// Texts are not joined but chosen, so that the engine is measured and no library for texts.
const WHOLE: Rules = Rules {
    schema: &SCHEMA,
    texts: &WholeTexts,
};

fn merging(criterion: &mut Criterion) {
    const CHANGES: u64 = 1_000;
    let mut scalars = vec![insert(1, 1, "first")];
    scalars.extend((2..CHANGES).map(|at| match at % 3 {
        0 => update(1, at, "text", "words".into()),
        1 => update(1, CHANGES - at, "pinned", Value::Boolean(true)),
        _ => update(1, at, "pinned", Value::Null),
    }));
    scalars.push(delete(1, 1));
    let body = "Bread and milk, and a walk along the river. ".repeat(100);
    let text = |at: u64| Change {
        table: "pages".into(),
        ..change(
            Op::Update,
            1,
            at,
            [("body".into(), format!("{body}{at}").as_str().into())].into(),
        )
    };
    let texts: Vec<_> = (1..=CHANGES).map(text).collect();
    let bases = Fields::from([("body".into(), body.as_str().into())]);
    let mut group = criterion.benchmark_group("merge");
    group.throughput(Throughput::Elements(CHANGES));
    for (name, changes) in [("scalars", scalars), ("texts of 4 KB, made apart", texts)] {
        let table = SCHEMA.table(&changes[0].table).expect("a table");
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut row = Row::empty(table.name, Id::from_u128(1));
                for change in &changes {
                    black_box(merge(table, WHOLE.texts, &mut row, change, &bases));
                }
                row
            });
        });
    }
    group.finish();
}

fn page_fields() -> [(&'static str, Value); 4] {
    [
        ("day", "2026-11-21".into()),
        ("title", "A day".into()),
        ("body", "Bread and milk. ".repeat(60).as_str().into()),
        ("trashed_at", Value::Null),
    ]
}

fn editing(criterion: &mut Criterion) {
    let mut store = Store::new(WHOLE, DEVICE);
    store
        .write(NOW_MS, vec![edit("pages", Op::Insert, 1, &page_fields())])
        .expect("kept");
    let held = store.held([("pages".into(), Id::from_u128(1))].into_iter());
    let edits = vec![edit(
        "pages",
        Op::Update,
        1,
        &[("body", "Bread and wine.".into())],
    )];
    criterion.bench_function("edit/of a page that waits to be sent", |bencher| {
        bencher.iter_batched(
            || (store.meta.clone(), held.clone(), edits.clone()),
            |(mut meta, held, edits)| {
                let mut mint = Mint::new(NOW_MS, [1, 2]);
                write(&WHOLE, &mut meta, &mut mint, held, edits)
            },
            BatchSize::SmallInput,
        );
    });
}

fn tell(state: State, event: Event) -> State {
    let mint = Mint::new(NOW_MS, [1, 2]);
    let (state, effects) = step(state, Input { mint, event });
    black_box(effects);
    state
}

fn live() -> State {
    let stored = Stored {
        device_id: DEVICE,
        markers: Markers::default(),
        outbox: OutboxCount::default(),
        offset_ms: 0,
        rebuild: None,
        generation: 0,
        headed: false,
        updated: false,
    };
    let welcome = ServerFrame::Welcome(Welcome {
        ceilings: BTreeMap::new(),
        phase: FeedPhase::Live,
        purge_floors: BTreeMap::new(),
        server_time_ms: NOW_MS,
    });
    let mut state = tell(State::new(RULES, stored), Event::Led);
    state = tell(state, Event::LinkOpened { link: 1 });
    for frame in [welcome, ServerFrame::DeltaComplete {}] {
        state = tell(state, Event::FrameArrived { link: 1, frame });
    }
    state
}

fn stepping(criterion: &mut Criterion) {
    let heartbeat = ServerFrame::Heartbeat(Heartbeat {
        server_time_ms: NOW_MS,
        positions: [(Scope::named(OWN), sync::scope::Marker::START)].into(),
    });
    let cases = [
        ("OutboxGrew", Event::OutboxGrew(OutboxCount::default())),
        (
            "FrameArrived",
            Event::FrameArrived {
                link: 1,
                frame: heartbeat,
            },
        ),
    ];
    for (name, event) in cases {
        criterion.bench_function(&format!("step/{name}"), |bencher| {
            let mut state = Some(live());
            bencher.iter_batched(
                || event.clone(),
                |event| state = Some(tell(state.take().expect("a state"), event)),
                BatchSize::SmallInput,
            );
        });
    }
}

/// So many notes that wait to be sent.
fn outbox(size: u64) -> Vec<LocalChange> {
    let note = |seq: u64| insert(u128::from(seq), seq, "Bread and milk.");
    let local = |seq: u64| LocalChange::new(seq, note(seq), Fields::new());
    (1..=size).map(local).collect()
}

fn picking(criterion: &mut Criterion) {
    let waiting = outbox(10_000);
    // The first was refused, and all others are edits of its row: each is looked at in vain.
    let mut held = waiting.clone();
    for local in &mut held {
        local.change.key = Id::from_u128(1);
        local.change.op = Op::Update;
    }
    held[0].state = ChangeState::Failed;
    for (name, changes) in [
        ("100 of 10000", waiting),
        ("none of 10000 that must wait", held),
    ] {
        criterion.bench_function(&format!("pick/{name}"), |bencher| {
            bencher.iter(|| {
                let mut picker = Picker::at(NOW_MS, 0, PUSH_CHANGES_MAX);
                let all_seen = changes.iter().all(|local| picker.offer(local));
                picker.finish(all_seen)
            });
        });
    }
}

fn draining(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("drain");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(8));
    for size in [1_000, 10_000] {
        let mut store = Store::new(RULES, DEVICE);
        for key in 1..=size {
            let edit = edit("pages", Op::Insert, u128::from(key), &page_fields());
            store.write(NOW_MS, vec![edit]).expect("kept");
        }
        group.throughput(Throughput::Elements(size));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter_batched(
                || (store.clone(), Ledger::new(RULES)),
                |(mut store, mut ledger)| {
                    drain(&mut store, &mut ledger);
                    (store, ledger)
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn drain(store: &mut Store, ledger: &mut Ledger) {
    let take = Effect::TakeOutbox {
        limit: PUSH_CHANGES_MAX,
    };
    while let Some(Event::OutboxTaken { taken: 1.., .. }) = store.perform(NOW_MS, &take) {
        let result = ledger.push("anna", &store.push(NOW_MS), NOW_MS);
        store.perform(NOW_MS, &Effect::Settle(Answer::Outcomes(result)));
    }
    assert_eq!(store.count(), OutboxCount::default());
}

fn feeding(criterion: &mut Criterion) {
    let names: Names = vec![(Scope::named(OWN), "anna".into())];
    let hello = Hello {
        device_id: DEVICE,
        markers: Markers::default(),
        tables: vec!["notes".into(), "pages".into()],
        schema_version: SCHEMA.version,
        device_time_ms: NOW_MS,
    };
    let mut group = criterion.benchmark_group("feed");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(8));
    for size in [1_000, 10_000, 100_000] {
        let mut ledger = Ledger::new(RULES);
        for changes in outbox(size).chunks(PUSH_CHANGES_MAX) {
            let push = Push {
                device_id: DEVICE,
                changes: changes.iter().map(|local| local.change.clone()).collect(),
                schema_version: SCHEMA.version,
                device_time_ms: NOW_MS,
            };
            ledger.push("anna", &push, NOW_MS);
        }
        group.throughput(Throughput::Elements(size));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| {
                let mut session = ledger.open(&hello, &names).expect("a session");
                let mut rows = 0;
                while let Some(frames) = ledger.advance(&mut session, &names) {
                    rows += frames.iter().map(rows_in).sum::<usize>();
                }
                assert_eq!(Ok(rows), usize::try_from(size));
            });
        });
    }
    group.finish();
}

fn rows_in(frame: &ServerFrame) -> usize {
    match frame {
        ServerFrame::Delta(delta) => delta.rows.len(),
        ServerFrame::Change(change) => change.rows.len(),
        _ => 0,
    }
}

criterion_group! {
    name = engine;
    config = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(4));
    targets = merging, editing, stepping, picking, draining, feeding
}
criterion_main!(engine);
