//! The answer that a question-answering head finds: the span of tokens whose first and last have the largest product of
//! probabilities (Devlin et al. 2019, section 4.2).

use std::ops::{Range, RangeInclusive};

use crate::text::Token;

/// The longest answer in tokens, as in transformers' pipeline.
const LONGEST: usize = 15;

/// The tokens that stand between two texts, or at the ends of one.
const SEPARATORS: [&str; 2] = ["[SEP]", "</s>"];

/// The tokens among which the answer lies: those of the second text, where a separator stands between two; else all. The
/// first token and the separators around them are left out.
pub fn context(tokens: &[Token]) -> Range<usize> {
    let is_separator = |token: &Token| SEPARATORS.contains(&token.text.as_str());
    let end = tokens.iter().rposition(|token| !is_separator(token)).map_or(0, |last| last + 1);
    let before = tokens[..end].iter().rposition(is_separator);
    before.map_or(1.min(end), |separator| separator + 1)..end
}

/// The likeliest span within a range of tokens, and the product of both probabilities. None of an empty range.
pub fn best(
    start: &[f32],
    end: &[f32],
    range: Range<usize>,
) -> Option<(RangeInclusive<usize>, f32)> {
    let spans = range
        .clone()
        .flat_map(|first| (first..range.end.min(first + LONGEST)).map(move |last| (first, last)));
    let probability = |(first, last): (usize, usize)| start[first] * end[last];
    let likelier = |a, b| if probability(b) > probability(a) { b } else { a };
    let (first, last) = spans.reduce(likelier)?;
    Some((first..=last, probability((first, last))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(texts: &[&str]) -> Vec<Token> {
        let token = |text: &&str| Token { id: 0, text: (*text).to_owned(), continues: false };
        texts.iter().map(token).collect()
    }

    #[test]
    fn an_answer_lies_in_the_second_text_where_there_are_two() {
        let pair = tokens(&["[CLS]", "who", "[SEP]", "the", "dog", "[SEP]"]);
        assert_eq!(context(&pair), 3..5);
        let roberta = tokens(&["<s>", "who", "</s>", "</s>", "the", "dog", "</s>"]);
        assert_eq!(context(&roberta), 4..6);
        assert_eq!(context(&tokens(&["[CLS]", "the", "dog", "[SEP]"])), 1..3);
        assert_eq!(context(&tokens(&["[CLS]", "[SEP]"])), 1..1);
    }

    #[test]
    fn the_likeliest_span_never_ends_before_it_begins() {
        let (start, end) = ([0.1, 0.2, 0.6, 0.1], [0.5, 0.1, 0.1, 0.3]);
        let (span, p) = best(&start, &end, 0..4).unwrap();
        assert_eq!(span, 2..=3);
        assert!((p - 0.18).abs() < 1e-6);
        assert!(best(&start, &end, 2..2).is_none());
    }
}
