//! The faults planted in the engine and in this model of its hosts: one-line wrongs, each of
//! which some checker must catch.

use crate::generate::{Size, generate};
use crate::history::History;
use crate::tell::read;
use std::path::{Path, PathBuf};

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Planted {
    /// Its name, as at its place.
    pub name: &'static str,
    /// What is wrong while it is switched on.
    pub wrong: &'static str,
    /// The checker that is there to catch it; another may be quicker.
    pub checker: &'static str,
}

/// So many histories are played with each.
pub const HISTORIES_MAX: u64 = 3_000;

/// A fault by its name, with what is wrong while it is switched on.
type Wrong = (&'static str, &'static str);

/// All of them, by the checker that is there to catch them.
pub const PLANTED: &[(&str, &[Wrong])] = &[
    (
        "converge",
        &[
            (
                "HeadsStay",
                "Rows shown before their turn stay when a first synchronisation breaks off.",
            ),
            (
                "LateAnswersAreTrusted",
                "What was answered behind cleared-out deletions is taken to be there still.",
            ),
            (
                "AbortsAreIgnored",
                "A host takes an aborted transaction for a stored page.",
            ),
            (
                "ChunkEndsAtTheCeiling",
                "The first chunk of a table moves its marker to the end.",
            ),
            (
                "EpochIsNotNoticed",
                "A server put back from a backup goes on from positions that it never gave.",
            ),
            (
                "FloorIsNotNoticed",
                "A device goes on from below what was cleared out.",
            ),
            (
                "LostRowsAreNotOffered",
                "Rows that the server lost are not offered back.",
            ),
            (
                "MarkersMoveAlone",
                "Markers move without the rows that they stand for.",
            ),
            (
                "PageOverAGap",
                "A page is taken that does not begin where the device stands.",
            ),
            (
                "PositionsBeforeCommit",
                "A position is seen before the change that has it.",
            ),
            (
                "RowsByStamp",
                "Rows from the server are taken by their stamps and not by their positions.",
            ),
            (
                "TombstonesAreSkipped",
                "Deletions from the server are left out.",
            ),
        ],
    ),
    (
        "durable",
        &[
            (
                "ResetKeepsNoWitness",
                "Who begins at the start again forgets how far the server had come.",
            ),
            (
                "DeletedWordsAreDropped",
                "Words that meet a deletion from elsewhere go with the row.",
            ),
            (
                "RebuildDropsTheOutbox",
                "Unsent words go with the rows that did not come again.",
            ),
            (
                "SavedTooSoon",
                "A page says that it is saved, and the transaction is aborted.",
            ),
            (
                "HiddenWordsAreDropped",
                "A row put back whole leaves out what somebody else's words hide.",
            ),
        ],
    ),
    (
        "once",
        &[
            (
                "OutcomesAreForgotten",
                "The server does not know that it had a change before.",
            ),
            (
                "GroupsAreForgotten",
                "The server does not know that it had a group before.",
            ),
            (
                "RowGoesTwiceInAPush",
                "A change goes without the one beneath it, which may be refused.",
            ),
        ],
    ),
    (
        "causal",
        &[
            (
                "RebuildKeepsWhatIsGone",
                "What did not come again stays after the state was taken anew.",
            ),
            (
                "AcknowledgedFlickers",
                "A row from the feed hides what was acknowledged after it.",
            ),
            (
                "RecoversTooSoon",
                "A row is put back for words that the server may have had before it was deleted.",
            ),
            (
                "ClockIsJudgedAgain",
                "A stamp is shifted for a clock that was set after it was made and answered.",
            ),
            (
                "OutboxIsNotOnTop",
                "Unsent edits do not lie on top of their row.",
            ),
        ],
    ),
    (
        "monotonic",
        &[
            (
                "CounterBeginsAnew",
                "The counter of changes begins anew with the state.",
            ),
            (
                "GenerationStays",
                "Markers go back to the start in the same generation.",
            ),
        ],
    ),
    (
        "atomic",
        &[
            ("GroupIsCutByAPage", "A page ends in the middle of a group."),
            ("GroupIsSplit", "Changes of a group are sent one by one."),
            (
                "GroupIsTornApart",
                "The server takes those of a group that it can.",
            ),
            (
                "WriteIsTwoTransactions",
                "Edits that belong together are stored one by one.",
            ),
        ],
    ),
    (
        "visible",
        &[
            (
                "BaseIsTrustedBlindly",
                "Everybody is taken to have seen everything.",
            ),
            (
                "CoalescesInFlight",
                "An edit takes over a change that is on its way.",
            ),
            ("CollectionTakesFailed", "What was refused is cleared out."),
            (
                "DeletionTakesUnseen",
                "A deletion takes what its writer had not seen.",
            ),
            (
                "HiddenWordsAreReplaced",
                "An edit replaces words that its writer did not see.",
            ),
            ("LoserIsDropped", "A value that lost leaves no revision."),
            (
                "OutboxIsEmptiedOnSend",
                "Changes are taken for done when they are sent.",
            ),
            ("RefusalIsSilent", "A refused change is taken for done."),
            (
                "TrashIgnoresEdits",
                "A trash takes what its writer had not seen.",
            ),
        ],
    ),
    (
        "live",
        &[
            ("BadRowBlocks", "A row that does not fit is tried for ever."),
            (
                "BreakerStaysOpen",
                "A probe that went well does not shut the breaker.",
            ),
            (
                "CoalescingForgets",
                "A change that was taken over waits on.",
            ),
            ("GivesUp", "After some attempts the device stops trying."),
            (
                "GoneIsForgotten",
                "What the server answered about a deleted row is not worked in.",
            ),
            (
                "HeartbeatsDoNotLook",
                "A node that missed the news of a commit never looks by itself.",
            ),
            (
                "InFlightIsForgotten",
                "What was on its way when the tab died is not sent again.",
            ),
            (
                "NobodyRereads",
                "Writes of a tab whose news was lost are not found.",
            ),
            (
                "OfflineSpendsAttempts",
                "An absent server spends the attempts of a change.",
            ),
            (
                "PoisonTakesItsPush",
                "All changes of a push are set aside for one of them.",
            ),
            (
                "ProbeIsSwallowed",
                "A probe that was not used does not come back.",
            ),
            (
                "StaleMarkersAreKept",
                "A device that stands elsewhere than its tab thinks is not told.",
            ),
            ("WatchdogSleeps", "A silent link is never given up."),
        ],
    ),
    (
        "quiet",
        &[
            (
                "EveryHeartbeatCompares",
                "Every sign of life starts a comparison.",
            ),
            (
                "NothingIsSaidAsWell",
                "A stream says that nothing has changed.",
            ),
        ],
    ),
    (
        "bounded",
        &[
            ("DriftIsNotShifted", "A clock that is far ahead rules."),
            (
                "AttemptsHaveNoEnd",
                "A change that the server fails at is tried for ever.",
            ),
            ("ChunksHaveNoLimit", "A chunk has all rows there are."),
            ("PushHasNoLimit", "A push has all changes there are."),
        ],
    ),
    (
        "private",
        &[
            (
                "EraseIsUndone",
                "An erased account comes back with a backup.",
            ),
            ("FeedsAreMixed", "Everybody is sent the rows of one person."),
            (
                "ScopesAreMixed",
                "Everybody's changes go into one person's scope.",
            ),
        ],
    ),
    (
        "same-seed",
        &[
            ("MintIsNotSeeded", "Names and chance come from the machine."),
            (
                "OrderIsTheMachines",
                "Streams are served in an order of the machine's.",
            ),
        ],
    ),
];

