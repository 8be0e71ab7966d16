//! `lookback attribute`: what pushed a word above another, and which words counted.

use std::fmt::Write as _;

use anyhow::Context;
use serde_json::{Map, json};

use super::{
    Command, Words, read,
    report::{Field, Report, left_aligned, right_aligned, signed_bar},
};
use crate::{
    analysis::{
        evidence::{
            EvidenceQuestion, Run, Score,
            attribution::{Attribution, LogitPart},
            promotion::{HeadOrUnit, PartPiece, is_along_tangent},
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
    lesson::{Language, tr},
    model::ModelName,
    text::{rounded, words},
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
    let language = request.language;
    let progress = request.progress(language.tr("passes"), N_POINTS + groups.len());
    let mut n_done = 0;
    let counted = reading.saliency_while(name, &run, &score, &groups, |done, _| {
        (n_done..done).for_each(|_| progress.step());
        n_done = done;
        true
    });
    drop(progress);
    let counted =
        counted?.context("the words of this model cannot be followed: it does not embed them")?;
    let labels: Vec<String> =
        groups.into_iter().map(|word| words::joined(&words.source[word])).collect();
    let mut report = Report {
        about: about(reading, name, &run, &question),
        columns: vec!["method", "site", "head", "unit", "position", "token", "amount"],
        rows: vec![],
        text: heading(reading, name, &words, &question, &run, language),
    };
    if asked.question.place.is_none() && !asked.question.words.is_empty() {
        report.text += &why_there(&run, &question, &asked.question.words, language);
    }
    match &parts {
        Ok(parts) => {
            let promoted = promoted(reading, name, &run, parts, &question, asked.units)?;
            let lines =
                ShownParts { words: &words, promoted: &promoted, n_units: asked.units, language };
            lines.add_to(&mut report, parts, is_along_tangent(&run, question.row));
        }
        Err(why) => {
            let why = tr!(language, "{why}.", why = language.refusal(why));
            let _ = writeln!(report.text, "\n{why}");
        }
    }
    add_words(&mut report, &counted, &labels, asked.whole, language);
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
    language: Language,
) -> String {
    let asked = tr!(
        language,
        "{model}, {place}: \"{word}\" against \"{against}\"",
        model = language.tr(name.title()),
        place = words.place_of(run, question.row, language),
        word = reading.answer(run, question.word),
        against = reading.answer(run, question.against)
    );
    let x = rounded(question.score().of_run(run).unwrap_or(f32::NAN), 4);
    format!("{asked}\n{}\n", tr!(language, "logit difference {x}", x))
}

/// Why the question about these words is about this place of the output, where nobody said which.
fn why_there(
    run: &Run,
    question: &EvidenceQuestion,
    words: &[String],
    language: Language,
) -> String {
    let rows = run.output_rows();
    if rows.len() < 2 {
        return String::new();
    }
    let place = rows.iter().position(|row| *row == question.row);
    let said = place.and_then(|place| run.pass.output.get(place));
    let asked = [question.word, question.against].into_iter().zip(words);
    let why = match asked.into_iter().find(|(id, _)| Some(id) == said) {
        Some((_, word)) => {
            tr!(language, "the first place where the output says \"{word}\"", word)
        }
        None if run.is_of_classes() => language.tr("the place where it was least sure").to_owned(),
        None => {
            let words = quoted(words.iter().map(String::as_str), " or ", language);
            tr!(
                language,
                "the output says no {words}: this is the place where it was least sure",
                words
            )
        }
    };
    tr!(language, "{why}; --place N asks about another", why) + "\n"
}

/// `"il" or "elle"`
fn quoted<'a>(
    words: impl Iterator<Item = &'a str>,
    between: &'static str,
    language: Language,
) -> String {
    let words = words.map(|word| tr!(language, "\"{word}\"", word));
    words.collect::<Vec<_>>().join(language.tr(between))
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

/// The parts with their heads and keys, as they are shown.
struct ShownParts<'a> {
    words: &'a Words,
    promoted: &'a [Promoted],
    /// How many units of feed-forward, the strongest first.
    n_units: usize,
    language: Language,
}

impl ShownParts<'_> {
    fn add_to(&self, report: &mut Report, parts: &Attribution, along_tangent: bool) {
        let language = self.language;
        let before_cap = if parts.is_before_cap {
            report.about.insert("uncapped".into(), json!(parts.score));
            let x = rounded(parts.score, 4);
            tr!(language, " before the soft cap bends it ({x})", x)
        } else {
            String::new()
        };
        let title = tr!(
            language,
            "What each part adds to it{before_cap}, the norm's scale held fixed:",
            before_cap
        );
        let _ = writeln!(report.text, "\n{title}");
        let most = parts.parts.iter().map(|p| p.amount.abs()).fold(f32::MIN_POSITIVE, f32::max);
        let width = parts.parts.iter().map(|part| part.path.len()).max().unwrap_or(0);
        let mut lines = PartLines { report: &mut *report, width, most, language };
        for part in &parts.parts {
            lines.add(part, &left_aligned(&part.path, width), "", Place::default(), part.amount);
            self.add_heads(&mut lines, part);
            self.add_units(&mut lines, part);
        }
        add_promoted(report, self.promoted);
        // Where a head of its own follows the last norm, as in BERT, the logit is not a sum of these parts alone.
        let is_sum = parts.adds_up();
        let rest = if is_sum { "left over (rounding)" } else { "left over (not linear)" };
        let rest = left_aligned(language.tr(rest), width);
        let _ = writeln!(report.text, "{rest} {:>9}", rounded(parts.rest(), 4));
        report.rows.push(row("rest", Place::default(), Some(parts.rest())));
        let direct = language.tr(
            "A part says what is written to the output directly; what it does by way of later parts is in those.",
        );
        let _ = writeln!(report.text, "{direct}");
        if along_tangent && !self.promoted.is_empty() {
            let tangent = language.tr(
                "What is promoted goes through the head of this model, which is not linear, along its tangent in this pass.",
            );
            let _ = writeln!(report.text, "{tangent}");
        }
    }

    fn add_heads(&self, lines: &mut PartLines, part: &LogitPart) {
        let (language, words) = (self.language, self.words);
        let keys = if part.keys == Stream::Source { &words.source } else { &words.target };
        for (h, head) in part.heads.iter().enumerate() {
            let of_head = || Place { head: h.into(), ..Place::default() };
            let given = head.by_key.iter().zip(keys).filter(|(x, _)| **x != 0.0);
            let strongest = given.max_by(|a, b| a.0.abs().total_cmp(&b.0.abs()));
            let from = strongest.map_or_else(String::new, |(x, token)| {
                let (word, x) = (&token.text, rounded(*x, 4));
                format!("  {}", tr!(language, "most from \"{word}\" {x}", word, x))
            });
            let from = from + &said(self.promoted, &part.path, HeadOrUnit::Head(h), language);
            let label = tr!(language, "head {head}", head = h);
            lines.add(part, &label, &from, of_head(), head.amount);
            for (k, (amount, token)) in head.by_key.iter().zip(keys).enumerate() {
                let token = token.text.as_str().into();
                lines.row(part, Place { position: k.into(), token, ..of_head() }, *amount);
            }
        }
        if !part.heads.is_empty() {
            lines.add_bias(part);
        }
    }

    fn add_units(&self, lines: &mut PartLines, part: &LogitPart) {
        let language = self.language;
        let strongest = strongest_units(part, self.n_units);
        for &(unit, amount) in &strongest {
            let words = said(self.promoted, &part.path, HeadOrUnit::Unit(unit), language);
            let place = Place { unit: unit.into(), ..Place::default() };
            lines.add(part, &tr!(language, "unit {unit}", unit), &words, place, amount);
        }
        if !strongest.is_empty() {
            lines.add_bias(part);
        }
    }
}

