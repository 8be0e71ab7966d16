//! `lookback diff`: two passes side by side: of two sentences, of two models, or with and without a change.

use std::fmt::Write as _;

use anyhow::{Context, anyhow};
use serde_json::json;
use unicode_width::UnicodeWidthStr;

use super::{
    Words,
    report::{Field, Report, left_aligned, signed_bar},
};
use crate::{
    analysis::{
        evidence::{
            EvidenceQuestion, Run, Score,
            attribution::{PartPair, attribution, part_pairs},
            next_words::{NextWord, next_words},
        },
        measure::difference::{SiteDifference, WorstNumber, differences, worst_numbers},
        reading::{QuestionAsked, Reading},
        trace::Trace,
    },
    cli::{
        args::evidence::DiffArgs,
        failure::{Outcome, Usage},
        request::Request,
        source::{Purpose, Source},
        streams::Streams,
    },
    engine::site::Stream,
    lesson::{Language, tr},
    model::ModelName,
    text::{percent, rounded},
    ui::descriptions::changes_in_words,
};

/// The row of what the parts add up to.
const WHOLE: &str = "the difference of logits";

/// Shades of a share, from 0 to 1 and more.
const SHADES: &[u8] = b" .:-=+*#%@";

pub fn run(asked: &DiffArgs, request: &Request, streams: &mut Streams) -> Outcome {
    let names = request.names(&[ModelName::Transformer]);
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
    let question = request.question(&asked.question)?;
    let reading = Source::read(request, &names, Purpose::Whole, streams)?.reading;
    let plain = reading.plain.clone().context("the change makes no other pass")?;
    let both = Both::new(name, &plain, &reading, &question, request.language)?;
    let mut report = both.report();
    both.add_words(&mut report);
    both.add_sites(&mut report, asked.top.into());
    both.add_parts(&mut report);
    report.write(&asked.out, streams)
}

/// What is asked about, as it is asked of each pass.
struct AskedOfBoth {
    question: EvidenceQuestion,
    scores: [Score; 2],
}

