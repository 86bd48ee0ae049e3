//! What a word is: how a text falls into the pieces that are compared.

/// What a character makes with its neighbours.
#[derive(PartialEq, Eq)]
enum Kind {
    /// A word, with its accents. Emoji are words too: several characters make one of them.
    Word,
    /// White space inside a line.
    Blank,
    /// What stands alone: ends of lines, punctuation, and the characters of scripts without
    /// blanks, where a run of them would be a whole sentence.
    Sign,
}

fn kind(c: char) -> Kind {
    match c {
        '\n' => Kind::Sign,
        '0'..='9' | 'A'..='Z' | 'a'..='z' | '_' => Kind::Word,
        c if c.is_whitespace() => Kind::Blank,
        // The rest of ASCII, the signs of Latin-1, general punctuation.
        '\0'..='\u{bf}' | '×' | '÷' | '\u{2010}'..='\u{205e}' => Kind::Sign,
        // The commas and full stops of Arabic and Devanagari.
        '\u{60c}' | '\u{61b}' | '\u{61f}' | '\u{964}' | '\u{965}' => Kind::Sign,
        // Chinese and Japanese with their punctuation, also in full width.
        '\u{2e80}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{ff00}'..='\u{ffef}'
        | '\u{20000}'..='\u{3ffff}' => Kind::Sign,
        _ => Kind::Word,
    }
}

/// Whether this is white space inside a line.
pub(super) fn is_blank(c: char) -> bool {
    kind(c) == Kind::Blank
}

/// Whether one token ends and another begins between these two characters.
pub(super) fn parts(left: char, right: char) -> bool {
    let left = kind(left);
    left == Kind::Sign || left != kind(right)
}

/// The text's words, blanks and signs, in order; put together they are the text.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut left = rest.chars().next()?;
        let edge = rest.char_indices().skip(1).find(|(_, right)| {
            let left = std::mem::replace(&mut left, *right);
            parts(left, *right)
        });
        let (word, more) = rest.split_at(edge.map_or(rest.len(), |(at, _)| at));
        rest = more;
        Some(word)
    })
}

/// The text's lines, each with its end.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n')
}

/// The texts without the tokens that both begin and end with: where the rest begins, and what
/// each of them has there. So one word changed in a long text costs one look at the text.
pub(super) fn differing<'a>(old: &'a str, new: &'a str) -> (usize, &'a str, &'a str) {
    let same = |(one, two): &(u8, u8)| one == two;
    let head = old.bytes().zip(new.bytes()).take_while(same).count();
    let mut from = old.floor_char_boundary(head);
    while !(is_edge(old, from) && is_edge(new, from)) {
        from = old.floor_char_boundary(from - 1);
    }
    let tails = old[from..].bytes().rev().zip(new[from..].bytes().rev());
    let tail = tails.take_while(same).count();
    let mut end = old.ceil_char_boundary(old.len() - tail);
    let in_new = |end: usize| end + new.len() - old.len();
    while !(is_edge(old, end) && is_edge(new, in_new(end))) {
        end = old.ceil_char_boundary(end + 1);
    }
    (from, &old[from..end], &new[from..in_new(end)])
}

/// Whether a token begins or ends here; where a text begins and ends, one does.
fn is_edge(text: &str, at: usize) -> bool {
    let (before, after) = text.split_at(at);
    let seam = before.chars().next_back().zip(after.chars().next());
    seam.is_none_or(|(left, right)| parts(left, right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_falls_into_words_blanks_and_signs() {
        let cases: [(&str, &[&str]); 9] = [
            ("", &[]),
            ("one, two", &["one", ",", " ", "two"]),
            ("a\t  b\n\n c", &["a", "\t  ", "b", "\n", "\n", " ", "c"]),
            ("end...\r\n", &["end", ".", ".", ".", "\r", "\n"]),
            ("Straße_7 §3", &["Straße_7", " ", "§", "3"]),
            ("cafe\u{301} नमस्ते।", &["cafe\u{301}", " ", "नमस्ते", "।"]),
            ("„don’t“", &["„", "don", "’", "t", "“"]),
            ("日本、はい", &["日", "本", "、", "は", "い"]),
            (
                "\u{1f469}\u{200d}\u{1f4bb} ok",
                &["\u{1f469}\u{200d}\u{1f4bb}", " ", "ok"],
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(words(text).collect::<Vec<_>>(), expected, "{text:?}");
        }
    }

    #[test]
    fn what_texts_begin_and_end_with_alike_is_left_out_by_whole_tokens() {
        let cases = [
            ("same", "same", (4, "", "")),
            ("", "new", (0, "", "new")),
            ("one two", "one too", (4, "two", "too")),
            ("a cat sat", "a cart sat", (2, "cat", "cart")),
            ("one two", "ones two", (0, "one", "ones")),
            ("one two", "one atwo", (4, "two", "atwo")),
            ("one", "one two", (3, "", " two")),
            ("a a", "a a a", (3, "", " a")),
            ("ä.", "å.", (0, "ä", "å")),
            ("日本", "日米", (3, "本", "米")),
            // One byte of these begins alike, another one ends alike.
            ("\u{10348}", "\u{10388}", (0, "\u{10348}", "\u{10388}")),
        ];
        for (old, new, expected) in cases {
            assert_eq!(differing(old, new), expected, "{old:?} and {new:?}");
        }
    }
}
