//! What the program says: how it stands, what came of it, and what went wrong, for a person.

use crate::history::{Fault, History};
use crate::run::{Failure, Tally};
use crate::shrink::shrink;
use crate::world::play;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How many lines of a story are told of each device, from its end.
const LINES_MAX: usize = 60;

/// How many characters a line has at most.
const LINE_CHARS_MAX: usize = 400;

/// The names of the twelve checkers.
pub const CHECKERS: [&str; 12] = [
    "converge",
    "durable",
    "once",
    "causal",
    "monotonic",
    "atomic",
    "visible",
    "live",
    "quiet",
    "bounded",
    "private",
    "same-seed",
];

/// How it stands, in one line.
#[must_use]
pub fn progress(tally: &Tally, elapsed: Duration) -> String {
    let mut line = format!(
        "{} histories, {:.0}/s, {} edits, slowest {} ms, {} failed;",
        tally.histories,
        rate(tally, elapsed),
        tally.edits,
        tally.slowest_ms,
        tally.failed(),
    );
    for (fault, times) in &tally.faults {
        let _ = write!(line, " {fault:?} {times}");
    }
    line
}

/// What came of it.
#[must_use]
pub fn summary(tally: &Tally, elapsed: Duration, seed: u64) -> String {
    let mut lines = format!(
        "histories     {} from seed {seed}, {:.0} a second\nedits         {}\ncausal looks  {}\n\
         played twice  {}\nslowest       {} ms until everybody agreed\nfaults       ",
        tally.histories,
        rate(tally, elapsed),
        tally.edits,
        tally.looks,
        tally.replays,
        tally.slowest_ms,
    );
    for fault in Fault::ALL {
        let times = tally.faults.get(&fault).copied().unwrap_or_default();
        let _ = write!(lines, " {fault:?} {times}");
    }
    lines.push_str("\nviolations   ");
    for checker in CHECKERS {
        let times = tally.violations.get(checker).copied().unwrap_or_default();
        let _ = write!(lines, " {checker} {times}");
    }
    lines
}

fn rate(tally: &Tally, elapsed: Duration) -> f64 {
    let histories = u32::try_from(tally.histories).map_or(f64::MAX, f64::from);
    histories / elapsed.as_secs_f64().max(0.001)
}

/// What went wrong, in one line.
#[must_use]
pub fn violation(failure: &Failure) -> String {
    let violation = &failure.violation;
    format!(
        "seed {} violates {} at {} ms: {}",
        failure.seed,
        violation.checker,
        violation.at_ms,
        cut(&violation.what),
    )
}

/// Shrinks what went wrong, keeps it as a file, and tells its story.
#[must_use]
pub fn failure(failure: &Failure, history: &History, keep: &Path) -> String {
    let violation = &failure.violation;
    let mut told = String::new();
    let small = shrink(history, violation.checker);
    let Ok(json) = serde_json::to_string(&small) else {
        return told;
    };
    let _ = writeln!(
        told,
        "shrunk from {} to {} events: {json}",
        history.events.len(),
        small.events.len()
    );
    let file = keep.join(format!("{}-{}.json", violation.checker, failure.seed));
    let _ = match std::fs::create_dir_all(keep).and_then(|()| std::fs::write(&file, json + "\n")) {
        Ok(()) => writeln!(told, "kept as {}", file.display()),
        Err(error) => writeln!(told, "cannot keep it as {}: {error}", file.display()),
    };
    told + &story(&small)
}

/// The story of a history, device by device.
#[must_use]
pub fn story(history: &History) -> String {
    let outcome = play(history, true);
    let mut by_device: BTreeMap<Option<usize>, Vec<&str>> = BTreeMap::new();
    for line in &outcome.story {
        by_device.entry(device_of(line)).or_default().push(line);
    }
    let mut told = String::new();
    for (device, lines) in by_device {
        let _ = match device {
            Some(device) => writeln!(told, "── device {device}"),
            None => writeln!(told, "── everywhere"),
        };
        let left_out = lines.len().saturating_sub(LINES_MAX);
        if left_out > 0 {
            let _ = writeln!(told, "        … {left_out} lines before");
        }
        for line in &lines[left_out..] {
            let _ = writeln!(told, "{}", cut(line));
        }
    }
    told
}

/// A kept history.
///
/// # Errors
/// There is no such file, or it holds no history; in words.
pub fn read(file: &PathBuf) -> Result<History, String> {
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    serde_json::from_str(&text)
        .map_err(|error| format!("{} is no history: {error}", file.display()))
}

/// The device that a line of a story begins with or is about.
fn device_of(line: &str) -> Option<usize> {
    let (_, rest) = line.split_once("device ")?;
    let digits = rest
        .split(|character: char| !character.is_ascii_digit())
        .next()?;
    digits.parse().ok()
}

fn cut(line: &str) -> String {
    let mut short: String = line.chars().take(LINE_CHARS_MAX).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    short
}
