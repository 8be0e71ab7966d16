//! `lookback learn`: steps of learning on one sentence, and what they changed.

use std::fmt::Write as _;

use anyhow::anyhow;
use serde_json::json;

use super::{
    read_for,
    report::{Field, Report, left_aligned, right_aligned},
};
use crate::{
    analysis::evidence::{
        Run,
        learner::{BeforeAfter, Learner, Optimizer},
    },
    cli::{
        args::evidence::{LearnArgs, OptimizerChoice},
        failure::{Failure, Outcome, Usage},
        request::Request,
        source::Purpose,
        streams::Streams,
    },
    lesson::{Language, tr},
    model::{EMBEDDING_TABLE, ModelName},
    text::{decimals, grouped, percent, percent_in_tenths},
};

/// The weights listed in the table for people.
const MOST_MOVED: usize = 12;

pub fn run(asked: &LearnArgs, request: &Request, streams: &mut Streams) -> Outcome {
    let taught = Taught::of(asked, request)?;
    let (source, name) = read_for(Purpose::Learning, request, streams)?;
    let reading = &source.reading;
    let Taught { target, rate } = taught;
    let mut learner = reading.learner(name, target, asked.optimizer.into(), rate).usage()?;
    let language = request.language;
    let progress = request.progress(language.tr("steps"), asked.steps.into());
    let mut outcome = Ok(());
    for _ in 0..asked.steps {
        outcome = learner.step();
        if outcome.is_err() {
            break;
        }
        progress.step();
    }
    drop(progress);
    let said = |run: &Run| reading.tokenizer().said(&run.pass.output);
    let before = reading.run(name, None)?;
    let after = reading.run_with(name, &learner.learned())?;
    let (said_before, said_after) = (said(&before), said(&after));
    let about = json!({
        "command": "learn", "model": name.id(), "sentence": reading.sentence.read_text(), "target": target,
        "optimizer": asked.optimizer.name(), "rate": rate, "steps": learner.n_steps(), "weights": learner.n_weights(),
        "before": said_before, "after": said_after,
    });
    let mut report = Report {
        about: about.as_object().cloned().unwrap_or_default(),
        columns: vec!["measure", "step", "weight", "row", "token", "amount"],
        rows: vec![],
        text: heading(name, &learner, asked.optimizer, language),
    };
    add_losses(&mut report, &learner, language);
    let says = [
        tr!(language, "says before: {text}", text = said_before),
        tr!(language, "says after:  {text}", text = said_after),
    ];
    let _ = writeln!(report.text, "\n{}", says.join("\n"));
    add_moved(&mut report, &learner, |row| reading.tokenizer().token(row as u32).text, language);
    let held_out = reading.held_out_losses(name, &learner.learned());
    if let Some(BeforeAfter { before, after }) = held_out {
        let kept = tr!(
            language,
            "loss on 20 other sentences, which nobody asked about: {before} before, {after} after",
            before = format!("{before:.4}"),
            after = format!("{after:.4}")
        );
        let _ = writeln!(report.text, "\n{kept}");
        let losses = [("kept-before", before), ("kept-after", after)];
        report.rows.extend(losses.map(|(measure, loss)| row(measure, Place::default(), loss)));
    }
    let note = language.tr(
        "Steps on one sentence are not training: they teach only that sentence, and change the rest as a side effect.",
    );
    let _ = writeln!(report.text, "{note}");
    report.write(&asked.out, streams)?;
    outcome.map_err(|diverged| Failure::Failed(diverged.into()))
}

/// What is taught, and at which rate: as options or what-ifs say.
struct Taught<'a> {
    target: Option<&'a str>,
    rate: f32,
}