/// A pass, another, and a run of each that reads the same output.
struct Both<'a> {
    name: ModelName,
    readings: [&'a Reading; 2],
    traces: [&'a Trace; 2],
    runs: [Run; 2],
    /// None where the models give no logits.
    question: Option<AskedOfBoth>,
    /// Of the table for people.
    language: Language,
}

impl<'a> Both<'a> {
    fn new(
        name: ModelName,
        a: &'a Reading,
        b: &'a Reading,
        asked: &QuestionAsked,
        language: Language,
    ) -> Outcome<Self> {
        let first = a.run(name, None)?;
        let forced = (!first.reads_only()).then(|| first.pass.target[1..].to_vec());
        let second = b.run(name, forced)?;
        let is_free = asked.words.is_empty() && asked.place.is_none();
        let question = match a.question(&first, asked) {
            Ok(question) if is_free => Some(EvidenceQuestion::between(&first, &second, question)),
            Ok(question) => Some(question),
            Err(_) if is_free => None,
            Err(why) => return Err(why).usage(),
        };
        let question = question.and_then(|question| {
            let row = first.row_in(&second, question.row)?;
            let scores = [question.score(), EvidenceQuestion { row, ..question }.score()];
            Some(AskedOfBoth { question, scores })
        });
        Ok(Self {
            name,
            readings: [a, b],
            traces: [a.trace(name), b.trace(name)],
            runs: [first, second],
            question,
            language,
        })
    }

    fn word(&self, id: u32) -> String {
        self.readings[0].answer(&self.runs[0], id)
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
        Report {
            about: about.as_object().cloned().unwrap_or_default(),
            columns: vec!["measure", "site", "position", "token", "a", "b", "amount"],
            rows: vec![],
            text: self.heading(parted.as_deref(), says.each_ref().map(String::as_str)),
        }
    }

    /// What both read and write, and where they part.
    fn heading(&self, parted: Option<&str>, says: [&str; 2]) -> String {
        let (language, [a, b]) = (self.language, self.readings);
        let title = tr!(
            language,
            "{model}: two passes, A and B ({changes})",
            model = language.tr(self.name.title()),
            changes = changes_in_words(&b.changes, language)
        );
        let mut lines = vec![
            title,
            tr!(language, "A reads:  {text}", text = a.sentence.read_text()),
            tr!(language, "B reads:  {text}", text = b.sentence.read_text()),
        ];
        if says.iter().any(|says| !says.is_empty()) {
            lines.push(tr!(language, "A writes: {text}", text = says[0]));
            lines.push(tr!(language, "B writes: {text}", text = says[1]));
        }
        lines.push(match parted {
            Some(at) => {
                tr!(language, "They part first at {at}, in the order of computation.", at)
            }
            None => language.tr("They part nowhere by more than rounding.").to_owned(),
        });
        lines.join("\n") + "\n"
    }

    /// The likeliest next words in both, at the row that is asked about.
    fn add_words(&self, report: &mut Report) {
        let Some(AskedOfBoth { question, scores }) = &self.question else { return };
        let rows = scores.each_ref().map(|score| score.rows().start);
        let [a, b] = [0, 1].map(|i| self.runs[i].logits_of_row(rows[i]).unwrap_or_default());
        let words = next_words([&a, &b], question);
        let ids: Vec<usize> = words.iter().map(|word| word.id).collect();
        let names = self.readings[0].told_apart(&self.runs[0].rows(), &ids);
        let (language, run) = (self.language, &self.runs[0]);
        let place = Words::of(self.readings[0], run).place_of(run, question.row, language);
        let given = if run.reads_only() { "" } else { language.tr(", both reading what A wrote") };
        let title = tr!(language, "The likeliest words {place}{given}:", place, given);
        let _ = writeln!(report.text, "\n{title}");
        let _ = writeln!(report.text, "  {:20} {:>8} {:>8}", "", "A", "B");
        for (NextWord { was, now, .. }, word) in words.into_iter().zip(names) {
            let shown = left_aligned(&word, 20);
            let _ = writeln!(report.text, "  {shown} {:>8} {:>8}", percent(was), percent(now));
            report.rows.push(vec![
                "next".into(),
                "probs".into(),
                question.row.into(),
                word.into(),
                was.into(),
                now.into(),
                (now - was).into(),
            ]);
        }
    }

    /// The sites that part: by row for those of a stream, and the worst numbers.
    fn add_sites(&self, report: &mut Report, top: usize) {
        let [plain, trace] = self.traces;
        let all = differences(trace, plain);
        for site in &all {
            self.add_site(report, site);
        }
        if all.iter().all(|site| site.whole == 0.0) {
            return;
        }
        let width = all.iter().map(|site| site.path.len()).max().unwrap_or(0);
        let title = self.language.tr(
            "Where they differ: |b - a| / |a|, position by position; ' ' is 0, '@' is 1 and more, '?' has no counterpart; sites that are the same are left out",
        );
        let _ = writeln!(report.text, "\n{title}");
        for site in &all {
            if let Some(shades) = self.shades(site).filter(|_| site.whole > 0.0) {
                let _ = writeln!(report.text, "{:width$} |{shades}| {:.4}", site.path, site.whole);
            }
        }
        let title = self.language.tr("The numbers that differ most, of a row the worst:");
        let _ = writeln!(report.text, "\n{title}");
        let _ = writeln!(report.text, "{:44} {:>10} {:>10}", "", "A", "B");
        for WorstNumber { path, address, worst } in worst_numbers(trace, &all, top) {
            let (address, row) = (address.to_string(), worst.cell.row);
            let [was, now] = [worst.was, worst.now].map(|x| rounded(x, 4));
            let _ = writeln!(report.text, "{address:44} {was:>10} {now:>10}");
            report.rows.push(vec![
                "cell".into(),
                address.into(),
                row.into(),
                self.word_of(&path, row),
                worst.was.into(),
                worst.now.into(),
                (worst.now - worst.was).into(),
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
            let word = self.word_of(&site.path, position);
            report.rows.push(row("row", position.into(), word, *share));
        }
    }

    /// A character for each position; None for a site whose rows are not tokens.
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

    fn word_of(&self, path: &str, row: usize) -> Field {
        let trace = self.traces[1];
        let of = || {
            let recorded = trace.site(path)?;
            let stream = recorded.place.stream(recorded.axes()[1])?;
            let words = if stream == Stream::Target { &trace.target } else { &trace.source };
            words.get(row).map(|token| token.text.clone())
        };
        of().into()
    }

    /// What each part adds to the difference of two words' logits, in both passes.
    fn add_parts(&self, report: &mut Report) {
        let Some(AskedOfBoth { question, scores }) = &self.question else { return };
        let parts = [0, 1].map(|i| attribution(&self.runs[i], &scores[i]));
        let [Some(a), Some(b)] = &parts else { return };
        let language = self.language;
        let title = tr!(
            language,
            "What each part adds to \"{word}\" over \"{against}\"{before_cap}:",
            word = self.word(question.word),
            against = self.word(question.against),
            before_cap = if a.is_before_cap { language.tr(", before the soft cap") } else { "" }
        );
        let _ = writeln!(report.text, "\n{title}");
        let pairs = part_pairs(a, b);
        let most = pairs.iter().map(|pair| (pair.now() - pair.was()).abs());
        let most = most.fold(f32::MIN_POSITIVE, f32::max);
        let shown = |path: &str| if path == WHOLE { language.tr(WHOLE) } else { path }.to_owned();
        let paths = pairs.iter().map(PartPair::path).chain([WHOLE]);
        let width = paths.map(|path| shown(path).width()).max().unwrap_or(0).max(28);
        let _ = writeln!(report.text, "{:width$} {:>9} {:>9} {:>9}", "", "A", "B", "B - A");
        let ends = (WHOLE, a.score, b.score);
        let each = pairs.iter().map(|pair| (pair.path(), pair.was(), pair.now()));
        for (path, was, now) in [ends].into_iter().chain(each) {
            let bar = signed_bar(((now - was) / most).clamp(-1.0, 1.0), 8);
            let numbers = [was, now, now - was].map(|x| format!("{:>9}", rounded(x, 4))).join(" ");
            let line = format!("{} {numbers} {bar}", left_aligned(&shown(path), width));
            let _ = writeln!(report.text, "{}", line.trim_end());
            let [position, token] = [Field::Missing, Field::Missing];
            let amount = (now - was).into();
            let numbers = [was.into(), now.into(), amount];
            let fields = ["part".into(), path.into(), position, token].into_iter().chain(numbers);
            report.rows.push(fields.collect());
        }
        let note = language.tr(
            "The norms' scales are held fixed, each pass with its own. What differs most need not be what counts: patching asks that.",
        );
        let _ = writeln!(report.text, "{note}");
    }
}
