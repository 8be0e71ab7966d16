//! `lookback patch`: values of one sentence's pass put into another's, one at a time.

use std::{
    fmt::Write as _,
    sync::mpsc::{Sender, channel},
};

use anyhow::anyhow;
use rayon::prelude::*;
use serde_json::json;

use super::{
    Command, read,
    report::{Field, Report},
};
use crate::{
    analysis::{
        evidence::{
            Score,
            patching::{PatchCell, PatchKind, Patching},
        },
        reading::QuestionAsked,
    },
    cli::{
        args::evidence::PatchArgs,
        failure::{Outcome, Usage},
        request::Request,
        streams::Streams,
    },
    engine::{pool, site::Stream},
    text::{Token, rounded},
};

/// The least share that is said to change something.
const LEAST_SHARE: f32 = 0.005;

pub fn run(asked: &PatchArgs, request: &Request, streams: &mut Streams) -> Outcome {
    let question = question(asked, request)?;
    let (source, name) = read(request, streams)?;
    let reading = &source.reading;
    let against = reading.sentence_of(&asked.against).usage()?;
    let refused = |why| Command::Patch.refused(reading, name, why);
    let patching = reading.patching(name, &against, &question);
    let patching = patching.map_err(refused).usage()?;
    let cells = patching.cells();
    let shares = shares(&patching, &cells, request);
    let tokens = |ids: &[u32]| reading.tokenizer().tokens(ids);
    let (source, target) = (tokens(&patching.b.pass.source), tokens(&patching.b.pass.target));
    let Score::Difference { row, word, against: other } = patching.scores[1] else { return Ok(()) };
    let [word, other] = [word, other].map(|id| reading.answer(&patching.a, id));
    let about = json!({
        "command": "patch", "model": name.id(), "sentence": reading.sentence.read_text(), "against": asked.against,
        "row": row, "word": word, "other": other, "score": patching.ends[0], "score_against": patching.ends[1], "alike": patching.answers_alike(),
    });
    let mut report = Report {
        about: about.as_object().cloned().unwrap_or_default(),
        columns: vec!["map", "site", "head", "position", "token", "share"],
        rows: vec![],
        text: format!(
            "{}: values of A put into B's pass, one at a time\nA: {}\nB: {}\nlogit of \"{word}\" less that of \"{other}\": A {}, B {}\n0 answers as B, 1 as A.\n",
            name.title(),
            reading.sentence.read_text(),
            asked.against,
            rounded(patching.ends[0], 4),
            rounded(patching.ends[1], 4)
        ),
    };
    if patching.answers_alike() {
        let _ = writeln!(
            report.text,
            "Both answer alike: shares of so small a difference mean nothing. Ask about words whose logits differ: --words WORD,WORD"
        );
    }
    add_maps(&mut report, &patching, &cells, &shares, [&source, &target]);
    let changes_something = |share: &f32| share.abs() >= LEAST_SHARE;
    if !shares.iter().flatten().any(changes_something) {
        let _ = writeln!(
            report.text,
            "\nNo value alone changes the answer: where the sentences differ in length, what is read at the end of B may have no counterpart in A. Give two that differ in a word."
        );
    }
    let _ = writeln!(
        report.text,
        "\nA value near 1 carries the difference, or lies on its way; one of several that carry it may be 0, because the others still do."
    );
    report.write(&asked.out, streams)
}

/// The share of each cell, computed on all cores.
fn shares(patching: &Patching, cells: &[PatchCell], request: &Request) -> Vec<Option<f32>> {
    let progress = request.progress("values patched", cells.len());
    let (sender, receiver) = channel();
    let mut shares: Vec<Option<f32>> = vec![None; cells.len()];
    std::thread::scope(|scope| {
        let measure = |sender: Sender<(usize, Option<f32>)>| {
            let of = |(i, cell): (usize, &PatchCell)| sender.send((i, patching.measure(*cell)));
            cells.par_iter().enumerate().for_each(|cell| {
                let _ = of(cell);
            });
        };
        let beside = sender.clone();
        if std::thread::Builder::new()
            .spawn_scoped(scope, move || pool::beside(|| measure(beside)))
            .is_err()
        {
            measure(sender.clone());
        }
        drop(sender);
        for (i, share) in receiver {
            shares[i] = share;
            progress.step();
        }
    });
    shares
}

/// What is asked about.
///
/// # Errors
/// If a what-if names the other sentence, or a value to patch: both are the command's own.
fn question(asked: &PatchArgs, request: &Request) -> Outcome<QuestionAsked> {
    let own = [
        ("against", "--against names the other sentence"),
        ("against_model", "both sentences are read by one model"),
        ("patch", "every value is patched, one at a time"),
    ];
    if let Some((subject, why)) = own.into_iter().find(|(subject, _)| request.has_what_if(subject))
    {
        return Err(anyhow!("{why}; leave the what-if {subject}= out")).usage();
    }
    request.question(&asked.question)
}

fn add_maps(
    report: &mut Report,
    patching: &Patching,
    cells: &[PatchCell],
    shares: &[Option<f32>],
    words: [&[Token]; 2],
) {
    for (m, map) in patching.maps.iter().enumerate() {
        let tokens = words[usize::from(map.stream == Stream::Target)];
        let is_heads = map.kind == PatchKind::Heads;
        let label =
            |col: usize| if is_heads { format!("head {col}") } else { tokens[col].text.clone() };
        let width = map.rows.iter().map(String::len).max().unwrap_or(0);
        let _ = write!(report.text, "\n{:width$}", map.kind.name());
        for col in 0..map.n_cols {
            let _ = write!(report.text, " {:>7}", label(col).chars().take(7).collect::<String>());
        }
        let _ = writeln!(report.text);
        for (row, site) in map.rows.iter().enumerate() {
            let _ = write!(report.text, "{site:width$}");
            let of_row =
                cells.iter().zip(shares).filter(|(cell, _)| cell.map == m && cell.row == row);
            for (cell, share) in of_row {
                let number = share.map_or_else(|| "-".to_owned(), |share| rounded(share, 2));
                let _ = write!(report.text, " {number:>7}");
                let (head, position, token) = if is_heads {
                    (cell.col.into(), Field::Missing, Field::Missing)
                } else {
                    (Field::Missing, cell.col.into(), tokens[cell.col].text.as_str().into())
                };
                report.rows.push(vec![
                    map.kind.name().into(),
                    site.as_str().into(),
                    head,
                    position,
                    token,
                    (*share).into(),
                ]);
            }
            let _ = writeln!(report.text);
        }
    }
}
