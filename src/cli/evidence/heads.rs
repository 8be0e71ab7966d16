//! `lookback heads`: what every attention head does, as scores; or a form of its attention, word by word.

use std::fmt::Write as _;

use anyhow::{Result, ensure};
use serde_json::json;
use unicode_width::UnicodeWidthStr;

use super::{
    Command, read,
    report::{Field, Report, left_aligned, right_aligned},
};
use crate::{
    analysis::{
        evidence::heads::{HeadScores, SCORES},
        measure::attention_form::{AttentionForm, attention_map, has_forms},
        reading::Reading,
        trace::{Recorded, Trace},
    },
    cli::{
        args::evidence::HeadsArgs,
        failure::{Outcome, Usage},
        request::Request,
        streams::Streams,
    },
    engine::site::lies_in,
    lesson::{Language, tr},
    model::ModelName,
    text::rounded,
};

pub fn run(asked: &HeadsArgs, request: &Request, streams: &mut Streams) -> Outcome {
    let (source, name) = read(request, streams)?;
    let reading = &source.reading;
    let language = request.language;
    let refused = |why| Command::Heads.refused(reading, name, why);
    if let Some(form) = asked.map {
        return map(reading, name, form, language)
            .map_err(refused)
            .usage()?
            .write(&asked.out, streams);
    }
    let heads = reading.head_scores(name).map_err(refused).usage()?;
    let about = json!({
        "command": "heads", "model": name.id(), "sentence": reading.sentence.read_text(),
        "definitions": SCORES.iter().map(|score| (score.name, score.definition)).collect::<std::collections::BTreeMap<_, _>>(),
    });
    let mut report = Report {
        about: about.as_object().cloned().unwrap_or_default(),
        columns: vec!["site", "layer", "head", "score", "amount"],
        rows: vec![],
        text: tr!(
            language,
            "{model}: {n} heads",
            model = language.tr(name.title()),
            n = heads.len()
        ) + "\n\n",
    };
    add_table(&mut report.text, &heads, language);
    add_outstanding(&mut report.text, &heads, language);
    for head in &heads {
        for (score, amount) in SCORES.iter().zip(head.scores) {
            let place = [head.scope.as_str().into(), head.layer.into(), head.head.into()];
            report.rows.push(place.into_iter().chain([score.name.into(), amount.into()]).collect());
        }
    }
    report.write(&asked.out, streams)
}

/// The words that a row of the table for people names.
const N_KEYS: usize = 3;

/// A form of the attention of every site: a row for every query and key.
fn map(
    reading: &Reading,
    name: ModelName,
    form: AttentionForm,
    language: Language,
) -> Result<Report> {
    let trace = reading.trace(name);
    let weights = |site: &&Recorded| has_forms(site);
    let mut paths: Vec<String> =
        trace.sites().filter(weights).map(|site| site.path().to_owned()).collect();
    for block in trace.hidden() {
        let opened = trace.opened(&block);
        let sites = opened.iter().flat_map(Trace::sites).filter(weights);
        let inside = sites.map(Recorded::path).filter(|path| lies_in(path, &block));
        let inside: Vec<String> = inside.map(str::to_owned).collect();
        paths.extend(inside.into_iter().filter(|path| !trace.sites().any(|s| s.path() == path)));
    }
    ensure!(!paths.is_empty(), "{} has no attention heads", name.in_sentence());
    let about = json!({
        "command": "heads", "model": name.id(), "sentence": reading.sentence.read_text(),
        "map": form.id(), "definition": form.caption(),
    });
    let mut report = Report {
        about: about.as_object().cloned().unwrap_or_default(),
        columns: vec!["site", "head", "query", "query_token", "key", "key_token", "amount"],
        rows: vec![],
        text: language.labelled(language.tr(name.title()), language.tr(form.caption())) + "\n",
    };
    for path in paths {
        add_map(&mut report, trace, &path, form, language);
    }
    ensure!(!report.rows.is_empty(), "{} lacks what this form needs", name.in_sentence());
    Ok(report)
}

