//! What the lower modules have, described in the language of the interface: names and labels of cells, changes of a pass,
//! and words that a model does not know.

use crate::{
    analysis::trace::{CellIndex, Recorded, Trace},
    engine::{
        arithmetic::NumberName,
        change::{Change, Changes, Part},
        math::sampling::Choosing,
        site::{Address, AddressKind},
        value::Cell,
    },
    lesson::{Language, tr},
    text::{Sentence, Unknown},
};

/// `head 2 of encoder.1.self_attn off, temperature 0.5`
pub fn changes_in_words(changes: &Changes, language: Language) -> String {
    let words = changes.iter().map(|change| change_among(changes, change, language));
    words.collect::<Vec<_>>().join(language.tr(", "))
}

/// A change in words; of a replaced word also in which of two sentences it stands.
fn change_among(changes: &Changes, change: &Change, language: Language) -> String {
    match change {
        Change::Token { position, word } if changes.against().is_some() => {
            tr!(language, "token {position} of A “{word}”", position, word)
        }
        _ => change_in_words(change, language),
    }
}

/// The same, where a set number is named without the path to its site.
pub fn changes_in_short(changes: &Changes, language: Language) -> String {
    let words = changes.iter().map(|change| match change {
        Change::Set { address, value } => {
            tr!(language, "{address} set to {value}", address = address.last_part(), value)
        }
        _ => change_among(changes, change, language),
    });
    words.collect::<Vec<_>>().join(language.tr(", "))
}

/// `mask off`, `token 1 “dog”`
pub fn change_in_words(change: &Change, language: Language) -> String {
    match change {
        Change::Off { scope, part: Part::Head(head) } => {
            tr!(language, "head {head} of {scope} off", head, scope)
        }
        Change::Off { scope, part: Part::Expert(expert) } => {
            tr!(language, "expert {expert} of {scope} off", expert, scope)
        }
        Change::Off { scope, part } => match part {
            Part::Mask if scope.is_empty() => language.tr("mask off").to_owned(),
            Part::Positions if scope.is_empty() => language.tr("positions off").to_owned(),
            Part::Scaling if scope.is_empty() => language.tr("scaling off").to_owned(),
            Part::Residual if scope.is_empty() => language.tr("residual off").to_owned(),
            _ => tr!(language, "{subject} off", subject = change.subject()),
        },
        Change::Set { address, value } => tr!(language, "{address} set to {value}", address, value),
        Change::Token { position, word } => {
            tr!(language, "token {position} “{word}”", position, word)
        }
        Change::Against(text) => tr!(language, "against “{text}”", text),
        Change::OtherModel(name) => tr!(language, "against the model {name}", name),
        Change::Patch(patch) => tr!(language, "patched {patch}", patch),
        Change::Target(text) => tr!(language, "target “{text}”", text),
        Change::Temperature(t) => tr!(language, "temperature {t}", t),
        Change::Sample(seed) => tr!(language, "sampled, seed {seed}", seed),
        Change::TopK(k) => tr!(language, "top {k}", k),
        Change::TopP(p) => tr!(language, "top-p {p}", p),
        Change::Beam(n) => tr!(language, "beam {n}", n),
        Change::Learn { model, steps } => match (model, *steps) {
            (None, 1) => language.tr("1 step of learning").to_owned(),
            (None, n) => tr!(language, "{n} steps of learning", n),
            (Some(model), 1) => tr!(language, "1 step of learning of {model}", model),
            (Some(model), n) => tr!(language, "{n} steps of learning of {model}", n, model),
        },
        Change::Teach(text) => tr!(language, "taught “{text}”", text),
        Change::Rate(rate) => tr!(language, "learning rate {rate}", rate),
        Change::Words { word, against: Some(against) } => {
            tr!(language, "asked about “{word}” over “{against}”", word, against)
        }
        Change::Words { word, against: None } => tr!(language, "asked about “{word}”", word),
        Change::Place(place) => tr!(language, "asked about place {place} of the output", place),
    }
}

/// `, top-k 5, top-p 0.9`: what limits a choice, to stand after how it is made; empty if nothing does.
pub fn limits_in_words(choosing: &Choosing) -> String {
    let top_k = choosing.top_k.map(|k| format!(", top-k {k}"));
    let top_p = choosing.top_p.map(|p| format!(", top-p {p}"));
    top_k.into_iter().chain(top_p).collect()
}

/// `"zorblax" (5 tokens; known words for its place: man, boy, teacher)`
pub fn unknown_in_words(unknown: &Unknown, language: Language) -> String {
    let parts = match unknown.tokens.len() {
        1 => language.tr("1 token").to_owned(),
        n => tr!(language, "{n} tokens", n),
    };
    let expected = match &unknown.instead[..] {
        [] => String::new(),
        words => {
            let words = words.join(language.tr(", "));
            tr!(language, "; known words for its place: {words}", words)
        }
    };
    tr!(language, "\"{word}\" ({parts}{expected})", word = unknown.word, parts, expected)
}

