//! Facts about the sentence, its words and the models' sizes.

use super::{
    Context, Fact, attention::it_has_another_form, fact, fact_of_built_in, last_word_in,
    words_from_end,
};
use crate::{
    analysis::{
        evidence::heads::nouns_before,
        trace::{Recorded, Trace},
    },
    engine::{
        math::length,
        site::{Role, Site, Stream, in_layer, path_in},
        value::Shape,
    },
    lesson::phrases::Phrases,
    model::{
        EMBEDDING_TABLE, ModelName, ModelSizes, POS, SCALED,
        layer::{attention, delta, experts, feed_forward, state_space},
    },
    text::{Token, grouped, rounded, spoken, word_text},
};

pub(super) static FACTS: &[Fact] = &[
    fact("n_tokens", "tokens of the sentence", |c| n_tokens(c).to_string()),
    fact("tokens", "the same with its noun", |c| {
        c.phrases.counted(n_tokens(c), Phrases::token, Phrases::tokens)
    }),
    fact("pairs", "pairs of rows of the step's stream, with their noun", |c| {
        c.phrases.counted(c.tokens().len().pow(2), Phrases::pair, Phrases::pairs)
    }),
    fact("n_pairs", "pairs of rows of the step's stream", |c| grouped(c.tokens().len().pow(2))),
    fact("n_source_pairs", "pairs of source words", |c| grouped(n_tokens(c).pow(2))),
    fact("n_rows", "rows of the step's stream", |c| grouped(c.tokens().len())),
    fact("word", "the selected word", |c| c.word(c.row())),
    fact(
        "pronoun_change",
        "a change of what is said of the pronoun, as it is typed; what to read first, if there is no pronoun",
        pronoun_change,
    ),
    fact(
        "word_change",
        "what to type to change a noun; what to read first, if the sentence is short",
        word_change,
    ),
    fact("unknown", "words no model has seen, with words to use instead", unknown),
    fact("alike", "the two different words whose embeddings point most alike", alike),
    fact("vocab", "tokens of the vocabulary", |c| {
        grouped(size_of_first(c, &[EMBEDDING_TABLE], |shape| shape.rows))
    }),
    fact("d_model", "numbers of an embedding row", |c| d_model(c).to_string()),
    fact("root_d_model", "its square root", |c| root(d_model(c))),
    fact_of_built_in("d_hidden", "units of an RNN's state", |c| d_hidden(c).to_string()),
    fact("embedding_numbers", "numbers in all embedding rows together", |c| {
        grouped(n_tokens(c) * d_model(c))
    }),
    fact("d_k", "columns of one head", |c| d_k(c).to_string()),
    fact("root_d_k", "its square root", |c| root(d_k(c))),
    fact("d_ff", "units of the feed-forward layer", |c| {
        let hidden = [
            ("encoder.{layer}.ffn", &feed_forward::HIDDEN),
            ("blocks.{layer}.ffn", &feed_forward::HIDDEN),
            ("blocks.{layer}.ffn.experts", &experts::HIDDEN),
        ];
        size_in_layer(c, &hidden, |shape| shape.cols, |sizes| sizes.d_ff).to_string()
    }),
    fact("n_heads", "heads of an attention", |c| n_heads(c).to_string()),
    fact("layers", "layers of the step's model", |c| c.n_layers().to_string()),
    fact("layer", "the selected layer, counted from 0", |c| c.layer().to_string()),
    fact("head", "the selected head, counted from 0", |c| {
        c.head().min(n_heads(c).max(1) - 1).to_string()
    }),
    fact("embed_size", "length of the selected word's embedding", |c| {
        length_of(c, c.trace().embedding(Stream::Source))
    }),
    fact_of_built_in("il_or_elle", "between which forms French chooses", |c| {
        let tokens = &c.reading.sentence.tokens;
        let pronoun = c.pronoun_of_sentence().map(|i| word_text(tokens, i).to_lowercase());
        match pronoun.as_deref() {
            Some("they") => c.phrases.ils_or_elles(),
            Some(_) if it_has_another_form(c) => c.phrases.le_or_la(),
            _ => c.phrases.il_or_elle(),
        }
    }),
    fact("kv_note", "how many heads share keys and values, if they do", |c| {
        let keys = [("blocks.{layer}.attn", &attention::K)];
        let n_kv = size_in_layer(c, &keys, |shape| shape.planes, |sizes| sizes.heads.n_kv_heads);
        let is_shared = n_kv > 0 && n_kv < n_heads(c);
        let (n, all) = (n_kv.to_string(), n_heads(c).to_string());
        if is_shared { c.phrases.kv_shared(&n, &all) } else { c.phrases.kv_own() }
    }),
    fact("scaled_size", "the same, scaled", |c| length_beside(c, &SCALED)),
    fact("pos_size", "length of its position's row", |c| length_beside(c, &POS)),
];