fn add_map(
    report: &mut Report,
    trace: &Trace,
    path: &str,
    form: AttentionForm,
    language: Language,
) {
    let opened = trace.opened(path);
    let trace = opened.as_ref().unwrap_or(trace);
    let Some(site) = trace.site(path) else { return };
    let map = attention_map(trace, path, form).map(|map| map.value);
    let value = match form {
        AttentionForm::Weights => Some(&*site.value),
        _ => map.as_ref(),
    };
    let Some(value) = value else { return };
    let (shape, axes) = (value.shape(), site.axes());
    for head in 0..shape.planes {
        let has_heads = shape.planes > 1;
        let title = if has_heads { label(path, head, language) } else { path.to_owned() };
        let _ = writeln!(report.text, "\n{title}");
        for row in 0..shape.rows {
            let query = trace.label(site, axes[1], row);
            let amounts = value.row(head, row);
            let mut keys: Vec<usize> = (0..shape.cols).filter(|&key| amounts[key] > 0.0).collect();
            for (key, &amount) in amounts.iter().enumerate() {
                let head = if shape.planes > 1 { head.into() } else { Field::Missing };
                let key_token = trace.label(site, axes[2], key).into();
                let place =
                    [path.into(), head, row.into(), query.as_str().into(), key.into(), key_token];
                // Of a head that a what-if gave something no word gave, nothing is known.
                let is_unknown = map.is_some() && amount.is_nan();
                let amount = if is_unknown { Field::Missing } else { amount.into() };
                report.rows.push(place.into_iter().chain([amount]).collect());
            }
            keys.sort_by(|&a, &b| amounts[b].total_cmp(&amounts[a]));
            let key =
                |&key: &usize| format!("{} {:.3}", trace.label(site, axes[2], key), amounts[key]);
            let keys: Vec<String> = keys.iter().take(N_KEYS).map(key).collect();
            let keys = if keys.is_empty() { "-".to_owned() } else { keys.join(language.tr(", ")) };
            let _ = writeln!(report.text, "  {}  {keys}", right_aligned(&query, 12));
        }
    }
}

fn label(scope: &str, head: usize, language: Language) -> String {
    tr!(language, "{scope} head {head}", scope, head)
}

fn add_table(text: &mut String, heads: &[HeadScores], language: Language) {
    let label = |head: &HeadScores| label(&head.scope, head.head, language);
    let width = heads.iter().map(|head| label(head).width()).max().unwrap_or(0);
    let _ = write!(text, "{:width$}", "");
    for score in &SCORES {
        let _ = write!(text, " {}", right_aligned(language.tr(score.name), 9));
    }
    let _ = writeln!(text);
    for head in heads {
        let outstanding = head.standing_out();
        let _ = write!(text, "{}", left_aligned(&label(head), width));
        for (i, amount) in head.scores.iter().enumerate() {
            let mark = if outstanding.contains(&i) { "*" } else { "" };
            let number =
                amount.map_or_else(|| "-".to_owned(), |x| format!("{mark}{}", rounded(x, 2)));
            let _ = write!(text, " {number:>9}");
        }
        let _ = writeln!(text);
    }
}

fn add_outstanding(text: &mut String, heads: &[HeadScores], language: Language) {
    let _ = writeln!(text, "\n{}", language.tr("What stands out (*):"));
    let mut n = 0;
    for head in heads {
        let roles = head.standing_out().into_iter();
        let roles = roles
            .map(|i| {
                let score = rounded(head.scores[i].unwrap_or(f32::NAN), 2);
                (language.tr(SCORES[i].role), score)
            })
            .map(|(role, score)| format!("{role} ({score})"));
        let roles: Vec<String> = roles.collect();
        if !roles.is_empty() {
            n += 1;
            let head = label(&head.scope, head.head, language);
            let roles = roles.join(language.tr(", "));
            let _ = writeln!(text, "  {}", language.labelled(&head, &roles));
        }
    }
    if n == 0 {
        let _ = writeln!(text, "  {}", language.tr("no head"));
    }
    let note = language.tr(
        "A weight says where a head looks, and copying what it would raise if nothing came after; neither says what it is needed for.",
    );
    let _ = writeln!(text, "\n{note}");
}
