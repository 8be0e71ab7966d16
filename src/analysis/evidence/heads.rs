//! What every attention head does, as scores: where it looks, and whether it copies what it looks at.
//!
//! Where a head looks is read from its weights on a text, and from those on the same text read twice, in which the
//! token before, its earlier copy and what followed that copy are known. Whether it copies is read from its weights
//! alone: the circuit that takes a token that is looked at to what it adds to the logits.

use std::{collections::HashMap, ops::Range};

use super::run::Run;
use crate::{
    engine::{
        math::{matmul, matmul_tn},
        site::{Axis, Place, Role, Site, Stream, path_in},
        value::Matrix,
    },
    model::{
        EMBEDDING_TABLE,
        layer::attention::{CONTEXT, OUT, V},
    },
    text::{Token, words},
};

/// The table of target tokens, in a model that does not share one.
const TARGET_TABLE: &str = "tgt.embed.weight";

/// A score, and what it is.
pub struct HeadScore {
    pub name: &'static str,
    pub definition: &'static str,
    /// What a head with a high score is called.
    pub role: &'static str,
    /// From where on it stands out.
    pub bound: f32,
}

const fn score(
    name: &'static str,
    definition: &'static str,
    role: &'static str,
    bound: f32,
) -> HeadScore {
    HeadScore { name, definition, role, bound }
}

/// The score of a previous-token head.
pub const PREVIOUS: HeadScore =
    score("previous", "mean weight on the token before", "looks at the token before", 0.4);

/// The scores of a head, in the order of [`HeadScores::scores`].
pub static SCORES: [HeadScore; 7] = [
    PREVIOUS,
    score("self", "mean weight on the token itself", "looks at the token itself", 0.4),
    score("first", "mean weight on the first token", "rests on the first token", 0.5),
    score(
        "duplicate",
        "mean weight on the earlier copy of the token, in the text read twice (Wang et al. 2023)",
        "looks at the earlier copy",
        0.3,
    ),
    score(
        "induction",
        "mean weight on what followed the earlier copy, in the text read twice (Olsson et al. 2022)",
        "looks at what followed the earlier copy",
        0.3,
    ),
    score(
        "pronoun",
        "mean weight of pronouns (it, they, il, elle, ...) on earlier words that follow an article or a possessive",
        "looks from pronouns to nouns",
        0.4,
    ),
    score(
        "copying",
        "sum of the eigenvalues of E W_V W_O U over the sum of their magnitudes, without norms (Elhage et al. 2021): 1 raises what is looked at, -1 lowers it",
        "raises the token that it looks at",
        0.6,
    ),
];

/// A head and its scores.
#[derive(Clone, Debug, PartialEq)]
pub struct HeadScores {
    /// The attention that it is a head of: `encoder.1.self_attn`.
    pub scope: String,
    pub layer: usize,
    pub head: usize,
    /// In the order of [`SCORES`]; None where a score does not apply.
    pub scores: [Option<f32>; 7],
}

/// The run of a text whose words are read twice.
pub struct TextTwice {
    pub run: Run,
    /// The tokens of the second copy, of the source and of the target.
    pub source: Range<usize>,
    pub target: Range<usize>,
}

/// What heads are scored on: a run, the run of the same text read twice (None if that is too long), and the tokens of
/// the first.
pub struct HeadTexts<'a> {
    pub run: &'a Run,
    pub twice: Option<&'a TextTwice>,
    pub source: &'a [Token],
    pub target: &'a [Token],
}

/// The scores of all heads, in the order of computation; empty for a model without heads.
pub fn head_scores(texts: &HeadTexts) -> Vec<HeadScores> {
    let is_of_heads = |place: &&Place| place.site.axes == [Axis::Head, Axis::Query, Axis::Key];
    let places = texts.run.with_role(Role::AttentionWeights).filter(is_of_heads);
    let mut circuits = Circuits { run: texts.run, products: HashMap::new() };
    places.flat_map(|place| of_attention(texts, place, &mut circuits)).collect()
}

