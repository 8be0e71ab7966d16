//! `lookback flow`: which words every row of the residual stream was made of, and the routes from one row to the tokens.

use std::fmt::Write as _;

use anyhow::anyhow;
use serde_json::json;

use super::{
    Command, Words, read,
    report::{Field, Report, left_aligned, right_aligned},
    stream_of,
};
use crate::{
    analysis::evidence::{
        Run,
        flow::{Flow, FlowSum, NoFlow, Route},
    },
    cli::{
        args::evidence::FlowArgs,
        failure::{Outcome, Usage},
        request::Request,
        streams::Streams,
    },
    engine::site::Stream,
    lesson::{Language, tr},
    text::{Token, percent},
};

pub fn run(asked: &FlowArgs, request: &Request, streams: &mut Streams) -> Outcome {
    let asked_about = request.question(&asked.question)?;
    let (source, name) = read(request, streams)?;
    let reading = &source.reading;
    let run = reading.run(name, None)?;
    let refused = |why| Command::Flow.refused(reading, name, why);
    let question = reading.question(&run, &asked_about).map_err(refused).usage()?;
    let stream = stream_of(&run);
    let flow = Flow::new(&run, stream).map_err(|why| match why {
        NoFlow::OfModel => refused(anyhow!(
            "the rows of this model cannot be taken apart by words and heads: a Transformer's can"
        )),
        NoFlow::Replaced(scope) => anyhow!(
            "{}, so the rows cannot be taken apart by words; leave that what-if out, or switch the head off",
            replaced(&scope)
        ),
    });
    let flow = flow.usage()?;
    let source_flow = source_flow(&run, stream, streams)?;
    let row = run.stream_row(question.row).min(flow.n_rows - 1);
    let threshold = asked.threshold.unwrap_or_else(|| flow.threshold(row).share());
    let language = request.language;
    let chosen = match asked.threshold {
        Some(_) => "",
        None => language.tr(", chosen by the number of lines"),
    };
    let words = Words::of(reading, &run);
    let about = json!({
        "command": "flow", "model": name.id(), "sentence": reading.sentence.read_text(),
        "row": row, "threshold": threshold,
    });
    let tokens = words.of_stream(stream);
    let mut report = Report {
        about: about.as_object().cloned().unwrap_or_default(),
        columns: vec!["site", "position", "token", "part", "head", "key", "key_token", "share"],
        rows: vec![],
        text: tr!(
            language,
            "{model}: from which words the last row of \"{word}\" was made, shares from {share} on{chosen}",
            model = language.tr(name.title()),
            word = text_of(tokens, row),
            share = percent(threshold),
            chosen
        ) + "\n",
    };
    let routes = Routes { words: &words, language };
    routes.add(&mut report.text, &flow, row, threshold);
    add_sums(&mut report, &flow, &words);
    if let Some(source) = source_flow {
        add_sums(&mut report, &source, &words);
        let of_target = flow.route(row, threshold);
        routes.add_of_source(&mut report.text, &source, &of_target, asked.threshold);
    }
    let note = language.tr(
        "A share is of a row's length, and length is not importance; every layer is judged by itself.",
    );
    let _ = writeln!(report.text, "\n{note}");
    report.write(&asked.out, streams)
}

/// The flow in the encoder beside a decoder's; a note says why there is none.
fn source_flow(run: &Run, stream: Stream, streams: &mut Streams) -> Outcome<Option<Flow>> {
    let flow = (stream == Stream::Target).then(|| Flow::new(run, Stream::Source));
    if let Some(Err(NoFlow::Replaced(scope))) = &flow {
        writeln!(streams.notes, "note: {}; the source's rows are left out", replaced(scope))?;
    }
    Ok(flow.and_then(Result::ok))
}

/// What a what-if did to the heads of an attention.
fn replaced(scope: &str) -> String {
    format!("a what-if put something in place of what heads of {scope} take from words")
}

fn text_of(tokens: &[Token], row: usize) -> &str {
    tokens.get(row).map_or("", |token| token.text.as_str())
}

/// What routes are written with.
struct Routes<'a> {
    words: &'a Words,
    language: Language,
}