impl<'a> Taught<'a> {
    /// # Errors
    /// If both say it, or if the decoder is to read a text, which teaches it nothing.
    fn of(asked: &'a LearnArgs, request: &'a Request) -> Outcome<Self> {
        request.said_once("--target", asked.target.is_some(), "teach")?;
        request.said_once("--rate", asked.rate.is_some(), "rate")?;
        if request.has_what_if("target") {
            return Err(anyhow!(
                "the what-if target= makes a decoder read a text; what it should learn to write is --target, or teach="
            ))
            .usage();
        }
        let usual = || Optimizer::from(asked.optimizer).usual_rate();
        Ok(Self {
            target: asked.target.as_deref().or(request.changes.taught()),
            rate: asked.rate.or(request.changes.rate()).unwrap_or_else(usual),
        })
    }
}

/// What an amount is of; what does not apply is missing.
#[derive(Default)]
struct Place {
    step: Field,
    weight: Field,
    row: Field,
    token: Field,
}

fn row(measure: &str, place: Place, amount: f32) -> Vec<Field> {
    let Place { step, weight, row, token } = place;
    vec![measure.into(), step, weight, row, token, amount.into()]
}

fn heading(
    name: ModelName,
    learner: &Learner,
    optimizer: OptimizerChoice,
    language: Language,
) -> String {
    let n = learner.n_steps();
    let title = match n {
        1 => "{model}: {n} step of {rule} at rate {rate} on {weights} weights",
        _ => "{model}: {n} steps of {rule} at rate {rate} on {weights} weights",
    };
    let title = tr!(
        language,
        title,
        model = language.tr(name.title()),
        n,
        rule = optimizer.name(),
        rate = learner.rate(),
        weights = grouped(learner.n_weights())
    );
    title + "\n"
}

fn add_losses(report: &mut Report, learner: &Learner, language: Language) {
    let step = right_aligned(language.tr("step"), 4);
    let _ = writeln!(report.text, "\n{step} {}", right_aligned(language.tr("loss"), 9));
    for (step, &loss) in learner.losses.iter().enumerate() {
        let _ = writeln!(report.text, "{step:>4} {:>9}", decimals(loss, 5));
        let place = Place { step: step.into(), ..Place::default() };
        report.rows.push(row("loss", place, loss));
    }
}

/// How far each weight moved; before the first step, how far that will move it.
fn add_moved(
    report: &mut Report,
    learner: &Learner,
    token: impl Fn(usize) -> String,
    language: Language,
) {
    let moved = learner.moved();
    let (measure, heading) = match learner.n_steps() {
        0 => ("next-step", "what the next step moves, most first"),
        _ => ("moved", "what moved, most first"),
    };
    let heading = language.tr(heading);
    let width = moved.iter().map(|m| m.name.len()).max().unwrap_or(0);
    let anything_moved = moved.iter().any(|m| m.distance > 0.0);
    let _ = if anything_moved {
        let columns = [("distance", 9), ("share", 8)];
        let columns = columns.map(|(name, width)| right_aligned(language.tr(name), width));
        writeln!(report.text, "\n{} {}", left_aligned(heading, width), columns.join(" "))
    } else {
        let nothing = if learner.n_steps() == 0 { "nothing moves" } else { "nothing moved" };
        writeln!(report.text, "\n{}", language.tr(nothing))
    };
    for (i, m) in moved.iter().enumerate() {
        let word = (m.name == EMBEDDING_TABLE && m.distance > 0.0).then(|| token(m.row));
        if i < MOST_MOVED && anything_moved {
            let of_row = word.as_ref().map_or_else(String::new, |word| {
                let share = percent(m.row_share);
                let most = tr!(language, "most in the row of \"{word}\" ({share})", word, share);
                format!("  {most}")
            });
            let _ = writeln!(
                report.text,
                "{:width$} {:>9} {:>8}{of_row}",
                m.name,
                decimals(m.distance, 4),
                percent_in_tenths(m.share)
            );
        }
        let place = Place {
            weight: m.name.as_str().into(),
            row: m.row.into(),
            token: word.into(),
            ..Place::default()
        };
        report.rows.push(row(measure, place, m.distance));
    }
}