fn of_attention(texts: &HeadTexts, place: &Place, circuits: &mut Circuits) -> Vec<HeadScores> {
    let (run, path) = (texts.run, place.path.as_str());
    let Some(&first) = run.nodes(path).first() else { return vec![] };
    let n_heads = run.tape().shape(first).planes;
    let is_of_itself = place.scope.rows() == place.scope.keys();
    let tokens = place.scope.rows().of(texts.source, texts.target);
    let of = |head: usize| {
        let weights = rows(run, path, head);
        let on =
            |key: &dyn Fn(usize) -> Option<usize>| is_of_itself.then(|| mean_on(&weights, key))?;
        let twice = texts.twice.filter(|_| is_of_itself);
        let twice = twice.map(|twice| {
            let copy = place.scope.rows().of(&twice.source, &twice.target);
            (rows(&twice.run, path, head), copy)
        });
        let copies = |shift: usize| {
            let (weights, copy) = twice.as_ref()?;
            let of_copy = weights.get((*copy).clone()).filter(|rows| rows.len() > 1)?;
            mean_on(of_copy, &|row| (copy.start + row + shift).checked_sub(copy.len()))
        };
        let scores = [
            on(&|row| row.checked_sub(1)),
            on(&Some),
            mean_on(&weights, &|_| Some(0)),
            copies(0),
            copies(1),
            is_of_itself.then(|| on_nouns(&weights, tokens))?,
            None,
        ];
        Some(HeadScores {
            scope: place.scope.prefix().to_owned(),
            layer: place.scope.layer_index().unwrap_or(0),
            head,
            scores,
        })
    };
    let of = |head: usize| of(head).unwrap_or_else(|| cross(run, place, head));
    let mut all: Vec<HeadScores> = (0..n_heads).map(of).collect();
    for scored in &mut all {
        scored.scores[6] = circuits.copying(place, scored.head, n_heads);
    }
    all
}

/// The scores of a head that looks at another text: only the weight on its first token.
fn cross(run: &Run, place: &Place, head: usize) -> HeadScores {
    let first = mean_on(&rows(run, &place.path, head), &|_| Some(0));
    HeadScores {
        scope: place.scope.prefix().to_owned(),
        layer: place.scope.layer_index().unwrap_or(0),
        head,
        scores: [None, None, first, None, None, None, None],
    }
}

/// The rows of a head's weights, also where they were recorded row by row.
fn rows(run: &Run, path: &str, head: usize) -> Vec<Vec<f32>> {
    let nodes = run.nodes(path).iter();
    let rows = nodes.flat_map(|&node| {
        let value = run.tape().value(node);
        (0..value.shape().rows).map(move |row| value.row(head, row))
    });
    rows.collect()
}

/// The mean weight on the key that belongs to each row, over the rows that have one.
fn mean_on(weights: &[Vec<f32>], key: &dyn Fn(usize) -> Option<usize>) -> Option<f32> {
    let weight = |(row, weights): (usize, &Vec<f32>)| weights.get(key(row)?).copied();
    let found: Vec<f32> = weights.iter().enumerate().filter_map(weight).collect();
    (!found.is_empty()).then(|| found.iter().sum::<f32>() / found.len() as f32)
}

const PRONOUNS: [&str; 8] = ["it", "they", "he", "she", "il", "elle", "ils", "elles"];
const BEFORE_NOUNS: [&str; 24] = [
    "the", "a", "an", "this", "that", "my", "your", "his", "her", "its", "our", "their", "le",
    "la", "les", "l'", "un", "une", "des", "ce", "cette", "son", "sa", "ses",
];

/// Words with which no noun phrase goes on.
const AFTER_NOUNS: [&str; 74] = [
    "because", "but", "and", "or", "so", "who", "which", "when", "while", "if", "as", "than", "of",
    "in", "on", "at", "to", "for", "from", "by", "with", "is", "was", "are", "were", "has", "have",
    "had", "do", "does", "did", "can", "could", "will", "would", "not", "never", "always", "isn't",
    "wasn't", "aren't", "weren't", "don't", "doesn't", "didn't", "can't", "couldn't", "won't",
    "wouldn't", "parce", "car", "et", "ou", "mais", "qui", "que", "quand", "de", "du", "à", "au",
    "aux", "dans", "sur", "est", "sont", "était", "étaient", "ont", "ne", "n'", "pas", "se", "s'",
];

/// With these an apostrophe and an s is a verb.
const NO_OWNERS: [&str; 11] =
    ["it", "he", "she", "that", "there", "here", "what", "who", "where", "how", "let"];

/// The most words after an article that may be its noun: two adjectives may stand before it.
const MOST_OF_PHRASE: usize = 3;