fn n_tokens(c: &Context) -> usize {
    c.reading.sentence.tokens.len()
}

fn d_model(c: &Context) -> usize {
    sized(c).embedding(Stream::Source).map_or(0, |site| site.shape().cols)
}

fn d_hidden(c: &Context) -> usize {
    let mut sites = c.reading.trace(ModelName::Elman).sites();
    sites.find(|site| site.role() == Role::HiddenState).map_or(0, |site| site.shape().cols)
}

fn d_k(c: &Context) -> usize {
    size_in_layer(c, &QUERIES, |shape| shape.cols, |sizes| sizes.heads.d_head)
}

/// Sites in parts of a layer, by the pattern of the part's path.
type InLayer = (&'static str, &'static Site);

/// A layer's queries in the built-in Transformer and in checkpoints, and what the heads of a state space write.
static QUERIES: [InLayer; 4] = [
    ("encoder.{layer}.self_attn", &attention::Q),
    ("blocks.{layer}.attn", &attention::Q),
    ("blocks.{layer}.ssm", &state_space::X),
    ("blocks.{layer}.delta", &delta::V),
];

/// The pass whose sizes are told: the checkpoint's, else the Transformer's.
fn sized<'a>(c: &Context<'a>) -> &'a Trace {
    let is_checkpoint = c.reading.has(ModelName::Checkpoint);
    c.reading.trace(if is_checkpoint { ModelName::Checkpoint } else { ModelName::Transformer })
}

/// A size of the first of these sites; 0 if there is none.
fn size_of_first(c: &Context, paths: &[&str], size: fn(Shape) -> usize) -> usize {
    paths.iter().find_map(|path| sized(c).site(path)).map_or(0, |site| size(site.shape()))
}

/// A size inside the selected layer, else inside the first one, else the checkpoint's own size.
fn size_in_layer(
    c: &Context,
    sites: &[InLayer],
    size: fn(Shape) -> usize,
    configured: fn(ModelSizes) -> usize,
) -> usize {
    let in_one = |layer: usize| {
        sites.iter().map(move |(part, site)| path_in(&in_layer(part, layer), site.name))
    };
    let paths: Vec<String> = [c.layer(), 0].into_iter().flat_map(in_one).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    match size_of_first(c, &paths, size) {
        0 => c.reading.sizes(ModelName::Checkpoint).map_or(0, configured),
        n => n,
    }
}

fn n_heads(c: &Context) -> usize {
    size_in_layer(c, &QUERIES, |shape| shape.planes, |sizes| sizes.heads.n_heads)
}

fn root(n: usize) -> String {
    let root = (n as f32).sqrt();
    if root.fract() == 0.0 { format!("{root:.0}") } else { format!("{root:.2}") }
}

fn length_beside(c: &Context, site: &Site) -> String {
    length_of(c, c.beside(site))
}

fn length_of(c: &Context, site: Option<&Recorded>) -> String {
    let row = site.and_then(|site| c.row_of(site));
    c.phrases.or_none(row.map(|row| spoken(length(&row))))
}

fn unknown(c: &Context) -> String {
    let unknown = c.reading.sentence.unknown_words();
    let Some(first) = unknown.first() else {
        return c.phrases.all_known();
    };
    let replacements: Vec<String> =
        first.instead.iter().map(|word| c.phrases.quote(word)).collect();
    let words: Vec<String> =
        unknown.iter().take(3).map(|u| c.phrases.quote(&shortened(&u.word))).collect();
    if unknown.iter().all(|word| word.is_capitals) {
        return c.phrases.in_capitals(&words[0]);
    }
    let words = if unknown.len() > 3 {
        c.phrases.counted(unknown.len(), Phrases::word, Phrases::words)
    } else {
        c.phrases.list(&words)
    };
    let mut said = c.phrases.unknown(&words);
    if !replacements.is_empty() {
        let word = c.phrases.quote(&shortened(&first.word));
        said.push_str(&c.phrases.known_instead(&word, &c.phrases.list(&replacements)));
    }
    said
}

