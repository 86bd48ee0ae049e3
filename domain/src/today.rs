//! Which prompt is today's.
//!
//! The one with the highest hash of person, day and prompt (highest random weight, Thaler and
//! Ravishankar 1998): every device chooses alike without asking anybody, and devices that do
//! not have the same prompts yet still mostly agree.

use crate::Prompt;
use crate::kinds::Day;
use sync::id::Id;

/// Prompts in today's order for this person: the first is today's, the next is "another one".
#[must_use]
pub fn prompts_of_the_day(person: Id, day: &Day, mut prompts: Vec<Prompt>) -> Vec<Prompt> {
    prompts.sort_by_key(|prompt| {
        core::cmp::Reverse((
            weight(&format!("{person} {} {}", day.as_str(), prompt.id)),
            prompt.id,
        ))
    });
    prompts
}

/// FNV-1a with a final mix, so that the highest bits depend on every character.
fn weight(text: &str) -> u64 {
    let fnv = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mixed = (fnv ^ (fnv >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompts(count: u128) -> Vec<Prompt> {
        (1..=count)
            .map(|n| Prompt {
                id: Id::from_u128(n),
                category: "c".into(),
                text: "t".into(),
            })
            .collect()
    }

    fn day(number: u32) -> Day {
        Day::parse(&format!("2026-11-{number:02}")).expect("a day")
    }

    #[test]
    fn every_device_chooses_alike_whatever_the_order_it_reads_in() {
        let person = Id::from_u128(9);
        let mut turned = prompts(48);
        turned.reverse();
        let one = prompts_of_the_day(person, &day(1), prompts(48));
        assert_eq!(one, prompts_of_the_day(person, &day(1), turned));
    }

    #[test]
    fn a_new_prompt_changes_few_days_and_days_differ() {
        let person = Id::from_u128(9);
        let first = |day: &Day, count| prompts_of_the_day(person, day, prompts(count))[0].id;
        let days: Vec<_> = (1..=30).map(day).collect();
        let changed = days
            .iter()
            .filter(|day| first(day, 48) != first(day, 49))
            .count();
        assert!(
            changed <= 4,
            "{changed} of 30 days changed with one new prompt"
        );
        let distinct: std::collections::BTreeSet<_> = days.iter().map(|d| first(d, 48)).collect();
        assert!(
            distinct.len() >= 15,
            "only {} prompts in 30 days",
            distinct.len()
        );
    }
}