/// The lines of the parts and of their pieces, and a row of the table for each.
struct PartLines<'a> {
    report: &'a mut Report,
    /// Of the names.
    width: usize,
    /// The largest amount of a part, which has the longest bar.
    most: f32,
    language: Language,
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
        let (name, amounts) = (right_aligned(name, self.width), amounts.trim_end());
        let _ = writeln!(self.report.text, "{name} {amounts}{remark}");
    }

    fn row(&mut self, part: &LogitPart, place: Place, amount: f32) {
        let place = Place { site: part.path.as_str().into(), ..place };
        self.report.rows.push(row("parts", place, Some(amount)));
    }

    /// What a sub-layer's own bias adds, beside its heads or units, if that is more than rounding.
    fn add_bias(&mut self, part: &LogitPart) {
        if part.bias.abs() > 1e-4 * self.most {
            self.line(self.language.tr("its bias"), "", part.bias);
            let place = Place { site: part.path.as_str().into(), ..Place::default() };
            self.report.rows.push(row("bias", place, Some(part.bias)));
        }
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
fn said(promoted: &[Promoted], path: &str, piece: HeadOrUnit, language: Language) -> String {
    let Some(found) = promoted.iter().find(|of| of.path == path && of.piece == piece) else {
        return String::new();
    };
    let words = found.words.iter().take(3).map(|(word, _)| word.as_str());
    let words = quoted(words, ", ", language);
    format!("  {}", tr!(language, "promotes {words}", words))
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

fn add_words(
    report: &mut Report,
    counted: &Saliency,
    labels: &[String],
    is_whole: bool,
    language: Language,
) {
    let of =
        if is_whole { "the log-probability of the whole output" } else { "the logit difference" };
    let title = tr!(
        language,
        "Which words counted for {of} ({score}; {baseline} without words):",
        of = language.tr(of),
        score = rounded(counted.score, 4),
        baseline = rounded(counted.baseline, 4)
    );
    let headings = ["grad x input", "integrated", "left out"];
    let headings = headings.map(|heading| right_aligned(language.tr(heading), 12)).join(" ");
    let _ = writeln!(report.text, "\n{title}\n{:>4} {:16} {headings}", "", "");
    for (i, label) in labels.iter().enumerate() {
        let left_out = counted.left_out(i);
        let figures = [
            ("gradient", Some(counted.gradient[i])),
            ("integrated", Some(counted.integrated[i])),
            ("left-out", left_out),
        ];
        let shown = figures.map(|(_, x)| x.map_or_else(|| "-".to_owned(), |x| rounded(x, 4)));
        let shown = shown.map(|x| right_aligned(&x, 12)).join(" ");
        let _ = writeln!(report.text, "{i:>4} {} {shown}", left_aligned(label, 16));
        for (method, amount) in figures {
            let place =
                Place { position: i.into(), token: label.as_str().into(), ..Place::default() };
            report.rows.push(row(method, place, amount));
        }
    }
    add_notes(&mut report.text, counted, labels.len(), language);
    if is_whole {
        report.about.insert("score_of_output".into(), json!(counted.score));
    }
    report.about.insert("gap".into(), json!(counted.gap()));
    report.about.insert("baseline".into(), json!(counted.baseline));
}

/// What the figures of words leave out, and how far they are to be trusted.
fn add_notes(text: &mut String, counted: &Saliency, n_words: usize, language: Language) {
    if (0..n_words).any(|i| counted.left_out(i).is_none()) {
        let missing = language.tr(
            "-: not measured: the token is no word of the sentence, the row asked about does not see it or is the word itself, or numbers of the pass are set by hand or patched.",
        );
        let _ = writeln!(text, "{missing}");
    }
    let gap = tr!(
        language,
        "gap of the integral {gap}; the baseline is an embedding of zeros, which no word has.",
        gap = rounded(counted.gap(), 5)
    );
    let trust = language.tr(if counted.is_complete() {
        "Trust what all three say."
    } else {
        "The gap is a large part of the difference: do not trust the integrated figures here."
    });
    let slopes = tr!(
        language,
        "Gradients are slopes, not effects; leaving a word out asks about another sentence. {trust}",
        trust
    );
    let _ = writeln!(text, "{gap}\n{slopes}");
}
