//! Things of the lower modules in words of the interface: labels of cells, changes of a pass, and words that a model does not know.

use crate::{
    analysis::trace::{Recorded, Trace},
    engine::{
        change::{Change, Changes, Part},
        site::Axis,
        value::Cell,
    },
    lesson::{Language, tr},
    text::{Sentence, Unknown},
};

/// `head 2 of encoder.1.self_attn off, temperature 0.5`
pub fn changes_in_words(changes: &Changes, language: Language) -> String {
    let words: Vec<String> =
        changes.iter().map(|change| change_in_words(change, language)).collect();
    words.join(language.tr(", "))
}

/// `mask off`, `token 1 “dog”`
pub fn change_in_words(change: &Change, language: Language) -> String {
    match change {
        Change::Off { scope, part: Part::Head(head) } => {
            tr!(language, "head {head} of {scope} off", head, scope)
        }
        Change::Off { .. } => {
            let subject = change.subject();
            tr!(language, "{subject} off", subject = language.tr(&subject))
        }
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
        Change::Learn { model, steps: n } if model.is_empty() => {
            if *n == 1 {
                language.tr("1 step of learning").to_owned()
            } else {
                tr!(language, "{n} steps of learning", n)
            }
        }
        Change::Learn { model, steps: n } => {
            tr!(language, "{n} steps of learning of {model}", n, model)
        }
        Change::Teach(text) => tr!(language, "taught “{text}”", text),
        Change::Rate(rate) => tr!(language, "learning rate {rate}", rate),
    }
}

/// `"zorblax" (5 tokens; expected there: man, boy, teacher)`
pub fn described(unknown: &Unknown, language: Language) -> String {
    let parts = match unknown.tokens.len() {
        1 => language.tr("1 token").to_owned(),
        n => tr!(language, "{n} tokens", n),
    };
    let expected = match &unknown.instead[..] {
        [] => String::new(),
        words => {
            let words = words.join(language.tr(", "));
            tr!(language, "; expected there: {words}", words)
        }
    };
    tr!(language, "\"{word}\" ({parts}{expected})", word = unknown.word, parts, expected)
}

/// What a checkpoint reads instead of words that its vocabulary cannot spell; None if it reads all of them.
pub fn unread(sentence: &Sentence, language: Language) -> Option<String> {
    let unread = sentence.first_unread()?;
    let more = match unread.n_others {
        0 => String::new(),
        n => tr!(language, " and {n} more", n),
    };
    Some(tr!(
        language,
        "the model's vocabulary has no token for \"{word}\"{more}; `{read}` is read instead",
        word = unread.word,
        more,
        read = unread.read
    ))
}

/// The labels of a cell's indices: `head 2 · query 7 “it” · key 1 “animal”`.
pub fn cell_labels(trace: &Trace, site: &Recorded, cell: Cell, language: Language) -> String {
    let axes = site.axes().into_iter().zip([cell.plane, cell.row, cell.col]);
    let named = axes.filter(|(axis, _)| *axis != Axis::Single).map(|(axis, i)| {
        let name = language.tr(axis.name());
        if site.place.stream(axis).is_some() || axis == Axis::Vocab {
            let word = trace.label(site, axis, i);
            tr!(language, "{name} {i} “{word}”", name, i, word)
        } else {
            format!("{name} {i}")
        }
    });
    named.collect::<Vec<_>>().join(" · ")
}
