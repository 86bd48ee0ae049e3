//! From a seed to a history. Each seed also draws which faults exist at all: some mistakes hide
//! where a fault is *absent* (swarm testing, Groce et al. 2012).

use crate::history::{Ask, Event, Fault, History, Trouble, What, Write};
use sync::id::Mint;

/// How large histories are.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Devices in all, over all people.
    pub devices: u8,
    /// Tabs a device.
    pub tabs: u8,
    /// Events.
    pub events: usize,
    /// One history in so many has very many rows.
    pub large: u64,
}

impl Default for Size {
    fn default() -> Self {
        Self {
            devices: 8,
            tabs: 3,
            events: 60,
            large: 24,
        }
    }
}

/// How long the storm lasts, in milliseconds.
const STORM_MS: u64 = 60_000;

/// How often a database is put back at most.
const RESTORES_MAX: usize = 2;

/// The history of this seed.
#[must_use]
pub fn generate(seed: u64, size: Size) -> History {
    let mut mint = Mint::new(0, [seed ^ 0x9e37_79b9_7f4a_7c15, seed.rotate_left(32) | 1]);
    for _ in 0..4 {
        mint.next_u64();
    }
    let people = [1, 1, 2, 4][pick(&mut mint, 4)];
    let themed = mint.below(4) == 0;
    let kinds = match themed {
        true => THEMES[pick(&mut mint, THEMES.len())].to_vec(),
        false => draw_faults(&mut mint),
    };
    let busy = 1 + mint.below(4);
    let troubled = mint.below(3) == 0;
    let mut events = Vec::new();
    for _ in 0..size.events {
        let at_ms = mint.below(STORM_MS);
        let device = byte(&mut mint, u64::from(size.devices));
        let what = match mint.below(10) {
            0 if !kinds.is_empty() => fault(&mut mint, device, &kinds),
            1 if !kinds.is_empty() && busy > 2 => fault(&mut mint, device, &kinds),
            2 if mint.below(3) == 0 => ask(&mut mint, device),
            3 if troubled && mint.below(4) == 0 => trouble(&mut mint, device),
            _ => write(&mut mint, device, size),
        };
        events.push(Event { at_ms, what });
    }
    events.extend(from_the_start(&mut mint, &kinds, size));
    if mint.below(size.large.max(1)) == 0 {
        events.extend(large(&mut mint, size));
    }
    events.sort_by_key(|event| event.at_ms);
    let mut restores = 0;
    events.retain(|event| {
        restores += usize::from(event.is_restore());
        restores <= RESTORES_MAX || !event.is_restore()
    });
    History {
        salt: mint.next_u64(),
        people,
        devices: (size.devices / people).max(1),
        tabs: size.tabs,
        nodes: 1 + byte(&mut mint, 3),
        wire: mint.below(16) == 0,
        journal: mint.below(8) == 0,
        events,
    }
}

/// Very many rows at once, and then a large group; half of the time, nodes hear of it late, so
/// that they read it in one go.
fn large(mint: &mut Mint, size: Size) -> Vec<Event> {
    let at_ms = mint.below(STORM_MS);
    let device = byte(mint, u64::from(size.devices));
    let slot = byte(mint, 6);
    let write = |write| What::Write {
        device,
        tab: 0,
        slot,
        write,
    };
    let late = What::Fault {
        device,
        fault: Fault::LateVisibility,
        amount: 12_000,
    };
    let what = [write(Write::Many), write(Write::Large), late];
    let count = 2 + usize::from(mint.below(2) == 0);
    let events = what.into_iter().take(count);
    events.map(|what| Event { at_ms, what }).collect()
}

/// Faults that are at their worst together, and without others that would hide them.
const THEMES: [&[Fault]; 5] = [
    &[Fault::Restore, Fault::CutUp, Fault::Clog, Fault::Sleep],
    &[Fault::Restore, Fault::Evict, Fault::CutUp],
    &[
        Fault::TombstonesDropped,
        Fault::Sleep,
        Fault::Clog,
        Fault::SessionEnds,
    ],
    &[
        Fault::ClockJump,
        Fault::ClockSkew,
        Fault::Sleep,
        Fault::CutUp,
    ],
    &[Fault::Restore, Fault::Erase],
];

