//! `lookback diff`: two passes side by side: of two sentences, of two models, or with and without a change.

use std::fmt::Write as _;

use anyhow::{Context, anyhow};
use serde_json::json;

use super::{
    Words,
    report::{Field, Report, signed_bar},
};
use crate::{
    analysis::{
        evidence::{
            Question, Run, Score,
            attribution::{Attribution, attribution},
        },
        measure::difference::{SiteDifference, differences},
        reading::Reading,
        trace::Trace,
    },
    cli::{
        args::evidence::DiffArgs,
        failure::{Outcome, Usage},
        request::Request,
        source::{Purpose, Source},
        streams::Streams,
    },
    engine::{math::softmax_rows, site::Stream, value::Matrix},
    lesson::Language,
    model::Name,
    text::percent,
    ui::words::changes_in_words,
};

/// The words of the next one that are compared.
const N_WORDS: usize = 6;

/// Shades of a share, from 0 to 1 and more.
const SHADES: &[u8] = b" .:-=+*#%@";

pub fn run(asked: &DiffArgs, request: &Request, streams: &mut Streams) -> Outcome {
    let names = request.names(&[Name::Transformer]);
    let &[name] = &names[..] else {
        return Err(anyhow!("two passes of one model are compared; name it, as in --model gru"))
            .usage();
    };
    if request.changes.is_empty() {
        return Err(anyhow!(
            "there is only one pass; give another: --against \"SENTENCE\", --against-model PATH, or a --what-if"
        ))
        .usage();
    }
    let reading = Source::read(request, &names, Purpose::Whole, streams)?.reading;
    let plain = reading.plain.clone().context("the change makes no other pass")?;
    let both = Both::new(name, &plain, &reading, asked)?;
    let mut report = both.report();
    both.add_words(&mut report);
    both.add_sites(&mut report, asked.top.into());
    both.add_parts(&mut report);
    report.write(&asked.out, streams)
}

