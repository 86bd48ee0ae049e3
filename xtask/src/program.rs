//! Calls other programs, and says in words what went wrong when they fail.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// How often a running program is looked at.
const GLANCE: Duration = Duration::from_millis(50);
/// How long a program may be silent before a person is told that it still runs.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// The program as a person would have typed it, for messages.
fn typed(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs a program to its end with its output in sight.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    run_within(command, Duration::MAX)
}

/// Runs a program to its end, but no longer than `limit`.
pub(crate) fn run_within(command: &mut Command, limit: Duration) -> Result<()> {
    let typed = typed(command);
    let mut child = command
        .stdin(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start `{typed}`"))?;
    let began = Instant::now();
    let mut spoke = began;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if began.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            bail!(
                "`{typed}` was ended after {} s without a result",
                limit.as_secs()
            );
        }
        if spoke.elapsed() > HEARTBEAT {
            spoke = Instant::now();
            eprintln!("    … still at it after {} s", began.elapsed().as_secs());
        }
        sleep(GLANCE);
    };
    ensure!(
        status.success(),
        "`{typed}` failed ({status}); its own words are above"
    );
    Ok(())
}

/// What a program prints, without the line's end; `None` if it is missing or fails.
pub(crate) fn ask(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// The path of the first of these programs that `PATH` has.
pub(crate) fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let candidates = names
        .iter()
        .flat_map(|name| std::env::split_paths(&path).map(move |dir| dir.join(name)));
    candidates.into_iter().find(|file| file.is_file())
}
