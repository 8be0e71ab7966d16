//! What people type, as the built-in models can read it: without the signs that no training sentence had, with one
//! apostrophe, in lower case where all is in capitals. Checkpoints read what is typed.

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

use super::{
    sentence::{Adapted, shortened},
    visible::without_hidden,
};

/// Faces and hearts made of punctuation, where they stand between spaces.
const FACES: [&str; 22] = [
    ":)", ":-)", ":(", ":-(", ";)", ";-)", ":D", ":-D", ":P", ":-P", ":p", ":-p", ":/", ":-/",
    ":'(", ":o", ":O", "=)", "xD", "<3", "^^", "^_^",
];

/// Signs beyond ASCII that `training_words::plain` has a plain form for.
const WITH_PLAIN_FORM: &str = "‘’“”„‐–—…«»";

/// The text as it is read, before `training_words::plain` gives it the form of the training sentences, and what was
/// done to it.
pub fn readable(text: &str) -> (String, Adapted) {
    let mut left_out = vec![];
    let text = without_signs(&with_apostrophes(text), &mut left_out);
    let lowered = is_in_capitals(&text).then(|| sentence_case(&text));
    let read = with_capital_i(lowered.as_deref().unwrap_or(&text));
    let is_lowered = lowered.is_some() && read != text;
    (read, Adapted { left_out, is_lowered })
}

/// The text with composed letters, an apostrophe for every sign between letters that is typed for one, and one hyphen.
fn with_apostrophes(text: &str) -> String {
    let chars: Vec<char> = text.nfc().collect();
    let is_letter = |i: usize| chars.get(i).is_some_and(|c| c.is_alphabetic());
    let one_form = |(i, &c): (usize, &char)| match c {
        '`' | '´' | '′' | '＇' | '‘' | '’' | 'ʼ'
            if i.checked_sub(1).is_some_and(is_letter) && is_letter(i + 1) =>
        {
            '\''
        }
        '‑' | '‒' | '―' | '−' => '-',
        c => c,
    };
    chars.iter().enumerate().map(one_form).collect()
}

/// The words with single spaces between them, without signs. Each sign that can be seen is added to `left_out` once.
fn without_signs(text: &str, left_out: &mut Vec<String>) -> String {
    let mut read = String::new();
    for word in text.split_whitespace() {
        let is_face = FACES.contains(&word);
        let runs = if is_face { vec![(word.to_owned(), true)] } else { runs(word) };
        let mut is_after_hidden = false;
        for (i, (run, is_sign)) in runs.iter().enumerate() {
            if *is_sign {
                let sign = without_hidden(run).trim_matches(is_enclosing).to_owned();
                // What hides inside a word parts nothing.
                is_after_hidden = i > 0 && sign.is_empty();
                let sign = shortened(&sign);
                if !sign.is_empty() && !left_out.contains(&sign) {
                    left_out.push(sign);
                }
                continue;
            }
            let closes = i > 0 && run.chars().all(|c| ".,!?;:".contains(c));
            if !read.is_empty() && !closes && !is_after_hidden {
                read.push(' ');
            }
            read.push_str(run);
        }
    }
    read
}

/// A word cut into what is read and what is a sign, in order.
fn runs(word: &str) -> Vec<(String, bool)> {
    let mut is_in_sign = false;
    let mark = |c| {
        // A mark on a sign belongs to it.
        is_in_sign = is_sign(c) || (is_in_sign && is_combining_mark(c));
        (c, is_in_sign)
    };
    let marked: Vec<(char, bool)> = word.chars().map(mark).collect();
    let runs = marked.chunk_by(|a, b| a.1 == b.1);
    runs.map(|run| (run.iter().map(|(c, _)| c).collect(), run[0].1)).collect()
}

/// Whether this mark makes an emoji of a digit.
fn is_enclosing(c: char) -> bool {
    matches!(c, '\u{20dd}'..='\u{20e4}')
}

/// Whether this is an emoji or another sign beyond ASCII, neither letter, digit nor a mark on one: no training sentence
/// had any, so the vocabulary spells them in bytes that the models never saw.
fn is_sign(c: char) -> bool {
    // Letters in circles and variation selectors among them.
    let is_pictograph = matches!(c, '\u{1f000}'..='\u{1faff}' | '\u{fe00}'..='\u{fe0f}');
    let is_text =
        c.is_ascii() || c.is_alphanumeric() || is_combining_mark(c) || WITH_PLAIN_FORM.contains(c);
    is_pictograph || is_enclosing(c) || !is_text
}