/// The unknown words, or signs left out, that the message line has room to name.
pub const MOST_NAMED_IN_LINE: usize = 1;

/// Notes on how a sentence is read, and on the words that no model has seen; of each kind the first `most_named` are
/// named.
pub fn sentence_notes(sentence: &Sentence, language: Language, most_named: usize) -> Vec<String> {
    let unknown = unknown_note(sentence, language, most_named);
    adapted_notes(sentence, language, most_named).into_iter().chain(unknown).collect()
}

/// Notes on the signs that the built-in models do not read, of which the first `most_named` are named, and on capitals
/// that they read in lower case.
pub fn adapted_notes(sentence: &Sentence, language: Language, most_named: usize) -> Vec<String> {
    let mut notes = vec![];
    let signs = &sentence.adapted.left_out;
    if !signs.is_empty() {
        let more = and_more(signs.len().saturating_sub(most_named), language);
        let named = signs.iter().take(most_named).map(String::as_str);
        let signs = named.collect::<Vec<_>>().join(language.tr(", "));
        notes.push(tr!(language, "left out: {signs}{more}", signs, more));
    }
    if sentence.adapted.is_lowered {
        notes.push(language.tr("all in capitals, so read in lower case").to_owned());
    }
    notes
}

/// ` and 3 more`; empty for none.
fn and_more(n: usize, language: Language) -> String {
    match n {
        0 => String::new(),
        n => tr!(language, " and {n} more", n),
    }
}

/// A note on the words that no model has seen, of which the first `most_named` are named, or on what is read instead of
/// them; None if all words are known.
fn unknown_note(sentence: &Sentence, language: Language, most_named: usize) -> Option<String> {
    if let Some(unread) = unread_in_words(sentence, language) {
        return Some(unread);
    }
    let words = sentence.unknown_words();
    if words.is_empty() {
        return None;
    }
    let more = and_more(words.len().saturating_sub(most_named), language);
    let named = words.iter().take(most_named).map(|word| unknown_in_words(word, language));
    let word = named.collect::<Vec<_>>().join(language.tr(", "));
    Some(tr!(language, "never seen in training: {word}{more}", word, more))
}

/// What a checkpoint reads instead of words that its vocabulary cannot spell; None if it reads all of them.
pub fn unread_in_words(sentence: &Sentence, language: Language) -> Option<String> {
    let unread = sentence.first_unread()?;
    let more = and_more(unread.n_others, language);
    Some(tr!(
        language,
        "the model's vocabulary has no token for \"{word}\"{more}; `{read}` is read instead",
        word = unread.word,
        more,
        read = unread.read
    ))
}

/// What stands between the labels of a cell's indices.
pub const BETWEEN_LABELS: &str = " · ";

/// The labels of a cell's indices: `head 2`, `query 7 “it”` and `key 1 “animal”`.
pub fn cell_labels(trace: &Trace, site: &Recorded, cell: Cell, language: Language) -> Vec<String> {
    let label = |CellIndex { axis, index: i, token }: CellIndex| {
        let name = language.tr(axis.name());
        match token {
            Some(word) => tr!(language, "{name} {i} “{word}”", name, i, word),
            None => format!("{name} {i}"),
        }
    };
    trace.indices(site, cell).map(label).collect()
}

/// What the number at an address is, by its site or that of which it is the slope.
pub fn caption(site: &Recorded, address: &Address, language: Language) -> String {
    let caption = language.tr(site.caption());
    if address.kind != AddressKind::Gradient {
        caption.to_owned()
    } else if site.is_leaf {
        language.tr("slope of the loss with respect to a weight").to_owned()
    } else {
        tr!(language, "slope of the loss with respect to this: {caption}", caption)
    }
}

/// The name of an opened number: its address, or words such as `after dropout: encoder.0.self_attn.out[3,5]`.
pub fn number_name(name: &NumberName, language: Language) -> String {
    match name {
        NumberName::Address(address) => address.to_string(),
        NumberName::Words { what, of: None } => language.tr(what).to_owned(),
        NumberName::Words { what, of: Some(of) } => {
            tr!(language, "{what}: {of}", what = language.tr(what), of)
        }
    }
}

/// A path where there is little room, as beside the rows of a map: `enc.0.self` for `encoder.0.self_attn`.
pub fn short_path(path: &str) -> String {
    let parts = [("encoder", "enc"), ("decoder", "dec"), ("_attn", ""), ("resid_", "")];
    parts.into_iter().fold(path.to_owned(), |name, (long, short)| name.replace(long, short))
}