/// The tokens of each noun before the token at `row`. Of the words after an article or a possessive, that
/// with the largest weight is taken for the noun, with all its tokens.
pub fn nouns_before(tokens: &[Token], row: usize, weights: &[f32]) -> Vec<Range<usize>> {
    let before = |word: &Range<usize>| word.end <= row;
    let words: Vec<Range<usize>> = words::words(tokens).into_iter().filter(before).collect();
    let lower: Vec<String> = words.iter().map(|word| words::lower(&tokens[word.clone()])).collect();
    let begins = |word: &str| BEFORE_NOUNS.contains(&word) || is_owner(word);
    let weight =
        |word: &Range<usize>| weights.get(word.clone()).map_or(0.0, |w| w.iter().sum::<f32>());
    let noun = |first: usize| {
        let mut phrase = vec![];
        for i in (first..words.len()).take(MOST_OF_PHRASE).take_while(|&i| may_be_noun(&lower[i])) {
            phrase.push(words[i].clone());
            // The owner may be meant itself; what it owns is the next phrase.
            if is_owner(&lower[i]) {
                break;
            }
        }
        // The first of those with most.
        phrase.into_iter().rev().max_by(|a, b| weight(a).total_cmp(&weight(b)))
    };
    (1..=words.len()).filter(|&i| begins(&lower[i - 1])).filter_map(noun).collect()
}

fn is_owner(word: &str) -> bool {
    let owner = word.strip_suffix("'s").or_else(|| word.strip_suffix("’s"));
    owner.is_some_and(|owner| !owner.is_empty() && !NO_OWNERS.contains(&owner))
}

fn may_be_noun(word: &str) -> bool {
    let ends = [&PRONOUNS[..], &BEFORE_NOUNS, &AFTER_NOUNS];
    word.starts_with(char::is_alphanumeric) && !ends.iter().any(|words| words.contains(&word))
}

/// The mean weight of pronouns on the nouns before them.
fn on_nouns(weights: &[Vec<f32>], tokens: &[Token]) -> Option<f32> {
    let of_pronoun = |word: Range<usize>| {
        let row = word.end - 1;
        let weights = weights.get(row)?;
        let nouns = nouns_before(tokens, word.start, weights);
        let on =
            |noun: &Range<usize>| weights.get(noun.clone()).map_or(0.0, |w| w.iter().sum::<f32>());
        (!nouns.is_empty()).then(|| nouns.iter().map(on).sum::<f32>())
    };
    let is_pronoun =
        |word: &Range<usize>| PRONOUNS.contains(&words::lower(&tokens[word.clone()]).as_str());
    let pronouns = words::words(tokens).into_iter().filter(is_pronoun);
    let found: Vec<f32> = pronouns.filter_map(of_pronoun).collect();
    (!found.is_empty()).then(|| found.iter().sum::<f32>() / found.len() as f32)
}

/// The circuits of heads from a token that is looked at to the logits.
struct Circuits<'a> {
    run: &'a Run,
    /// `Uᵀ E` by the table of the words that are looked at. (channel, channel)
    products: HashMap<&'static str, Option<Matrix>>,
}

impl Circuits<'_> {
    /// The sum of the eigenvalues of `E W_V W_O Uᵀ` over the sum of their magnitudes. Its eigenvalues other than 0 are
    /// those of `W_O Uᵀ E W_V`, as small as a head. None for a model without these weights.
    fn copying(&mut self, place: &Place, head: usize, n_heads: usize) -> Option<f32> {
        let run = self.run;
        let path = |name: &str| path_in(place.scope.prefix(), name);
        let weight = |of: &Site, name: &str| Some(run.weight_of(&path(of.name), name)?.matrix());
        let context = run.node(&path(CONTEXT.name))?;
        let d_head = run.tape().shape(context).cols;
        let (values, out) = (weight(&V, "W_V")?, weight(&OUT, "W_O")?);
        let n_groups = values.ncols() / d_head;
        if n_groups == 0 || !n_heads.is_multiple_of(n_groups) || out.nrows() != n_heads * d_head {
            return None;
        }
        let table = match place.scope.keys() {
            Stream::Target if run.node(TARGET_TABLE).is_some() => TARGET_TABLE,
            _ => EMBEDDING_TABLE,
        };
        let product = self.products.entry(table).or_insert_with(|| to_logits(run, table));
        let through = product.as_ref().filter(|m| m.ncols() == values.nrows())?;
        let group = head / (n_heads / n_groups);
        let values = values.columns(group * d_head, d_head).into_owned();
        let out = out.rows(head * d_head, d_head).into_owned();
        let circuit = matmul(&matmul(&out, through), &values); // (d_head, d_head)
        copying_score(&circuit)
    }
}

/// `Uᵀ E`: what a row of the table adds to the logits of its own words. None if the tables differ in size.
fn to_logits(run: &Run, table: &str) -> Option<Matrix> {
    let value = |name: &str| Some(run.tape().value(run.node(name)?).matrix());
    let embed = value(table)?;
    let unembed = ["unembed.weight", TARGET_TABLE, EMBEDDING_TABLE].into_iter().find_map(value)?;
    (embed.shape() == unembed.shape()).then(|| matmul_tn(unembed, embed))
}