/// Whether two words or more have capital letters, and no letter is small.
fn is_in_capitals(text: &str) -> bool {
    let n = text.split_whitespace().filter(|word| word.contains(char::is_uppercase)).count();
    n > 1 && !text.contains(char::is_lowercase)
}

/// The text in lower case, with a capital at the beginning and after the end of a sentence.
fn sentence_case(text: &str) -> String {
    let (mut cased, mut begins) = (String::new(), true);
    for c in text.chars() {
        if c.is_alphabetic() && begins {
            cased.push(c);
        } else {
            cased.extend(c.to_lowercase());
        }
        begins = !c.is_alphanumeric() && (begins || ".!?".contains(c));
    }
    cased
}

/// The text with a capital in each `i` that is a word, alone or before `'m`, `'ll`, `'ve`, `'d`.
fn with_capital_i(text: &str) -> String {
    let with_capital = |word: &str| {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let is_i = matches!(bare, "i" | "i'm" | "i'll" | "i've" | "i'd");
        if is_i { word.replacen('i', "I", 1) } else { word.to_owned() }
    };
    text.split(' ').map(with_capital).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emoji_and_other_signs_are_left_out_and_named_once() {
        for (typed, read, left_out) in [
            ("See you tomorrow 😊", "See you tomorrow", &["😊"][..]),
            ("I love you❤️. 😀🎉 ❤️", "I love you.", &["❤\u{fe0f}", "😀🎉"]),
            ("The dog🐈cat ♥ , sleeps ☀!", "The dog cat , sleeps!", &["🐈", "♥", "☀"]),
            ("👩‍👩‍👧 👍🏽Yes 🇫🇷 1\u{fe0f}\u{20e3}", "Yes 1", &["👩👩👧", "👍🏽", "🇫🇷"]),
            ("I love you :) <3", "I love you", &[":)", "<3"]),
            ("It is 5:30 (a) = *b* £5.", "It is 5:30 (a) = *b* 5.", &["£"]),
            ("zqx 猫 é e\u{301} x\u{302}", "zqx 猫 é é x\u{302}", &[]),
            ("“Wait…” – she’s «late»", "“Wait…” – she's «late»", &[]),
            ("zero\u{200b}width \u{202e}soft\u{200d}", "zerowidth soft", &[]),
            ("😊", "", &["😊"]),
        ] {
            let (text, adapted) = readable(typed);
            assert_eq!(text, read, "{typed:?}");
            assert_eq!(adapted.left_out, left_out, "{typed:?}");
            assert!(!adapted.is_lowered, "{typed:?}");
        }
    }

    #[test]
    fn capitals_are_read_in_lower_case_only_where_all_are() {
        for (typed, read) in [
            ("WHERE ARE YOU? I'M HERE.", "Where are you? I'm here."),
            ("I LOVE YOU", "I love you"),
            ("IT COSTS 3.5 DOLLARS. OK!", "It costs 3.5 dollars. Ok!"),
        ] {
            let lowered = Adapted { left_out: vec![], is_lowered: true };
            assert_eq!(readable(typed), (read.to_owned(), lowered), "{typed}");
        }
        for typed in ["NASA", "I", "The TV", "OK 12!", "I LOVE you", "I, I!"] {
            assert_eq!(readable(typed), (typed.to_owned(), Adapted::default()), "{typed}");
        }
    }

    #[test]
    fn apostrophes_hyphens_and_the_word_i_have_one_form() {
        for (typed, read) in [
            ("I don`t know, don´t you?", "I don't know, don't you?"),
            ("i’m here, i think; i'll stay (i've won)", "I'm here, I think; I'll stay (I've won)"),
            ("i.e. a `word` in skiing, i", "i.e. a `word` in skiing, I"),
            ("well‑known −5", "well-known -5"),
        ] {
            assert_eq!(readable(typed), (read.to_owned(), Adapted::default()), "{typed}");
        }
    }
}