/// All of them, one by one.
pub fn all() -> impl Iterator<Item = Planted> {
    let planted = |checker, (name, wrong): &Wrong| Planted {
        name,
        wrong,
        checker,
    };
    PLANTED
        .iter()
        .flat_map(move |(checker, wrongs)| wrongs.iter().map(move |wrong| planted(checker, wrong)))
}

/// The history at this place of those that are generated to meet a fault: every other one is
/// small and has many rows, where limits are met.
#[must_use]
pub fn directed(place: u64) -> History {
    let seed = place + 1;
    let size = match seed.is_multiple_of(2) {
        true => Size {
            devices: 4,
            large: 4,
            ..Size::default()
        },
        false => Size::default(),
    };
    generate(seed, size)
}

/// The histories that once found something, in the order of their files' names.
///
/// # Panics
/// The folder or a history in it cannot be read.
#[must_use]
pub fn kept() -> Vec<(PathBuf, History)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("histories");
    let files = std::fs::read_dir(folder).expect("the kept histories are in the tree");
    let files = files.map(|file| file.expect("a folder can be read to its end").path());
    let mut files: Vec<_> = files.collect();
    files.sort();
    let read = |file: PathBuf| (file.clone(), read(&file).expect("what is kept can be read"));
    files.into_iter().map(read).collect()
}

