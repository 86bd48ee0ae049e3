//! The demo journal's entries, put together from the lines of `phrases.txt` by chance that is
//! always the same.

use domain::JournalEntry;
use domain::kinds::{Day, Moment};
use std::collections::BTreeMap;
use sync::id::{Id, Mint};
use time::{Date, Month, UtcOffset};

/// How many days the journal goes back.
pub(super) const DAYS: i64 = 400;

/// Where all chance comes from. Another number is another journal.
const SEED: [u64; 2] = [0x6461_7962_6f6f_6b21, 0x0064_656d_6f21];

/// How deep lines may stand in lines; more would be a circle in the file.
const DEPTH_MAX: usize = 4;

const PHRASES: &str = include_str!("phrases.txt");

/// A prompt that an entry may answer.
pub(super) type Question = (Id, String);

/// One entry and the name of the change that writes it.
pub(super) type Written = (JournalEntry, Id);

/// The lines of the file, by the name of their list, and the chance to choose among them.
struct Words {
    lists: BTreeMap<&'static str, Vec<&'static str>>,
    chance: Mint,
}

/// The entries of [`DAYS`] days up to this one, oldest first; one a day and sometimes two.
pub(super) fn journal(until: Date, questions: &[Question]) -> Vec<Written> {
    let mut words = Words {
        lists: lists(),
        chance: Mint::new(0, SEED),
    };
    let mut entries = Vec::new();
    for back in (0..DAYS).rev() {
        let Some(date) = until.checked_sub(time::Duration::days(back)) else {
            continue;
        };
        for hour in words.hours() {
            entries.extend(words.entry(date, hour, questions));
        }
    }
    entries
}

fn lists() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut lists: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut name = "";
    for line in PHRASES.lines().map(str::trim) {
        let heading = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'));
        if let Some(heading) = heading {
            name = heading;
        } else if !line.is_empty() && !line.starts_with('#') {
            lists.entry(name).or_default().push(line);
        }
    }
    lists
}

impl Words {
    /// At which hours of a day somebody writes.
    fn hours(&mut self) -> Vec<u8> {
        let evening = 18 + self.below(5);
        match self.below(8) {
            0 => vec![7, evening],
            1 | 2 => vec![7],
            _ => vec![evening],
        }
    }

    fn entry(&mut self, date: Date, hour: u8, questions: &[Question]) -> Option<Written> {
        let minute = self.below(60);
        let moment = date.with_hms(hour, minute, self.below(60)).ok()?;
        let seconds = moment.assume_offset(UtcOffset::UTC).unix_timestamp();
        let written_ms = u64::try_from(seconds).ok()? * 1_000;
        let mut mint = Mint::new(written_ms, [self.chance.next_u64(), self.chance.next_u64()]);
        let day = (date.year(), u8::from(date.month()), date.day());
        let question = self.question(questions);
        let title = match self.below(4) {
            0 => self.line("title"),
            _ => String::new(),
        };
        let entry = JournalEntry {
            id: mint.id(),
            day: Day::parse(&format!("{:04}-{:02}-{:02}", day.0, day.1, day.2))?,
            title: title.as_str().into(),
            body: self.body(date.month()).as_str().into(),
            prompt_id: question.map(|(id, _)| *id),
            prompt_text: question.map(|(_, text)| text.as_str().into()),
            written_at: Moment(i64::try_from(written_ms).ok()?),
            trashed_at: None,
        };
        Some((entry, mint.id()))
    }

    fn question<'a>(&mut self, questions: &'a [Question]) -> Option<&'a Question> {
        let answers = self.below(6) == 0;
        let bound = u64::try_from(questions.len()).unwrap_or_default();
        let chosen = usize::try_from(self.chance.below(bound)).ok()?;
        questions.get(chosen).filter(|_| answers)
    }

    fn body(&mut self, month: Month) -> String {
        let season = match u8::from(month) {
            3..=5 => "spring",
            6..=8 => "summer",
            9..=11 => "autumn",
            _ => "winter",
        };
        let opening = self.line(season);
        match self.below(10) {
            0 => {
                let head = self.line("list");
                let items: Vec<_> = (0..3).map(|_| format!("- {}", self.line("item"))).collect();
                format!("{opening}\n\n{head}\n\n{}", items.join("\n"))
            }
            1 | 2 => {
                let (first, second) = (self.line("scene"), self.line("scene"));
                let (third, thought) = (self.line("scene"), self.line("thought"));
                let closing = self.line("closing");
                format!("{opening} {first}\n\n{second} {third}\n\n{thought} {closing}")
            }
            3..=5 => {
                let (scene, thought) = (self.line("scene"), self.line("thought"));
                format!("{opening} {scene} {thought}")
            }
            _ => {
                let (first, second) = (self.line("scene"), self.line("scene"));
                let closing = self.line("closing");
                format!("{opening} {first}\n\n{second} {closing}")
            }
        }
    }

    /// A line of this list, with its own gaps filled, beginning as a sentence does.
    fn line(&mut self, list: &str) -> String {
        let mut line = self.one_of(list).to_owned();
        for _ in 0..DEPTH_MAX {
            let Some((before, rest)) = line.split_once('{') else {
                break;
            };
            let Some((name, after)) = rest.split_once('}') else {
                break;
            };
            line = [before, self.one_of(name), after].concat();
        }
        let first = line.get(..1).unwrap_or_default().to_uppercase();
        format!("{first}{}", line.get(1..).unwrap_or_default())
    }

    fn one_of(&mut self, list: &str) -> &'static str {
        let lines = self.lists.get(list).map(Vec::as_slice).unwrap_or_default();
        let bound = u64::try_from(lines.len()).unwrap_or_default();
        let chosen = usize::try_from(self.chance.below(bound)).unwrap_or_default();
        lines.get(chosen).copied().unwrap_or_default()
    }

    fn below(&mut self, bound: u8) -> u8 {
        u8::try_from(self.chance.below(bound.into())).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn until() -> Date {
        Date::from_calendar_date(2026, Month::November, 24).expect("a day")
    }

    #[test]
    fn every_day_has_its_entry_and_they_are_always_the_same() {
        let questions = [(Id::from_u128(9), "Why?".to_owned())];
        let entries = journal(until(), &questions);
        let days: BTreeSet<_> = entries
            .iter()
            .map(|(entry, _)| entry.day.as_str())
            .collect();
        assert_eq!(days.len(), usize::try_from(DAYS).expect("few"));
        assert_eq!(days.first().copied(), Some("2025-10-21"));
        assert_eq!(days.last().copied(), Some("2026-11-24"));
        let names: BTreeSet<_> = entries.iter().flat_map(|(one, op)| [one.id, *op]).collect();
        assert_eq!(names.len(), 2 * entries.len());
        assert!(entries.is_sorted_by_key(|(entry, _)| entry.id));
        assert_eq!(entries, journal(until(), &questions));
        assert!(entries.iter().any(|(entry, _)| entry.prompt_text.is_some()));
    }

    #[test]
    fn every_gap_is_filled_and_few_entries_say_the_same() {
        let entries = journal(until(), &[]);
        let bodies: BTreeSet<_> = entries
            .iter()
            .map(|(entry, _)| entry.body.as_str())
            .collect();
        assert!(bodies.len() + 3 > entries.len(), "{}", bodies.len());
        for (entry, _) in &entries {
            for text in [entry.body.as_str(), entry.title.as_str()] {
                assert!(!text.contains(['{', '}', '[']), "{text}");
                assert!(!text.contains("  "), "{text}");
            }
        }
    }
}
