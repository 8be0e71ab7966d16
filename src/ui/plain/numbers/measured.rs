//! The slow measures in words.

use super::{View, short};
use crate::{
    analysis::{
        measure::{
            heads::{FIGURES, Figure, Summary},
            stream,
        },
        reading::{Measures, Reading},
        trace::Trace,
    },
    lesson::PaneSpec,
    model::Name,
};

/// `last 4 words: Elman RNN 3, GRU 2 read back`
pub(super) fn kept(reading: &Reading) -> Vec<String> {
    let kept = &reading.measures().kept;
    let line = |i: usize| {
        let of = |(name, kept): (&Name, &Vec<_>)| {
            let kept: &crate::analysis::measure::readback::Kept = kept.get(i)?;
            Some(format!("{} {}", name.title(), kept.right))
        };
        let all: Vec<String> = kept.iter().filter_map(of).collect();
        format!("of the last {}, read alone: {}", i + 1, all.join(", "))
    };
    (0..reading.sentence.tokens.len()).map(line).collect()
}

/// Every word's gradient by the mean of its model.
pub(super) fn distance(reading: &Reading, site: Option<&str>) -> Vec<String> {
    let Measures { forgetting, influence, .. } = reading.measures();
    let of_state = site.is_some_and(|site| site.ends_with("hidden"));
    let (table, models) = if of_state {
        (forgetting, &[Name::Elman, Name::Gru][..])
    } else {
        (influence, &[Name::Elman, Name::Gru, Name::RnnAttention, Name::Transformer][..])
    };
    let tokens = &reading.sentence.tokens;
    let line = |(i, token): (usize, &crate::text::Token)| {
        let of = |name: &Name| {
            let norms = table.get(name)?;
            let mean = norms.iter().sum::<f32>() / norms.len() as f32;
            Some(format!("{} {}", name.title(), short(norms.get(i)? / mean)))
        };
        let all: Vec<String> = models.iter().filter_map(of).collect();
        format!("{} before the last, \"{}\": {}", tokens.len() - 1 - i, token.text, all.join(", "))
    };
    tokens.iter().enumerate().map(line).collect()
}

/// Every head of the layers that the pane shows, in its figures.
pub(super) fn heads(reading: &Reading, model: Name, pane: &PaneSpec) -> Vec<String> {
    let heads = reading.heads().get(&model).into_iter().flatten();
    let is_here = |head: &&Summary| pane.path(head.layer).as_ref() == Some(&head.path);
    let line = |summary: &Summary| {
        let figure = |figure: &Figure| {
            let value = (figure.of)(&summary.figures)?;
            Some(format!("{} {}", figure.heading, short(value)))
        };
        let figures: Vec<String> = FIGURES.iter().filter_map(figure).collect();
        format!("layer {} head {}: {}", summary.layer, summary.head, figures.join(", "))
    };
    heads.filter(is_here).map(line).collect()
}

/// The row's weights with their gradients, and every head knocked out.
pub(super) fn evidence(reading: &Reading, model: Name, view: &View) -> Vec<String> {
    let Some(evidence) = reading.measures().evidence.get(&model) else { return vec![] };
    let path = view.site.path();
    let slopes = evidence.slopes.get(path).map(|slopes| slopes.row(view.plane, view.row));
    let weights = view.values(view.row).into_iter().zip(slopes.unwrap_or_default()).enumerate();
    let keys = weights.map(|(key, (weight, slope))| {
        let word = super::quoted(view.trace, view.site, crate::engine::site::Axis::Key, key);
        format!("{word}: weight {}, times its slope {}", short(weight), short(weight * slope))
    });
    let n = view.trace.output.len();
    let heads = evidence.heads.get(view.site.scope()).into_iter().flatten().map(|knocked| {
        let change = short(knocked.change);
        let tokens = knocked.tokens;
        format!("without head {}: log p {change}, {tokens} of {n} tokens change", knocked.head)
    });
    keys.chain(heads).collect()
}

/// A station a line: the length of the row, and of what was added.
pub(super) fn stream(trace: &Trace, input: &str, row: usize) -> Vec<String> {
    let length = |path: &str| stream::length(trace, path, row).map_or_else(String::new, short);
    let line = |station: stream::Station| {
        let added = station.added.map(|path| format!(", {path} added {}", length(&path)));
        format!("{}: length {}{}", station.site, length(&station.site), added.unwrap_or_default())
    };
    stream::stations(trace, input).into_iter().map(line).collect()
}
