//! `lookback learn`: steps of learning on one sentence, and what they changed.

use std::fmt::Write as _;

use serde_json::json;

use super::{
    read,
    report::{Field, Report},
};
use crate::{
    analysis::evidence::{
        Run,
        learning::{Learner, Moved, Optimizer},
    },
    cli::{
        args::evidence::LearnArgs,
        failure::{Outcome, Usage},
        request::Request,
        streams::Streams,
    },
    model::{EMBEDDING_TABLE, Name},
    text::{grouped, percent, percent_in_tenths},
};

/// The weights listed in the table for people.
const MOST_MOVED: usize = 12;

pub fn run(asked: &LearnArgs, request: &Request, streams: &mut Streams) -> Outcome {
    let (source, name) = read(request, streams)?;
    let reading = &source.reading;
    let rate = asked.rate.unwrap_or_else(|| Optimizer::from(asked.optimizer).usual_rate());
    let mut learner =
        reading.learner(name, asked.target.as_deref(), asked.optimizer.into(), rate).usage()?;
    let progress = request.progress("steps", asked.steps.into());
    for _ in 0..asked.steps {
        learner.step();
        progress.step();
    }
    drop(progress);
    let said = |run: &Run| reading.tokenizer().decode(&run.pass.output);
    let before = reading.run(name, None)?;
    let after = reading.run_with(name, &learner.learned())?;
    let (said_before, said_after) = (said(&before), said(&after));
    let about = json!({
        "command": "learn", "model": name.id(), "sentence": reading.sentence.read_text(), "target": asked.target,
        "optimizer": asked.optimizer.name(), "rate": rate, "weights": learner.n_weights(),
        "before": said_before, "after": said_after,
    });
    let mut report = Report {
        about: about.as_object().cloned().unwrap_or_default(),
        columns: vec!["measure", "step", "weight", "row", "token", "amount"],
        rows: vec![],
        text: heading(name, &learner, asked, rate),
    };
    add_losses(&mut report, &learner);
    let _ = writeln!(report.text, "\nsays before: {said_before}\nsays after:  {said_after}");
    add_moved(&mut report, &learner.moved(), |row| reading.tokenizer().token(row as u32).text);
    let kept = reading.kept_losses(name, &learner.learned());
    if let Some((before, after)) = kept {
        let _ = writeln!(
            report.text,
            "\nloss on 20 other sentences, which nobody asked about: {before:.4} before, {after:.4} after"
        );
        let kept = [("kept-before", before), ("kept-after", after)];
        report.rows.extend(kept.map(|(measure, loss)| row(measure, Place::default(), loss)));
    }
    let _ = writeln!(
        report.text,
        "Steps on one sentence are not training: they teach only that sentence, and change the rest as a side effect."
    );
    report.write(&asked.out, streams)
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

fn heading(name: Name, learner: &Learner, asked: &LearnArgs, rate: f32) -> String {
    format!(
        "{}: {} steps of {} at rate {rate} on {} weights\n",
        name.title(),
        asked.steps,
        asked.optimizer.name(),
        grouped(learner.n_weights()),
    )
}

fn add_losses(report: &mut Report, learner: &Learner) {
    let _ = writeln!(report.text, "\nstep      loss");
    for (step, &loss) in learner.losses.iter().enumerate() {
        let _ = writeln!(report.text, "{step:>4} {loss:>9.5}");
        let place = Place { step: step.into(), ..Place::default() };
        report.rows.push(row("loss", place, loss));
    }
}

fn add_moved(report: &mut Report, moved: &[Moved], token: impl Fn(usize) -> String) {
    let width = moved.iter().map(|m| m.name.len()).max().unwrap_or(0);
    let _ = writeln!(
        report.text,
        "\n{:width$} {:>9} {:>8}",
        "what moved, most first", "distance", "share"
    );
    for (i, m) in moved.iter().enumerate() {
        let word = (m.name == EMBEDDING_TABLE).then(|| token(m.row));
        if i < MOST_MOVED {
            let of_row = word.as_ref().map_or_else(String::new, |word| {
                format!("  most in the row of \"{word}\" ({})", percent(m.row_share))
            });
            let _ = writeln!(
                report.text,
                "{:width$} {:>9.4} {:>8}{of_row}",
                m.name,
                m.distance,
                percent_in_tenths(m.share)
            );
        }
        let place = Place {
            weight: m.name.as_str().into(),
            row: m.row.into(),
            token: word.into(),
            ..Place::default()
        };
        report.rows.push(row("moved", place, m.distance));
    }
}