#[cfg(feature = "planted")]
pub use measure::measure;

#[cfg(feature = "planted")]
mod measure {
    use super::{HISTORIES_MAX, Planted, all, directed, kept};
    use crate::check::Violation;
    use crate::history::History;
    use crate::run::{attempt, find};
    use std::collections::BTreeSet;
    use std::num::NonZero;
    use std::path::PathBuf;
    use sync::planted::switch_on;

    /// Switches on one fault after the other, of those whose name contains `wanted`, and plays
    /// histories until a checker catches it: first those that once found something. Tells how
    /// many were caught and how many were not.
    pub fn measure(
        threads: NonZero<usize>,
        wanted: &str,
        mut tell: impl FnMut(&str),
    ) -> (u64, u64) {
        let (mut killed, mut survived) = (0, 0);
        let kept = kept();
        let mut unsound = BTreeSet::new();
        for fault in all().filter(|fault| fault.name.contains(wanted)) {
            let name = fault.name;
            if let Some((place, violation)) = catch(threads, &fault, &kept, &mut unsound) {
                killed += 1;
                let by = violation.checker;
                tell(&format!(
                    "{name:30} caught by {by:10} after {:5} histories",
                    place + 1
                ));
            } else {
                survived += 1;
                tell(&format!(
                    "{name:30} SURVIVED {HISTORIES_MAX} histories: {}",
                    fault.wrong
                ));
            }
        }
        if !unsound.is_empty() {
            tell(&format!(
                "left out, for they fail without any fault: {unsound:?}"
            ));
        }
        (killed, survived)
    }

    /// The first history that fails with the fault and does not without it. Those that do are
    /// remembered in `unsound`, by their places.
    fn catch(
        threads: NonZero<usize>,
        fault: &Planted,
        kept: &[(PathBuf, History)],
        unsound: &mut BTreeSet<u64>,
    ) -> Option<(u64, Violation)> {
        let twice = fault.checker == "same-seed";
        let history = |place: u64| {
            let number = usize::try_from(place).unwrap_or(usize::MAX);
            let kept_too = kept.len() as u64;
            match kept.get(number) {
                Some((_, history)) => history.clone(),
                None => directed(place - kept_too),
            }
        };
        loop {
            switch_on(Some(fault.name));
            let places = 0..HISTORIES_MAX;
            let found = find(
                threads,
                places.filter(|place| !unsound.contains(place)),
                |place| (history(place), twice),
            );
            switch_on(None);
            let (place, violation) = found?;
            if attempt(&history(place), twice).violation.is_none() {
                return Some((place, violation));
            }
            unsound.insert(place);
        }
    }
}
