//! `lookback attribute`: what pushed a word above another, and which words counted.

use std::fmt::Write as _;

use anyhow::Context;
use serde_json::{Map, json};

use super::{
    Command, Words, read,
    report::{Field, Report, signed_bar},
};
use crate::{
    analysis::{
        evidence::{
            EvidenceQuestion, Run, Score,
            attribution::{Attribution, LogitPart},
            promotion::{HeadOrUnit, PartPiece},
            saliency::{N_POINTS, Saliency},
        },
        reading::Reading,
    },
    cli::{
        args::evidence::AttributeArgs,
        failure::{Outcome, Usage},
        request::Request,
        streams::Streams,
    },
    engine::site::Stream,
    model::ModelName,
    text::{Token, rounded, words},
};

pub fn run(asked: &AttributeArgs, request: &Request, streams: &mut Streams) -> Outcome {
    let asked_about = request.question(&asked.question)?;
    let (source, name) = read(request, streams)?;
    let reading = &source.reading;
    let run = reading.run(name, None)?;
    let refused = |why| Command::Attribute.refused(reading, name, why);
    let question = reading.question(&run, &asked_about).map_err(refused).usage()?;
    let parts = reading.attribution(&run, &question);
    let score = if asked.whole { Score::of_output(&run) } else { question.score() };
    let words = Words::of(reading, &run);
    let groups =
        if asked.by_word { words::words(&words.source) } else { words::single(words.source.len()) };
    let progress = request.progress("passes", N_POINTS + groups.len());
    let mut n_done = 0;
    let counted = reading.saliency_while(name, &run, &score, &groups, |done, _| {
        (n_done..done).for_each(|_| progress.step());
        n_done = done;
        true
    });
    drop(progress);
    let counted =
        counted?.context("the words of this model cannot be followed: it does not embed them")?;
    let labels: Vec<String> = groups.into_iter().map(|word| label(&words.source[word])).collect();
    let mut report = Report {
        about: about(reading, name, &run, &question),
        columns: vec!["method", "site", "head", "unit", "position", "token", "amount"],
        rows: vec![],
        text: heading(reading, name, &words, &question, &run),
    };
    if asked.question.place.is_none() && !asked.question.words.is_empty() {
        report.text += &why_there(&run, &question, &asked.question.words);
    }
    match &parts {
        Ok(parts) => {
            let promoted = promoted(reading, name, &run, parts, &question, asked.units)?;
            add_parts(&mut report, parts, &words, &promoted, asked.units);
        }
        Err(why) => writeln!(report.text, "\n{why}.").unwrap_or(()),
    }
    add_words(&mut report, &counted, &labels, asked.whole);
    report.write(&asked.out, streams)
}

fn about(
    reading: &Reading,
    name: ModelName,
    run: &Run,
    question: &EvidenceQuestion,
) -> Map<String, serde_json::Value> {
    let about = json!({
        "command": "attribute", "model": name.id(), "sentence": reading.sentence.read_text(),
        "row": question.row, "word": reading.answer(run, question.word),
        "against": reading.answer(run, question.against), "score": question.score().of_run(run),
    });
    about.as_object().cloned().unwrap_or_default()
}

fn heading(
    reading: &Reading,
    name: ModelName,
    words: &Words,
    question: &EvidenceQuestion,
    run: &Run,
) -> String {
    format!(
        "{}, {}: \"{}\" against \"{}\"\nlogit difference {}\n",
        name.title(),
        words.place_of(run, question.row),
        reading.answer(run, question.word),
        reading.answer(run, question.against),
        rounded(question.score().of_run(run).unwrap_or(f32::NAN), 4),
    )
}

/// Why the question about these words is about this place of the output, where nobody said which.
fn why_there(run: &Run, question: &EvidenceQuestion, words: &[String]) -> String {
    let rows = run.output_rows();
    if rows.len() < 2 {
        return String::new();
    }
    let place = rows.iter().position(|row| *row == question.row);
    let said = place.and_then(|place| run.pass.output.get(place));
    let asked = [question.word, question.against].into_iter().zip(words);
    let why = match asked.into_iter().find(|(id, _)| Some(id) == said) {
        Some((_, word)) => format!("the first place where the output says \"{word}\""),
        None if run.is_of_classes() => "the place where it was least sure".to_owned(),
        None => format!(
            "the output says no \"{}\": this is the place where it was least sure",
            words.join("\" or \"")
        ),
    };
    format!("{why}; --place N asks about another\n")
}

/// What an amount is of; what does not apply is missing.
#[derive(Default)]
struct Place {
    site: Field,
    head: Field,
    unit: Field,
    position: Field,
    token: Field,
}

fn row(method: &str, place: Place, amount: Option<f32>) -> Vec<Field> {
    let Place { site, head, unit, position, token } = place;
    vec![method.into(), site, head, unit, position, token, amount.into()]
}

