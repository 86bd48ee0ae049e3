//! The engine is never stuck and never confused, whatever happens in whatever order.
//!
//! A [`World`] stands for everything around the engine. It does what it is asked to, in its own
//! time and with any outcome; it never answers what it was not asked, and that is all that is
//! promised of it.

mod said;
mod world;

use crate::cases;
use proptest::prelude::*;
use world::World;

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn whatever_happens_it_goes_on_and_no_promise_is_broken(
        choices in prop::collection::vec(any::<u32>(), 1..160),
        generation in 0_u32..2,
    ) {
        let mut world = World::new(generation);
        for choice in choices {
            world.happen(choice);
        }
    }
}

#[test]
fn chance_comes_everywhere() {
    // Not a law: it sees that the one above looks at more than the first few steps.
    let mut phases = std::collections::BTreeSet::new();
    for seed in 0..300_u32 {
        let mut world = World::new(0);
        let mut choice = seed;
        for _ in 0..200 {
            choice = choice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            world.happen(choice >> 3);
            phases.insert(world.phase());
        }
    }
    assert_eq!(phases.len(), 9, "{phases:?}");
}
