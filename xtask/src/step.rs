//! How a chore tells what it is doing: a line when a step begins, a line with its seconds when it is done.

use std::time::Instant;

use anyhow::Result;

/// Does one step and says so; a failing step leaves the words to its error.
pub(crate) fn step<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("  · {what} …");
    let began = Instant::now();
    let done = work()?;
    eprintln!("  ✓ {what}: {:.1} s", began.elapsed().as_secs_f64());
    Ok(done)
}

/// Says what needed no work.
pub(crate) fn nothing_to_do(what: &str) {
    eprintln!("  ✓ {what}");
}
