//! Rows that are put back after they were deleted elsewhere, and when that turns out needless.

use super::*;
use crate::fixture::{delete, insert};
use crate::row::DELETED;
use crate::stamp::Stamps;
use crate::value::Fields;

/// A row that is to be put back with what `words` had set in it.
fn put_back(words: &LocalChange) -> LocalChange {
    let mut change = insert(1, 9, "words");
    let stamp = words.change.stamp;
    change.stamps = Some([("text".into(), stamp)].into());
    change.base = [(DELETED.into(), delete(1, 5).stamp)].into();
    LocalChange::new(9, change, Fields::new())
}

/// The change of a note by this person, and what became of it.
fn written(state: ChangeState) -> LocalChange {
    let mut local = LocalChange::new(3, insert(1, 3, "words"), Fields::new());
    local.state = state;
    local
}

fn on_its_way(mut local: LocalChange) -> LocalChange {
    local.state = InFlight;
    local
}

#[test]
fn putting_back_is_needless_once_the_server_has_had_every_word_all_along() {
    let words = written(Done);
    assert!(is_needless(
        &put_back(&words),
        core::slice::from_ref(&words)
    ));
    let itself = put_back(&words);
    assert!(is_needless(&itself, &[words.clone(), itself.clone()]));
    let mut theirs = written(Pending);
    theirs.from_server = true;
    assert!(is_needless(&put_back(&words), &[theirs]));
    let other = LocalChange::new(4, insert(1, 4, "else"), Fields::new());
    let other = LocalChange {
        state: Superseded,
        ..other
    };
    assert!(is_needless(&put_back(&words), &[words, other]), "not in it");
}

#[test]
fn putting_back_is_needed_while_a_word_of_it_may_be_nowhere_else() {
    let words = written(Done);
    for state in [Pending, InFlight, Failed, Superseded] {
        let words = written(state);
        assert!(!is_needless(&put_back(&words), &[words]), "{state:?}");
    }
    let elsewhere = LocalChange::new(4, insert(1, 4, "else"), Fields::new());
    let both = [words, elsewhere];
    assert!(!is_needless(&put_back(&both[0]), &both));
}

#[test]
fn what_is_no_putting_back_that_waits_is_never_needless() {
    let words = written(Done);
    let plain = put_back(&words);
    let with = |alter: &dyn Fn(&mut LocalChange)| {
        let mut local = plain.clone();
        alter(&mut local);
        local
    };
    for other in [
        with(&|local| local.change.stamps = None),
        with(&|local| local.change.op = Op::Update),
        with(&|local| local.change.base = Stamps::new()),
        with(&|local| local.state = Done),
        on_its_way(plain.clone()),
    ] {
        assert!(
            !is_needless(&other, core::slice::from_ref(&words)),
            "{other:?}"
        );
    }
}

#[test]
fn words_that_were_refused_and_are_hidden_are_sent_afresh_behind_the_row() {
    let mut store = desk();
    let seen = row_of(&[page(1, "bread and milk")], 1);
    arrive(&mut store, vec![seen.clone()]);
    write(&mut store, body("bread and beer"));
    let mut refused = waiting(&store);
    refused.state = Failed;
    refused.attempts = 3;
    refused.next_attempt_at_ms = NOW_MS + 1;
    refused.refusal = Some(("blank".into(), "no".into()));
    let mut meta = store.meta.clone();
    let mut record = record(&store, "pages", 1);
    let shown = on_top(&seen, &[words(&seen, 5, "bread and wine")], 2);
    let mut mint = Mint::new(NOW_MS, [1, 2]);
    let changes = recover(&RULES, &mut meta, &mut mint, &mut record, shown, &[refused]);
    let [earlier, whole, again] = &changes[..] else {
        panic!("{changes:?}");
    };
    assert_eq!(earlier.state, Superseded);
    assert_eq!((whole.state, whole.change.op), (Pending, Op::Insert));
    assert_eq!((again.state, again.attempts), (Pending, 0));
    assert_eq!((again.next_attempt_at_ms, &again.refusal), (0, &None));
    assert_eq!(again.change.fields["body"], "bread and beer".into());
}