/// The copying score of a circuit: the sum of its eigenvalues over the sum of their magnitudes, -1 to 1; None if all
/// are 0.
fn copying_score(matrix: &Matrix) -> Option<f32> {
    let eigenvalues = matrix.map(f64::from).complex_eigenvalues();
    let sum: f64 = eigenvalues.iter().map(|value| value.re).sum();
    let magnitudes: f64 = eigenvalues.iter().map(|value| value.re.hypot(value.im)).sum();
    (magnitudes > 0.0).then(|| (sum / magnitudes) as f32)
}

impl HeadScores {
    /// The scores by which this head stands out, the farthest above its bound first.
    pub fn standing_out(&self) -> Vec<usize> {
        let over = |i: usize| self.scores[i].map(|score| score - SCORES[i].bound);
        let mut found: Vec<usize> = (0..SCORES.len()).filter(|&i| over(i) >= Some(0.0)).collect();
        found.sort_by(|&a, &b| over(b).partial_cmp(&over(a)).unwrap_or(std::cmp::Ordering::Equal));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_that_scales_copies_and_one_that_turns_does_not() {
        let share =
            |numbers: &[f32]| copying_score(&Matrix::from_row_slice(2, 2, numbers)).unwrap();
        assert!((share(&[2.0, 0.0, 0.0, 3.0]) - 1.0).abs() < 1e-6);
        assert!((share(&[-2.0, 0.0, 0.0, -3.0]) + 1.0).abs() < 1e-6);
        assert!(share(&[0.0, -1.0, 1.0, 0.0]).abs() < 1e-6, "a quarter turn");
        assert!(copying_score(&Matrix::zeros(2, 2)).is_none());
    }

    /// The words that are taken for nouns before the last token, which looks at these.
    fn nouns(text: &str, looked_at: &[(usize, f32)]) -> Vec<String> {
        let token = |text: &str| Token {
            id: 0,
            text: text.to_owned(),
            continues: text.starts_with('-') && text.len() > 1,
        };
        let tokens: Vec<Token> = text.split(' ').map(token).collect();
        let mut weights = vec![0.0; tokens.len()];
        for &(i, weight) in looked_at {
            weights[i] = weight;
        }
        let nouns = nouns_before(&tokens, tokens.len() - 1, &weights);
        nouns.into_iter().map(|noun| words::lower(&tokens[noun])).collect()
    }

    #[test]
    fn the_noun_is_the_word_of_its_phrase_that_is_looked_at_most_with_all_its_tokens() {
        assert_eq!(nouns("The big old dog ate because it", &[(1, 0.1), (3, 0.9)]), ["dog"]);
        assert_eq!(nouns("The z -or -blax ate because it", &[(2, 0.5), (4, 0.4)]), ["zorblax"]);
        assert_eq!(nouns("Tom's dog ate because it", &[(1, 0.9)]), ["dog"]);
        assert_eq!(nouns("The cat's dog ate because it", &[(2, 0.9)]), ["cat's", "dog"]);
        assert_eq!(nouns("It's late because it", &[(1, 0.9)]), [""; 0], "no owner");
        assert_eq!(
            nouns("The dog says that he", &[(1, 0.5)]),
            ["dog"],
            "`that` is no article here"
        );
        assert_eq!(
            nouns("The dog saw the street because it", &[(1, 0.3), (4, 0.6)]),
            ["dog", "street"]
        );
    }

    #[test]
    fn the_marks_of_spaces_hide_no_article_and_make_none() {
        let spelled = "s e e ·the · d o g ·s a y s · he";
        assert_eq!(nouns(spelled, &[(5, 0.2), (6, 0.2), (7, 0.2), (10, 0.1)]), ["dog"]);
        let tokens: Vec<Token> = spelled
            .split(' ')
            .map(|text| Token { id: 0, text: text.to_owned(), continues: false })
            .collect();
        let mut weights = vec![vec![0.0; 14]; 14];
        weights[13] =
            vec![0.0, 0.0, 0.0, 0.0, 0.0, 0.25, 0.25, 0.25, 0.0, 0.0, 0.25, 0.0, 0.0, 0.0];
        assert_eq!(on_nouns(&weights, &tokens), Some(0.75));
    }

    #[test]
    fn pronouns_look_for_words_after_articles_before_them() {
        let token = |text: &str| Token { id: 0, text: text.to_owned(), continues: false };
        let tokens: Vec<Token> = ["The", "dog", "saw", "it", "."].map(token).to_vec();
        let mut weights = vec![vec![0.2; 5]; 5];
        weights[3] = vec![0.1, 0.6, 0.1, 0.1, 0.1];
        assert_eq!(on_nouns(&weights, &tokens), Some(0.6));
        assert_eq!(on_nouns(&weights, &tokens[..3]), None);
    }
}
