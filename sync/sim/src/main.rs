//! Plays histories and says what came of them: `cargo xtask sim`.

use clap::Parser;
use sim::generate::{Size, generate};
use sim::run::{Plan, run};
use sim::tell;
use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Half of the time goes into small allocations.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Plays histories of many devices that write, fail and heal, and checks what they promise.
#[derive(Parser)]
#[command(name = "sim")]
struct Cli {
    /// How many histories
    #[arg(long, default_value_t = 10_000)]
    histories: u64,
    /// The first seed; by default from the clock
    #[arg(long)]
    seed: Option<u64>,
    /// On how many threads; by default on all cores
    #[arg(long)]
    threads: Option<NonZero<usize>>,
    /// Devices in each history, over all people
    #[arg(long, default_value_t = Size::default().devices)]
    devices: u8,
    /// Tabs that each device may open
    #[arg(long, default_value_t = Size::default().tabs)]
    tabs: u8,
    /// Events in each history
    #[arg(long, default_value_t = Size::default().events)]
    events: usize,
    /// One history in so many has very many rows
    #[arg(long, default_value_t = Size::default().large)]
    large: u64,
    /// Measures the checkers with faults planted on purpose; needs the feature `planted`
    #[arg(long)]
    planted: bool,
    /// Only the planted faults whose name contains this
    #[arg(long, requires = "planted")]
    fault: Option<String>,
    /// Plays a kept history and tells its story
    #[arg(long)]
    replay: Option<PathBuf>,
    /// Where a history that fails is kept
    #[arg(long, default_value = "sync/sim/histories")]
    keep: PathBuf,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    sim::stop::listen();
    let failed = match &cli.replay {
        Some(file) => replay(file),
        None if cli.planted => planted(&cli),
        None => play(&cli),
    };
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Plays histories, and tells how many failed.
fn play(cli: &Cli) -> u64 {
    let plan = Plan {
        seed: cli.seed.unwrap_or_else(seed_of_the_clock),
        histories: cli.histories,
        threads: threads(cli),
        size: Size {
            devices: cli.devices.max(1),
            tabs: cli.tabs.max(1),
            events: cli.events,
            large: cli.large,
        },
    };
    eprintln!(
        "{} histories from seed {}, on {} threads",
        plan.histories, plan.seed, plan.threads
    );
    let began = Instant::now();
    let tally = run(plan, |tally, elapsed: Duration| {
        eprintln!("{}", tell::progress(tally, elapsed));
    });
    println!("{}", tell::summary(&tally, began.elapsed(), plan.seed));
    for failure in &tally.failures {
        println!("{}", tell::violation(failure));
    }
    if let Some(first) = tally.failures.first() {
        let history = generate(first.seed, plan.size);
        println!("\n{}", tell::failure(first, &history, &cli.keep));
    }
    let failed = tally.failed();
    println!("{} passed, {failed} failed", tally.histories - failed);
    failed
}

/// Plays a kept history, and tells whether it failed.
fn replay(file: &PathBuf) -> u64 {
    let history = match tell::read(file) {
        Ok(history) => history,
        Err(error) => {
            eprintln!("{error}");
            return 1;
        }
    };
    println!("{}", tell::story(&history));
    let violation = sim::shrink::violation(&history, true);
    if let Some(found) = &violation {
        println!(
            "violates {} at {} ms: {}",
            found.checker, found.at_ms, found.what
        );
    }
    let failed = u64::from(violation.is_some());
    println!("{} passed, {failed} failed", 1 - failed);
    failed
}

#[cfg(feature = "planted")]
fn planted(cli: &Cli) -> u64 {
    let wanted = cli.fault.as_deref().unwrap_or_default();
    let (killed, survived) = sim::planted::measure(threads(cli), wanted, |line| println!("{line}"));
    println!("killed {killed} of {}", killed + survived);
    println!("{killed} passed, {survived} failed");
    survived
}

#[cfg(not(feature = "planted"))]
fn planted(_: &Cli) -> u64 {
    eprintln!("this program has no faults in it: build it with `--features planted`");
    1
}

fn threads(cli: &Cli) -> NonZero<usize> {
    let cores = || std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    cli.threads.unwrap_or_else(cores)
}

fn seed_of_the_clock() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    since.as_secs()
}