/// A pass, another, and a run of each that reads the same output.
struct Both<'a> {
    name: Name,
    readings: [&'a Reading; 2],
    traces: [&'a Trace; 2],
    runs: [Run; 2],
    /// None where the models give no logits.
    question: Option<(Question, [Score; 2])>,
}

impl<'a> Both<'a> {
    fn new(name: Name, a: &'a Reading, b: &'a Reading, asked: &DiffArgs) -> Outcome<Self> {
        let first = a.run(name, None)?;
        let forced = (!first.reads_only()).then(|| first.pass.target[1..].to_vec());
        let second = b.run(name, forced)?;
        let asked = asked.question.asked();
        let is_free = asked.words.is_empty() && asked.place.is_none();
        let question = match a.question(&first, &asked) {
            Ok(question) if is_free => Some(Question::between(&first, &second, question)),
            Ok(question) => Some(question),
            Err(_) if is_free => None,
            Err(why) => return Err(why).usage(),
        };
        let question = question.and_then(|question| {
            let row = first.row_in(&second, question.row)?;
            Some((question, [question.score(), Question { row, ..question }.score()]))
        });
        Ok(Self {
            name,
            readings: [a, b],
            traces: [a.trace(name), b.trace(name)],
            runs: [first, second],
            question,
        })
    }

    fn word(&self, id: u32) -> String {
        self.readings[0].answer(&self.runs[0], id)
    }

    /// The words as they are shown; of two that look alike, one with a space before it, as the vocabulary writes them.
    fn told_apart(&self, ids: &[usize]) -> Vec<String> {
        let words: Vec<String> = ids.iter().map(|&id| self.word(id as u32)).collect();
        let vocab = self.readings[0].tokenizer().vocab();
        let written = |(i, word): (usize, &String)| {
            let is_alone = words.iter().filter(|other| *other == word).count() == 1;
            if is_alone { word.clone() } else { vocab[ids[i]].clone() }
        };
        words.iter().enumerate().map(written).collect()
    }

    fn report(&self) -> Report {
        let [a, b] = self.readings;
        let parted = b.first_difference(self.name).map(|address| address.to_string());
        let says = self.traces.map(|trace| trace.output_text.clone());
        let changes: Vec<String> = b.changes.iter().map(ToString::to_string).collect();
        let about = json!({
            "command": "diff", "model": self.name.id(), "sentence": a.sentence.read_text(), "changes": changes,
            "read": b.sentence.read_text(), "first": parted, "output": says[0], "output_b": says[1],
        });
        let mut text = format!(
            "{}: two passes, A and B ({})\nA reads:  {}\nB reads:  {}\n",
            self.name.title(),
            changes_in_words(&b.changes, Language::English),
            a.sentence.read_text(),
            b.sentence.read_text(),
        );
        if says.iter().any(|says| !says.is_empty()) {
            let _ = writeln!(text, "A writes: {}\nB writes: {}", says[0], says[1]);
        }
        let _ = match parted.as_deref() {
            Some(at) => writeln!(text, "They part first at {at}, in the order of computation."),
            None => writeln!(text, "They part nowhere by more than rounding."),
        };
        Report {
            about: about.as_object().cloned().unwrap_or_default(),
            columns: vec!["measure", "site", "position", "token", "a", "b", "amount"],
            rows: vec![],
            text,
        }
    }

    /// The likeliest next words in both, at the row that is asked about.
    fn add_words(&self, report: &mut Report) {
        let Some((question, scores)) = &self.question else { return };
        let rows = scores.each_ref().map(|score| score.rows().start);
        let probabilities = [0, 1].map(|i| {
            let logits = self.runs[i].logits_of_row(rows[i]).unwrap_or_default();
            softmax_rows(&Matrix::from_row_slice(1, logits.len(), &logits))
        });
        let mut words: Vec<usize> =
            probabilities.iter().flat_map(|p| likeliest(p, N_WORDS)).collect();
        words.extend([question.word as usize, question.against as usize]);
        words.sort_by(|x, y| probabilities[0][*y].total_cmp(&probabilities[0][*x]).then(x.cmp(y)));
        words.dedup();
        let place =
            Words::of(self.readings[0], &self.runs[0]).place_of(&self.runs[0], question.row);
        let given = if self.runs[0].reads_only() { "" } else { ", both reading what A wrote" };
        let _ = writeln!(report.text, "\nThe likeliest words {place}{given}:");
        let _ = writeln!(report.text, "  {:20} {:>8} {:>8}", "", "A", "B");
        for (&id, word) in words.iter().zip(self.told_apart(&words)) {
            let [a, b] = [0, 1].map(|i| probabilities[i][id]);
            let _ = writeln!(report.text, "  {word:20} {:>8} {:>8}", percent(a), percent(b));
            report.rows.push(vec![
                "next".into(),
                "probs".into(),
                question.row.into(),
                word.into(),
                a.into(),
                b.into(),
                (b - a).into(),
            ]);
        }
    }

    /// The sites that part: by row for those of a stream, and the worst numbers.
    fn add_sites(&self, report: &mut Report, top: usize) {
        let [plain, trace] = self.traces;
        let all = differences(trace, plain);
        let width = all.iter().map(|site| site.path.len()).max().unwrap_or(0);
        let _ = writeln!(
            report.text,
            "\nWhere they differ: |b - a| / |a|, position by position; ' ' is 0, '@' is 1 and more, '?' has no counterpart; sites that are the same are left out"
        );
        for site in &all {
            if let Some(shades) = self.shades(site).filter(|_| site.whole > 0.0) {
                let _ = writeln!(report.text, "{:width$} |{shades}| {:.4}", site.path, site.whole);
            }
            self.add_site(report, site);
        }
        let mut worst: Vec<(&SiteDifference, usize)> = vec![];
        for site in &all {
            worst.extend((0..site.worst.len()).map(|i| (site, i)));
        }
        // Sites differ in scale: a number counts as a part of the site's difference.
        let weight = |(site, i): &(&SiteDifference, usize)| {
            let worst = &site.worst[*i];
            worst.difference() / (worst.was.abs() + worst.now.abs()).max(1e-3) * site.whole
        };
        worst.sort_by(|x, y| weight(y).total_cmp(&weight(x)));
        let _ = writeln!(report.text, "\nThe numbers that differ most, of a row the worst:");
        let _ = writeln!(report.text, "{:44} {:>10} {:>10}", "", "A", "B");
        for (site, i) in worst.into_iter().take(top) {
            let found = &site.worst[i];
            let Some(recorded) = trace.site(&site.path) else { continue };
            let address = recorded.address(found.cell).to_string();
            let _ = writeln!(report.text, "{address:44} {:>10.4} {:>10.4}", found.was, found.now);
            report.rows.push(vec![
                "cell".into(),
                address.into(),
                found.cell.row.into(),
                self.word_of(site, found.cell.row),
                found.was.into(),
                found.now.into(),
                (found.now - found.was).into(),
            ]);
        }
    }

    fn add_site(&self, report: &mut Report, site: &SiteDifference) {
        let row = |measure: &str, position: Field, token: Field, amount: f32| {
            let path = site.path.as_str().into();
            let [a, b] = [Field::Missing, Field::Missing];
            vec![measure.into(), path, position, token, a, b, amount.into()]
        };
        report.rows.push(row("site", Field::Missing, Field::Missing, site.whole));
        for (position, share) in site.by_row.iter().enumerate() {
            let Some(share) = share else { continue };
            let word = self.word_of(site, position);
            report.rows.push(row("row", position.into(), word, *share));
        }
    }

    /// A character for each position; None for a site whose rows are no tokens.
    fn shades(&self, site: &SiteDifference) -> Option<String> {
        let recorded = self.traces[1].site(&site.path)?;
        recorded.place.stream(recorded.axes()[1])?;
        let shade = |share: &Option<f32>| match share {
            None => '?',
            Some(share) => {
                let last = SHADES.len() - 1;
                let i = (share.clamp(0.0, 1.0) * last as f32).ceil() as usize;
                char::from(SHADES[i.min(last)])
            }
        };
        Some(site.by_row.iter().map(shade).collect())
    }

    fn word_of(&self, site: &SiteDifference, row: usize) -> Field {
        let trace = self.traces[1];
        let of = || {
            let recorded = trace.site(&site.path)?;
            let stream = recorded.place.stream(recorded.axes()[1])?;
            let words = if stream == Stream::Target { &trace.target } else { &trace.source };
            words.get(row).map(|token| token.text.clone())
        };
        of().into()
    }

    /// What each part adds to the difference of two words' logits, in both passes.
    fn add_parts(&self, report: &mut Report) {
        let Some((question, scores)) = &self.question else { return };
        let parts = [0, 1].map(|i| attribution(&self.runs[i], &scores[i]));
        let [Some(a), Some(b)] = &parts else { return };
        let (word, against) = (self.word(question.word), self.word(question.against));
        let before_cap = if a.is_before_cap { ", before the soft cap" } else { "" };
        let _ = writeln!(
            report.text,
            "\nWhat each part adds to \"{word}\" over \"{against}\"{before_cap}:"
        );
        let of = |all: &Attribution, path: &str| {
            all.parts.iter().find(|part| part.path == path).map_or(0.0, |part| part.amount)
        };
        let most = a.parts.iter().map(|part| (of(b, &part.path) - part.amount).abs());
        let most = most.fold(f32::MIN_POSITIVE, f32::max);
        let width = a.parts.iter().map(|part| part.path.len()).max().unwrap_or(0).max(28);
        let _ = writeln!(report.text, "{:width$} {:>9} {:>9} {:>9}", "", "A", "B", "B - A");
        let ends = ("the difference of logits", a.score, b.score);
        let each = a.parts.iter().map(|part| (part.path.as_str(), part.amount, of(b, &part.path)));
        for (path, was, now) in [ends].into_iter().chain(each) {
            let bar = signed_bar(((now - was) / most).clamp(-1.0, 1.0), 8);
            let line = format!("{path:width$} {was:>9.4} {now:>9.4} {:>9.4} {bar}", now - was);
            let _ = writeln!(report.text, "{}", line.trim_end());
            let [position, token] = [Field::Missing, Field::Missing];
            let amount = (now - was).into();
            let numbers = [was.into(), now.into(), amount];
            let fields = ["part".into(), path.into(), position, token].into_iter().chain(numbers);
            report.rows.push(fields.collect());
        }
        let _ = writeln!(
            report.text,
            "The norms' scales are held fixed, each pass with its own. What differs most need not be what counts: patching asks that."
        );
    }
}

/// The indices of the largest numbers, largest first.
fn likeliest(numbers: &Matrix, n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    order.sort_by(|a, b| numbers[*b].total_cmp(&numbers[*a]).then(a.cmp(b)));
    order.truncate(n);
    order
}
