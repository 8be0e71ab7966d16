//! `lookback learn`: steps of learning on one sentence, and what they changed.

use std::fmt::Write as _;

use anyhow::anyhow;
use serde_json::json;

use super::{
    read_for,
    report::{Field, Report},
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
    let progress = request.progress("steps", asked.steps.into());
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
        text: heading(name, &learner, asked.optimizer),
    };
    add_losses(&mut report, &learner);
    let _ = writeln!(report.text, "\nsays before: {said_before}\nsays after:  {said_after}");
    add_moved(&mut report, &learner, |row| reading.tokenizer().token(row as u32).text);
    let held_out = reading.held_out_losses(name, &learner.learned());
    if let Some(BeforeAfter { before, after }) = held_out {
        let _ = writeln!(
            report.text,
            "\nloss on 20 other sentences, which nobody asked about: {before:.4} before, {after:.4} after"
        );
        let losses = [("kept-before", before), ("kept-after", after)];
        report.rows.extend(losses.map(|(measure, loss)| row(measure, Place::default(), loss)));
    }
    let _ = writeln!(
        report.text,
        "Steps on one sentence are not training: they teach only that sentence, and change the rest as a side effect."
    );
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

fn heading(name: ModelName, learner: &Learner, optimizer: OptimizerChoice) -> String {
    let n = learner.n_steps();
    format!(
        "{}: {n} {} of {} at rate {} on {} weights\n",
        name.title(),
        if n == 1 { "step" } else { "steps" },
        optimizer.name(),
        learner.rate(),
        grouped(learner.n_weights()),
    )
}

fn add_losses(report: &mut Report, learner: &Learner) {
    let _ = writeln!(report.text, "\nstep      loss");
    for (step, &loss) in learner.losses.iter().enumerate() {
        let _ = writeln!(report.text, "{step:>4} {:>9}", decimals(loss, 5));
        let place = Place { step: step.into(), ..Place::default() };
        report.rows.push(row("loss", place, loss));
    }
}

/// How far each weight moved; before the first step, how far that will move it.
fn add_moved(report: &mut Report, learner: &Learner, token: impl Fn(usize) -> String) {
    let moved = learner.moved();
    let (measure, heading) = match learner.n_steps() {
        0 => ("next-step", "what the next step moves, most first"),
        _ => ("moved", "what moved, most first"),
    };
    let width = moved.iter().map(|m| m.name.len()).max().unwrap_or(0);
    let anything_moved = moved.iter().any(|m| m.distance > 0.0);
    let _ = if anything_moved {
        writeln!(report.text, "\n{heading:width$} {:>9} {:>8}", "distance", "share")
    } else {
        writeln!(
            report.text,
            "\nnothing {}",
            if learner.n_steps() == 0 { "moves" } else { "moved" }
        )
    };
    for (i, m) in moved.iter().enumerate() {
        let word = (m.name == EMBEDDING_TABLE && m.distance > 0.0).then(|| token(m.row));
        if i < MOST_MOVED && anything_moved {
            let of_row = word.as_ref().map_or_else(String::new, |word| {
                format!("  most in the row of \"{word}\" ({})", percent(m.row_share))
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
