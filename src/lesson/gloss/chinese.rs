//! French words that Chinese has no word for, or another one beside their neighbours: conjunctions, negations, and
//! `avoir` before a participle.

use super::parts;

const HAVE: [&str; 9] = ["a", "ai", "as", "ont", "avez", "avons", "avait", "avaient", "avais"];
const NEGATIONS: [&str; 6] = ["pas", "plus", "jamais", "rien", "personne", "point"];
/// What may stand between an auxiliary and its participle.
const BETWEEN: [&str; 21] = [
    "il", "elle", "ils", "elles", "on", "je", "tu", "nous", "vous", "pas", "plus", "jamais",
    "rien", "déjà", "bien", "tout", "toujours", "encore", "aussi", "trop", "beaucoup",
];
/// Words with the endings of a participle that are none.
const NO_PARTICIPLES: [&str; 14] = [
    "du", "au", "peu", "lui", "qui", "si", "ni", "ici", "ainsi", "mais", "petit", "eau", "beau",
    "depuis",
];
const ENDINGS: [&str; 14] =
    ["é", "ée", "és", "ées", "i", "is", "ie", "it", "ite", "u", "us", "ue", "ert", "int"];

/// The gloss of the nth word of a text, if its neighbours decide it.
pub(super) fn gloss_beside(words: &[&str], n: usize) -> Option<String> {
    let lower: Vec<String> =
        words.iter().map(|word| word.to_lowercase().replace('’', "'")).collect();
    let all: Vec<(usize, &str)> = lower
        .iter()
        .enumerate()
        .flat_map(|(i, word)| parts(word).into_iter().map(move |part| (i, part)))
        .collect();
    let texts: Vec<&str> = all.iter().map(|(_, part)| *part).collect();
    let here = || (0..all.len()).filter(|&at| all[at].0 == n);
    here().any(|at| special(&texts, at).is_some()).then(|| {
        let one =
            |at: usize| special(&texts, at).map_or_else(|| super::plain(texts[at]), str::to_owned);
        here().map(one).collect()
    })
}

/// The gloss of the part at an index, if it is not that of the table.
fn special(parts: &[&str], at: usize) -> Option<&'static str> {
    let rest = &parts[at + 1..];
    match parts[at] {
        "que" if at == 0 => None,
        "que" | "qu'" => Some(""),
        "ne" | "n'" => rest.iter().take(4).any(|part| NEGATIONS.contains(part)).then_some(""),
        "pas" if follows_have(&parts[..at]) => {
            Some(if is_before_participle(rest) { "没" } else { "没有" })
        }
        have if HAVE.contains(&have) && is_negated(rest) => Some(""),
        have if HAVE.contains(&have) => is_before_participle(rest).then_some("已"),
        _ => None,
    }
}

fn between<'a>(rest: &'a [&'a str]) -> impl Iterator<Item = &'a &'a str> {
    rest.iter().take_while(|part| BETWEEN.contains(part))
}

fn is_negated(rest: &[&str]) -> bool {
    between(rest).any(|part| *part == "pas")
}

fn is_before_participle(rest: &[&str]) -> bool {
    rest.get(between(rest).count()).is_some_and(|next| {
        !NO_PARTICIPLES.contains(next) && ENDINGS.iter().any(|ending| next.ends_with(ending))
    })
}

fn follows_have(before: &[&str]) -> bool {
    let last = before.iter().rev().find(|part| !BETWEEN.contains(part));
    last.is_some_and(|part| HAVE.contains(part))
}
