//! What came of an event, in the fixed few words of the tables.

use super::driven::{Driven, TOLD_MS};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;
use sync::device::effect::{Answer, Effect, SyncEvent, Timer};
use sync::device::event::Event;
use sync::device::meta::Rebuild;
use sync::limits::BACKOFF_MS_MAX;

/// The cell of an event in a state, by what `name` calls the state before and after it. What is
/// impossible is asserted in the code, so it must panic.
pub(crate) fn cell(mut driven: Driven, event: Event, name: impl Fn(&Driven) -> String) -> String {
    let (before, link) = (name(&driven), driven.link());
    hush();
    EXPECTED.set(true);
    let happened = catch_unwind(AssertUnwindSafe(|| {
        driven.happen(event);
        driven
    }));
    EXPECTED.set(false);
    let Ok(driven) = happened else {
        return "impossible".to_string();
    };
    let after = name(&driven);
    let moved = after != before || driven.link() != link;
    let state = if moved {
        format!("→ {after}")
    } else {
        "stays".to_string()
    };
    let words = words(&driven);
    if words.is_empty() {
        state
    } else {
        format!("{state}: {}", words.join(", "))
    }
}

thread_local! {
    /// A panic on this thread is no news.
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
}

/// Keeps panics that are looked for out of what a failing test prints.
fn hush() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let otherwise = take_hook();
        set_hook(Box::new(move |panic| {
            if !EXPECTED.get() {
                otherwise(panic);
            }
        }));
    });
}

/// The effects in their order, each named once. Timers that are cleared, the watchdog, news for
/// pages and hooks are left out: the document says elsewhere when they come.
fn words(driven: &Driven) -> Vec<&'static str> {
    let mut words = Vec::new();
    for effect in &driven.effects {
        if let Some(word) = word(effect, driven.now_ms)
            && !words.contains(&word)
        {
            words.push(word);
        }
    }
    words
}

fn word(effect: &Effect, now_ms: u64) -> Option<&'static str> {
    Some(match effect {
        Effect::OpenLink { .. } => "open",
        Effect::CloseLink { .. } => "close",
        Effect::SayBye(_) => "say bye",
        Effect::ReadFrame { .. } => "read on",
        Effect::StorePage { .. } => "store",
        Effect::Settle(Answer::Outcomes(_)) => "settle",
        Effect::Settle(Answer::Failed(_)) => "settle as failed",
        Effect::BeginRebuild(Rebuild::Replace, _) => "begin to replace",
        Effect::BeginRebuild(Rebuild::Heal, _) => "begin to heal",
        Effect::FinishRebuild => "finish",
        Effect::Sweep => "sweep",
        Effect::Collect => "collect",
        Effect::RetryRefused => "retry refused",
        Effect::CountOutbox => "count",
        Effect::TakeDigests => "digest",
        Effect::Verify(_) => "ask to compare",
        Effect::Acknowledge(_) => "acknowledge",
        Effect::StoreOffset { .. } => "store offset",
        Effect::TakeOutbox { .. } => "take",
        Effect::Push => "push",
        Effect::SetTimer { timer, at_ms } => return timer_word(*timer, at_ms - now_ms),
        Effect::TellAuthExpired => "tell session ended",
        Effect::Tell(SyncEvent::Error { .. }) => "report",
        Effect::ClearTimer { .. }
        | Effect::TellConnectivity(_)
        | Effect::Tell(_)
        | Effect::Raise(_) => return None,
    })
}

fn timer_word(timer: Timer, delay_ms: u64) -> Option<&'static str> {
    match timer {
        Timer::Retry if delay_ms == TOLD_MS => Some("retry when told"),
        Timer::Retry if delay_ms == BACKOFF_MS_MAX => Some("retry in 30 s"),
        Timer::Retry => Some("retry"),
        Timer::Outbox => Some("outbox timer"),
        Timer::Reread => Some("reread timer"),
        Timer::Collect => Some("collect timer"),
        Timer::Watchdog => None,
    }
}