/// The parts with their heads and keys; of feed-forward's units the strongest.
fn add_parts(
    report: &mut Report,
    parts: &Attribution,
    words: &Words,
    promoted: &[Promoted],
    n_units: usize,
) {
    let before_cap = if parts.is_before_cap {
        report.about.insert("uncapped".into(), json!(parts.score));
        format!(" before the soft cap bends it ({})", rounded(parts.score, 4))
    } else {
        String::new()
    };
    let _ = writeln!(
        report.text,
        "\nWhat each part adds to it{before_cap}, the norm's scale held fixed:"
    );
    let most = parts.parts.iter().map(|p| p.amount.abs()).fold(f32::MIN_POSITIVE, f32::max);
    let width = parts.parts.iter().map(|part| part.path.len()).max().unwrap_or(0);
    let mut lines = PartLines { report: &mut *report, width, most };
    for part in &parts.parts {
        lines.add(part, &format!("{:width$}", part.path), "", Place::default(), part.amount);
        add_heads(&mut lines, part, words, promoted);
        add_units(&mut lines, part, promoted, n_units);
    }
    add_promoted(report, promoted);
    // Where a head of its own follows the last norm, as in BERT, the logit is not a sum of these parts alone.
    let rest = if parts.adds_up() { "left over (rounding)" } else { "left over (not linear)" };
    let _ = writeln!(report.text, "{rest:width$} {:>9}", rounded(parts.rest(), 4));
    let _ = writeln!(
        report.text,
        "A part says what is written to the output directly; what it does by way of later parts is in those."
    );
}

/// The lines of the parts and of their pieces, and a row of the table for each.
struct PartLines<'a> {
    report: &'a mut Report,
    /// Of the names.
    width: usize,
    /// The largest amount of a part, which has the longest bar.
    most: f32,
}

impl PartLines<'_> {
    /// A line with a name before the amount and a remark after it.
    fn add(&mut self, part: &LogitPart, name: &str, remark: &str, place: Place, amount: f32) {
        self.line(name, remark, amount);
        self.row(part, place, amount);
    }

    fn line(&mut self, name: &str, remark: &str, amount: f32) {
        let bar = signed_bar(amount / self.most, 12);
        let amounts = format!("{:>9} {bar}", rounded(amount, 4));
        let (width, amounts) = (self.width, amounts.trim_end());
        let _ = writeln!(self.report.text, "{name:>width$} {amounts}{remark}");
    }

    fn row(&mut self, part: &LogitPart, place: Place, amount: f32) {
        let place = Place { site: part.path.as_str().into(), ..place };
        self.report.rows.push(row("parts", place, Some(amount)));
    }

    /// What a sub-layer's own bias adds, beside its heads or units, if that is more than rounding.
    fn add_bias(&mut self, part: &LogitPart) {
        if part.bias.abs() > 1e-4 * self.most {
            self.line("its bias", "", part.bias);
            let place = Place { site: part.path.as_str().into(), ..Place::default() };
            self.report.rows.push(row("bias", place, Some(part.bias)));
        }
    }
}

fn add_heads(lines: &mut PartLines, part: &LogitPart, words: &Words, promoted: &[Promoted]) {
    let keys = if part.keys == Stream::Source { &words.source } else { &words.target };
    for (h, head) in part.heads.iter().enumerate() {
        let of_head = || Place { head: h.into(), ..Place::default() };
        let given = head.by_key.iter().zip(keys).filter(|(x, _)| **x != 0.0);
        let strongest = given.max_by(|a, b| a.0.abs().total_cmp(&b.0.abs()));
        let from = strongest.map_or_else(String::new, |(x, t)| {
            format!("  most from \"{}\" {}", t.text, rounded(*x, 4))
        });
        let from = from + &said(promoted, &part.path, HeadOrUnit::Head(h));
        lines.add(part, &format!("head {h}"), &from, of_head(), head.amount);
        for (k, (amount, token)) in head.by_key.iter().zip(keys).enumerate() {
            let token = token.text.as_str().into();
            lines.row(part, Place { position: k.into(), token, ..of_head() }, *amount);
        }
    }
    if !part.heads.is_empty() {
        lines.add_bias(part);
    }
}

fn add_units(lines: &mut PartLines, part: &LogitPart, promoted: &[Promoted], n_units: usize) {
    let strongest = strongest_units(part, n_units);
    for &(unit, amount) in &strongest {
        let words = said(promoted, &part.path, HeadOrUnit::Unit(unit));
        let place = Place { unit: unit.into(), ..Place::default() };
        lines.add(part, &format!("unit {unit}"), &words, place, amount);
    }
    if !strongest.is_empty() {
        lines.add_bias(part);
    }
}

/// The words that a piece of a part promotes, strongest first.
struct Promoted {
    path: String,
    piece: HeadOrUnit,
    words: Vec<(String, f32)>,
}

/// The words that are listed of each.
const N_PROMOTED: usize = 5;

