//! `lookback heads`: what every attention head does, as scores.

use std::fmt::Write as _;

use serde_json::json;

use super::{read, report::Report};
use crate::{
    analysis::evidence::heads::{HeadScores, SCORES},
    cli::{
        args::HeadsArgs,
        failure::{Outcome, Usage},
        request::Request,
        streams::Streams,
    },
};

pub fn run(asked: &HeadsArgs, request: &Request, streams: &mut Streams) -> Outcome {
    let (source, name) = read(request, streams)?;
    let reading = &source.reading;
    let heads = reading.head_scores(name).usage()?;
    let about = json!({
        "command": "heads", "model": name.id(), "sentence": reading.sentence.read_text(),
        "definitions": SCORES.iter().map(|score| (score.name, score.definition)).collect::<std::collections::BTreeMap<_, _>>(),
    });
    let mut report = Report {
        about: about.as_object().cloned().unwrap_or_default(),
        columns: vec!["site", "layer", "head", "score", "amount"],
        rows: vec![],
        text: format!("{}: {} heads\n\n", name.title(), heads.len()),
    };
    add_table(&mut report.text, &heads);
    add_outstanding(&mut report.text, &heads);
    for head in &heads {
        for (score, amount) in SCORES.iter().zip(head.scores) {
            let place = [head.scope.as_str().into(), head.layer.into(), head.head.into()];
            report.rows.push(place.into_iter().chain([score.name.into(), amount.into()]).collect());
        }
    }
    report.write(&asked.out, streams)
}

fn label(head: &HeadScores) -> String {
    format!("{} head {}", head.scope, head.head)
}

fn add_table(text: &mut String, heads: &[HeadScores]) {
    let width = heads.iter().map(|head| label(head).len()).max().unwrap_or(0);
    let _ = write!(text, "{:width$}", "");
    for score in &SCORES {
        let _ = write!(text, " {:>9}", score.name);
    }
    let _ = writeln!(text);
    for head in heads {
        let outstanding = head.standing_out();
        let _ = write!(text, "{:width$}", label(head));
        for (i, amount) in head.scores.iter().enumerate() {
            let mark = if outstanding.contains(&i) { "*" } else { "" };
            let number = amount.map_or_else(|| "-".to_owned(), |x| format!("{mark}{x:.2}"));
            let _ = write!(text, " {number:>9}");
        }
        let _ = writeln!(text);
    }
}

fn add_outstanding(text: &mut String, heads: &[HeadScores]) {
    let _ = writeln!(text, "\nWhat stands out (*):");
    let mut n = 0;
    for head in heads {
        let roles = head.standing_out().into_iter();
        let roles = roles
            .map(|i| format!("{} ({:.2})", SCORES[i].role, head.scores[i].unwrap_or(f32::NAN)));
        let roles: Vec<String> = roles.collect();
        if !roles.is_empty() {
            n += 1;
            let _ = writeln!(text, "  {}: {}", label(head), roles.join(", "));
        }
    }
    if n == 0 {
        let _ = writeln!(text, "  no head");
    }
    let _ = writeln!(
        text,
        "\nA weight says where a head looks, and copying what it would raise if nothing came after; neither says what it is needed for."
    );
}