fn pronoun_change(c: &Context) -> String {
    let tokens = &c.reading.sentence.tokens;
    match (c.pronoun_of_sentence(), said_of_pronoun(c)) {
        (None, _) => c.phrases.read_a_pronoun(),
        (_, None) => c.phrases.type_any_change(),
        (_, Some(position)) => c.phrases.type_change(&change_of_adjective(tokens, position)),
    }
}

/// Whether the sentence is as long as the lab about a single word asks for, marks aside.
pub fn has_ten_words(c: &Context) -> bool {
    words_from_end(&c.reading.sentence.tokens).count() >= 10
}

fn word_change(c: &Context) -> String {
    let tokens = &c.reading.sentence.tokens;
    if !has_ten_words(c) {
        return c.phrases.read_ten_words();
    }
    match change_of_noun(tokens) {
        Some(change) => c.phrases.type_change(&change),
        None => c.phrases.type_any_change(),
    }
}

fn change_of_adjective(tokens: &[Token], position: usize) -> String {
    change_to(tokens, position, "tired", "wide")
}

/// The first word after an article, mostly a noun, replaced by a noun.
fn change_of_noun(tokens: &[Token]) -> Option<String> {
    let nouns = nouns_before(tokens, tokens.len(), &[]);
    let noun = nouns.into_iter().find(|noun| noun.len() == 1)?;
    Some(change_to(tokens, noun.start, "cat", "dog"))
}

/// A word replaced by `word`, or by `other` if that is what it is.
fn change_to(tokens: &[Token], position: usize, word: &str, other: &str) -> String {
    let is_word = tokens[position].text == word;
    format!("token.{position}={}", if is_word { other } else { word })
}

/// The last word of the clause that a pronoun and a form of “be” begin: often the adjective that decides it. None where
/// there are none.
fn said_of_pronoun(c: &Context) -> Option<usize> {
    let (tokens, pronoun) = (&c.reading.sentence.tokens, c.pronoun_of_sentence()?);
    let rest = &tokens[pronoun + 1..];
    let is_mark = |token: &Token| !token.text.contains(char::is_alphanumeric);
    let end = rest.iter().position(is_mark).unwrap_or(rest.len());
    let said = last_word_in(&rest[..end])?;
    let is_be = |token: &Token| ["is", "are", "was", "were", "'s", "'re"].contains(&&*token.text);
    rest[..said].iter().any(is_be).then_some(pronoun + 1 + said)
}

/// At most 16 characters of a word, so that long unknown words leave space for the rest.
fn shortened(word: &str) -> String {
    if word.chars().count() <= 16 {
        return word.to_owned();
    }
    word.chars().take(15).chain(['…']).collect()
}

/// The two different words whose embedding rows have the largest cosine.
fn alike(c: &Context) -> String {
    let tokens = &c.reading.sentence.tokens;
    let Some(site) = c.trace().embedding(Stream::Source) else { return c.phrases.no_value() };
    let rows: Vec<Vec<f32>> = (0..tokens.len())
        .map(|t| site.value.row(0, t))
        .map(|row| row.iter().map(|x| x / length(&row).max(f32::MIN_POSITIVE)).collect())
        .collect();
    let cosine = |a: usize, b: usize| rows[a].iter().zip(&rows[b]).map(|(x, y)| x * y).sum::<f32>();
    let differ =
        |a: usize, b: usize| tokens[a].text.to_lowercase() != tokens[b].text.to_lowercase();
    let pairs = (0..tokens.len()).flat_map(|a| (0..a).map(move |b| (b, a)));
    let best = pairs
        .filter(|&(a, b)| differ(a, b))
        .map(|(a, b)| (cosine(a, b), a, b))
        .max_by(|x, y| x.0.total_cmp(&y.0));
    match best {
        Some((cosine, a, b)) => {
            let (one, other) = (c.phrases.quote(&tokens[a].text), c.phrases.quote(&tokens[b].text));
            c.phrases.alike(&one, &other, &rounded(cosine, 2))
        }
        None => c.phrases.alike_none(),
    }
}