/// The units that add or take most, the strongest first.
fn strongest_units(part: &LogitPart, n: usize) -> Vec<(usize, f32)> {
    let mut units: Vec<(usize, f32)> = part.units.iter().copied().enumerate().collect();
    units.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    units.truncate(n);
    units
}

/// What every head and the strongest units promote.
fn promoted(
    reading: &Reading,
    name: ModelName,
    run: &Run,
    parts: &Attribution,
    question: &EvidenceQuestion,
    n_units: usize,
) -> anyhow::Result<Vec<Promoted>> {
    let mut pieces = vec![];
    for part in &parts.parts {
        let heads = (0..part.heads.len()).map(HeadOrUnit::Head);
        let units = strongest_units(part, n_units).into_iter();
        let units = units.map(|(unit, _)| HeadOrUnit::Unit(unit));
        pieces.extend(heads.chain(units).map(|of| PartPiece { part, of }));
    }
    let found = reading.promotions(name, run, &pieces, question.row, N_PROMOTED)?;
    let each = pieces.iter().zip(found).filter_map(|(PartPiece { part, of }, promotion)| {
        let word = |&(id, x): &(u32, f32)| (reading.tokenizer().token(id).text, x);
        let words = promotion?.words.iter().map(word).collect();
        Some(Promoted { path: part.path.clone(), piece: *of, words })
    });
    Ok(each.collect())
}

/// `  promotes "il", "ils"`
fn said(promoted: &[Promoted], path: &str, piece: HeadOrUnit) -> String {
    let found = promoted.iter().find(|of| of.path == path && of.piece == piece);
    let words = found.map(|found| {
        let words = found.words.iter().take(3).map(|(word, _)| format!("\"{word}\""));
        words.collect::<Vec<_>>().join(", ")
    });
    words.map_or_else(String::new, |words| format!("  promotes {words}"))
}

fn add_promoted(report: &mut Report, promoted: &[Promoted]) {
    for Promoted { path, piece, words } in promoted {
        for (rank, (word, amount)) in words.iter().enumerate() {
            let (head, unit) = match *piece {
                HeadOrUnit::Head(head) => (head.into(), Field::Missing),
                HeadOrUnit::Unit(unit) => (Field::Missing, unit.into()),
            };
            let (site, token) = (path.as_str().into(), word.as_str().into());
            let place = Place { site, head, unit, position: rank.into(), token };
            report.rows.push(row("promotes", place, Some(*amount)));
        }
    }
}

fn add_words(report: &mut Report, counted: &Saliency, labels: &[String], is_whole: bool) {
    let of =
        if is_whole { "the log-probability of the whole output" } else { "the logit difference" };
    let text = &mut report.text;
    let _ = writeln!(
        text,
        "\nWhich words counted for {of} ({}; {} without words):",
        rounded(counted.score, 4),
        rounded(counted.baseline, 4)
    );
    let _ = writeln!(
        text,
        "{:>4} {:16} {:>12} {:>12} {:>12}",
        "", "", "grad x input", "integrated", "left out"
    );
    for (i, label) in labels.iter().enumerate() {
        let left_out = counted.left_out(i).map_or_else(|| "-".to_owned(), |x| rounded(x, 4));
        let _ = writeln!(
            text,
            "{i:>4} {label:16} {:>12} {:>12} {left_out:>12}",
            rounded(counted.gradient[i], 4),
            rounded(counted.integrated[i], 4)
        );
        let figures = [
            ("gradient", Some(counted.gradient[i])),
            ("integrated", Some(counted.integrated[i])),
            ("left-out", counted.left_out(i)),
        ];
        for (method, amount) in figures {
            let place =
                Place { position: i.into(), token: label.as_str().into(), ..Place::default() };
            report.rows.push(row(method, place, amount));
        }
    }
    if labels.iter().enumerate().any(|(i, _)| counted.left_out(i).is_none()) {
        let _ = writeln!(
            text,
            "-: not measured: the token is no word of the sentence, the row asked about does not see it or is the word itself, or numbers of the pass are set by hand or patched."
        );
    }
    let _ = writeln!(
        text,
        "gap of the integral {}; the baseline is an embedding of zeros, which no word has.",
        rounded(counted.gap(), 5)
    );
    let trust = if counted.is_complete() {
        "Trust what all three say."
    } else {
        "The gap is a large part of the difference: do not trust the integrated figures here."
    };
    let _ = writeln!(
        text,
        "Gradients are slopes, not effects; leaving a word out asks about another sentence. {trust}"
    );
    if is_whole {
        report.about.insert("score_of_output".into(), json!(counted.score));
    }
    report.about.insert("gap".into(), json!(counted.gap()));
    report.about.insert("baseline".into(), json!(counted.baseline));
}

/// The text of a word's tokens, without the marks that some go on with it; `##` is a checkpoint's own.
fn label(tokens: &[Token]) -> String {
    let text = |(i, token): (usize, &Token)| match i {
        0 => token.text.clone(),
        _ => token.bare().trim_start_matches("##").to_owned(),
    };
    tokens.iter().enumerate().map(text).collect()
}