fn draw_faults(mint: &mut Mint) -> Vec<Fault> {
    let share = [0, 15, 40, 90][pick(mint, 4)];
    let all = Fault::ALL.into_iter();
    all.filter(|_| mint.below(100) < share).collect()
}

/// Faults that a device has from the beginning.
fn from_the_start(mint: &mut Mint, kinds: &[Fault], size: Size) -> Vec<Event> {
    let mut events = Vec::new();
    for device in 0..size.devices {
        for fault in [Fault::ClockSkew, Fault::OldVersion, Fault::TwoTabs] {
            if kinds.contains(&fault) && mint.below(3) == 0 {
                let amount = amount(mint, fault);
                let what = What::Fault {
                    device,
                    fault,
                    amount,
                };
                events.push(Event { at_ms: 0, what });
            }
        }
    }
    events
}

fn fault(mint: &mut Mint, device: u8, kinds: &[Fault]) -> What {
    let fault = kinds[pick(mint, kinds.len())];
    // The rare ones would otherwise end every history.
    let rare = matches!(fault, Fault::Erase | Fault::Evict | Fault::Restore) && kinds.len() > 4;
    let fault = if rare && mint.below(3) > 0 {
        Fault::Drop
    } else {
        fault
    };
    What::Fault {
        device,
        fault,
        amount: amount(mint, fault),
    }
}

fn amount(mint: &mut Mint, fault: Fault) -> u32 {
    let amount = match fault {
        Fault::Drop | Fault::Duplicate | Fault::Reorder | Fault::AbortCommit => 1 + mint.below(4),
        Fault::CrashAtCommit => mint.below(12),
        Fault::Delay => 50 + mint.below(3_000),
        Fault::ClockJump | Fault::ClockSkew => match mint.below(3) {
            0 => mint.below(120_000),
            1 => mint.below(7_200_000),
            _ => mint.below(4_000_000_000),
        },
        Fault::Sleep | Fault::FrozenLeader | Fault::LockStolen => 1_000 + mint.below(40_000),
        Fault::Restore => 1_000 + mint.below(30_000),
        _ => 500 + mint.below(15_000),
    };
    u32::try_from(amount).unwrap_or(u32::MAX)
}

fn ask(mint: &mut Mint, device: u8) -> What {
    let asks = [
        Ask::Wake,
        Ask::Verify,
        Ask::Reset,
        Ask::Retry,
        Ask::OpenTab,
        Ask::OpenTab,
        Ask::CloseTab,
        Ask::Collect,
    ];
    let ask = asks[pick(mint, asks.len())];
    What::Ask { device, ask }
}

fn trouble(mint: &mut Mint, device: u8) -> What {
    let troubles = [
        Trouble::Busy,
        Trouble::Broken,
        Trouble::Broken,
        Trouble::Away,
        Trouble::Misfit,
    ];
    let trouble = troubles[pick(mint, troubles.len())];
    let amount = 1 + u32::from(byte(mint, 20));
    What::Trouble {
        device,
        trouble,
        amount,
    }
}

fn write(mint: &mut Mint, device: u8, size: Size) -> What {
    let write = match mint.below(42) {
        0..6 => Write::Insert,
        6..15 => Write::Short,
        15..22 => Write::Append,
        22..25 => Write::Prepend,
        25..28 => Write::Replace,
        28..31 => Write::Other,
        31..33 => Write::Trash,
        33 => Write::Restore,
        34..36 => Write::Delete,
        36..39 => Write::Together,
        39 => Write::Refused,
        40 => Write::Poison,
        _ => Write::Swell,
    };
    What::Write {
        device,
        tab: byte(mint, u64::from(size.tabs)),
        slot: byte(mint, 6),
        write,
    }
}

fn pick(mint: &mut Mint, of: usize) -> usize {
    usize::try_from(mint.below(of as u64)).unwrap_or_default()
}

fn byte(mint: &mut Mint, below: u64) -> u8 {
    u8::try_from(mint.below(below)).unwrap_or_default()
}
