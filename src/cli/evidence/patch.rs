//! `lookback patch`: values of one sentence's pass put into another's, one at a time.

use std::{
    fmt::Write as _,
    sync::mpsc::{Sender, channel},
};

use anyhow::anyhow;
use rayon::prelude::*;
use serde_json::json;
use unicode_width::UnicodeWidthStr;

use super::{
    Command, read,
    report::{Field, Report, cut, left_aligned, right_aligned},
};
use crate::{
    analysis::{
        evidence::{
            Score,
            patching::{PatchCell, PatchKind, PatchMap, Patching},
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
    lesson::{Language, tr},
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
    let language = request.language;
    let about = json!({
        "command": "patch", "model": name.id(), "sentence": reading.sentence.read_text(), "against": asked.against,
        "row": row, "word": word, "other": other, "score": patching.ends[0], "score_against": patching.ends[1], "alike": patching.answers_alike(),
    });
    let mut report = Report {
        about: about.as_object().cloned().unwrap_or_default(),
        columns: vec!["map", "site", "head", "position", "token", "share"],
        rows: vec![],
        text: tr!(
            language,
            "{model}: values of A put into B's pass, one at a time",
            model = language.tr(name.title())
        ) + "\n",
    };
    let _ = writeln!(report.text, "A: {}\nB: {}", reading.sentence.read_text(), asked.against);
    add_ends(&mut report.text, &patching, [&word, &other], language);
    let maps = ShownMaps { patching: &patching, cells: &cells, shares: &shares, language };
    maps.add_to(&mut report, [&source, &target]);
    maps.add_notes(&mut report.text);
    report.write(&asked.out, streams)
}

/// What both passes answer, and what shares of it mean.
fn add_ends(text: &mut String, patching: &Patching, words: [&String; 2], language: Language) {
    let ([word, other], [a, b]) = (words, patching.ends.map(|end| rounded(end, 4)));
    let ends = tr!(
        language,
        "logit of \"{word}\" less that of \"{other}\": A {a}, B {b}",
        word,
        other,
        a,
        b
    );
    let _ = writeln!(text, "{ends}\n{}", language.tr("0 answers as B, 1 as A."));
    if patching.answers_alike() {
        let alike = language.tr(
            "Both answer alike: shares of so small a difference mean nothing. Ask about words whose logits differ: --words WORD,WORD",
        );
        let _ = writeln!(text, "{alike}");
    }
}

/// The share of each cell, computed on all cores.
fn shares(patching: &Patching, cells: &[PatchCell], request: &Request) -> Vec<Option<f32>> {
    let progress = request.progress(request.language.tr("values patched"), cells.len());
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

/// The maps of patched values, as a table for people and as rows.
struct ShownMaps<'a> {
    patching: &'a Patching,
    cells: &'a [PatchCell],
    /// By cell; None where a word has no counterpart.
    shares: &'a [Option<f32>],
    language: Language,
}

/// Width of a column of a map.
const COLUMN: usize = 7;

impl ShownMaps<'_> {
    /// Adds all maps; `words` are the source's and the target's.
    fn add_to(&self, report: &mut Report, words: [&[Token]; 2]) {
        for (m, map) in self.patching.maps.iter().enumerate() {
            let tokens = words[usize::from(map.stream == Stream::Target)];
            self.add_heading(&mut report.text, map, tokens);
            let width = self.label_width(map);
            for (row, site) in map.rows.iter().enumerate() {
                let _ = write!(report.text, "{}", left_aligned(site, width));
                let cells = self.cells.iter().zip(self.shares);
                for (cell, share) in cells.filter(|(cell, _)| cell.map == m && cell.row == row) {
                    let number = share.map_or_else(|| "-".to_owned(), |share| rounded(share, 2));
                    let _ = write!(report.text, " {number:>COLUMN$}");
                    let (head, position, token) = if map.kind == PatchKind::Heads {
                        (cell.col.into(), Field::Missing, Field::Missing)
                    } else {
                        let token = tokens[cell.col].text.as_str();
                        (Field::Missing, cell.col.into(), token.into())
                    };
                    let place = [map.kind.name().into(), site.as_str().into(), head, position];
                    report.rows.push(place.into_iter().chain([token, (*share).into()]).collect());
                }
                let _ = writeln!(report.text);
            }
        }
    }

    fn label_width(&self, map: &PatchMap) -> usize {
        let kind = self.language.tr(map.kind.name());
        map.rows.iter().map(String::len).chain([kind.width()]).max().unwrap_or(0)
    }

    /// A line with the kind of values, and what the columns are.
    fn add_heading(&self, text: &mut String, map: &PatchMap, tokens: &[Token]) {
        let kind = left_aligned(self.language.tr(map.kind.name()), self.label_width(map));
        let _ = write!(text, "\n{kind}");
        let labels: Vec<String> = match map.kind {
            PatchKind::Heads => {
                (0..map.n_cols).map(|head| tr!(self.language, "head {head}", head)).collect()
            }
            _ => tokens.iter().take(map.n_cols).map(|token| token.text.clone()).collect(),
        };
        for label in labels {
            let _ = write!(text, " {}", right_aligned(&cut(&label, COLUMN), COLUMN));
        }
        let _ = writeln!(text);
    }

    /// What a share may mean, and why there may be none.
    fn add_notes(&self, text: &mut String) {
        let changes_something = |share: &f32| share.abs() >= LEAST_SHARE;
        if !self.shares.iter().flatten().any(changes_something) {
            let none = self.language.tr(
                "No value alone changes the answer: where the sentences differ in length, what is read at the end of B may have no counterpart in A. Give two that differ in a word.",
            );
            let _ = writeln!(text, "\n{none}");
        }
        let near = self.language.tr(
            "A value near 1 carries the difference, or lies on its way; one of several that carry it may be 0, because the others still do.",
        );
        let _ = writeln!(text, "\n{near}");
    }
}