impl Routes<'_> {
    /// The routes of the source word that gave most to the target's routes.
    fn add_of_source(
        &self,
        text: &mut String,
        flow: &Flow,
        of_target: &Route,
        threshold: Option<f32>,
    ) {
        let Some(row) = of_target.strongest_elsewhere() else { return };
        let threshold = threshold.unwrap_or_else(|| flow.threshold(row).share());
        let title = tr!(
            self.language,
            "the source word that gave most: from which words the last row of \"{word}\" was made, shares from {share} on",
            word = text_of(&self.words.source, row),
            share = percent(threshold)
        );
        let _ = writeln!(text, "\n{title}");
        self.add(text, flow, row, threshold);
    }

    /// The nodes of the route from the top down, each with what it was made of: sum by sum, the last one first.
    fn add(&self, text: &mut String, flow: &Flow, row: usize, threshold: f32) {
        let tokens = self.words.of_stream(flow.stream);
        let route = flow.route(row, threshold);
        for level in (1..flow.n_levels()).rev() {
            let layer = &flow.layers[level - 1];
            let title = tr!(self.language, "after {layer}", layer = layer.prefix);
            let _ = writeln!(text, "\n{title}");
            for row in route.rows(level) {
                for (i, sum) in layer.sums.iter().rev().enumerate() {
                    let word = left_aligned(if i == 0 { text_of(tokens, row) } else { "" }, 12);
                    let number = if i == 0 { row.to_string() } else { String::new() };
                    let parts = self.parts_of(flow, sum, row, threshold);
                    let parts = parts.join(self.language.tr(", "));
                    let name = sum.path.strip_prefix(&layer.prefix).unwrap_or(&sum.path);
                    let name = left_aligned(name.trim_start_matches('.'), 12);
                    let number = right_aligned(&number, 3);
                    let _ = writeln!(text, "  {number} {word} {name} {parts}");
                }
            }
        }
    }

    /// What a sum made a row of, the largest share first; those below the threshold are added up.
    fn parts_of(&self, flow: &Flow, sum: &FlowSum, row: usize, threshold: f32) -> Vec<String> {
        let language = self.language;
        let mut parts = vec![(language.tr("itself").to_owned(), sum.residual(row))];
        if let Some(attention) = &sum.attention {
            let mark = match attention.keys {
                keys if keys == flow.stream => "",
                Stream::Source => language.tr(" (source)"),
                Stream::Target => language.tr(" (target)"),
            };
            let keys = self.words.of_stream(attention.keys);
            parts.extend((0..sum.n_keys()).map(|key| {
                let share = |head: usize| sum.of_head(head, row, key);
                let all: f32 = (0..sum.n_heads()).map(share).sum();
                let most = (0..sum.n_heads()).max_by(|a, b| share(*a).total_cmp(&share(*b)));
                let head = most
                    .map_or_else(String::new, |head| tr!(language, ", most by head {head}", head));
                (format!("{}{mark}{head}", text_of(keys, key)), all)
            }));
        }
        parts.extend(
            sum.others
                .iter()
                .map(|other| (language.tr(other.kind.name()).to_owned(), sum.of_other(other, row))),
        );
        parts.sort_by(|a, b| b.1.total_cmp(&a.1));
        let rest: f32 = parts.iter().map(|part| part.1).filter(|share| *share < threshold).sum();
        parts.retain(|(_, share)| *share >= threshold);
        if rest > 0.0 {
            parts.push((language.tr("the rest").to_owned(), rest));
        }
        parts.into_iter().map(|(part, share)| format!("{} {part}", percent(share))).collect()
    }
}

/// A row for every part of every row of all sums.
fn add_sums(report: &mut Report, flow: &Flow, words: &Words) {
    for sum in flow.layers.iter().flat_map(|layer| &layer.sums) {
        add_sum(report, sum, words.of_stream(flow.stream), words);
    }
}

/// A row for every part of every row of a sum that has a share.
fn add_sum(report: &mut Report, sum: &FlowSum, tokens: &[Token], words: &Words) {
    for row in 0..sum.n_rows() {
        let mut add = |part: &str, head: Field, key: Field, word: Field, share: f32| {
            if share > 0.0 {
                let place = [sum.path.as_str().into(), row.into(), text_of(tokens, row).into()];
                let rest = [part.into(), head, key, word, share.into()];
                report.rows.push(place.into_iter().chain(rest).collect());
            }
        };
        let none = || Field::Missing;
        add("residual", none(), none(), none(), sum.residual(row));
        for other in &sum.others {
            add(other.kind.name(), none(), none(), none(), sum.of_other(other, row));
        }
        let Some(attention) = &sum.attention else { continue };
        let keys = words.of_stream(attention.keys);
        for (head, key) in (0..sum.n_heads()).flat_map(|h| (0..sum.n_keys()).map(move |k| (h, k))) {
            let word = text_of(keys, key).into();
            add("attention", head.into(), key.into(), word, sum.of_head(head, row, key));
        }
    }
}
