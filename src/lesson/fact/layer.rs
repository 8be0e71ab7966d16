//! Facts about residual, norm and feed-forward of the selected word.

use super::{Context, Fact, fact, mean, minus, variance};
use crate::{
    analysis::measure::stream::{self, StreamPoint, stations},
    engine::{math::length, site::Site, value::Cell},
    model::layer::{feed_forward, norm},
    text::{percent, spoken},
};

pub(super) static FACTS: &[Fact] = &[
    fact("size_before", "length of the row before the sub-layer's output is added", |c| {
        c.phrases.or_none(sum_parts(c).map(|(before, _)| spoken(length(&before))))
    }),
    fact("size_added", "length of what is added", |c| {
        c.phrases.or_none(sum_parts(c).map(|(_, added)| spoken(length(&added))))
    }),
    fact("layer_scalar", "what the layer multiplies its stream by", |c| {
        let scalar = c.trace().value(&format!("blocks.{}.scalar", c.layer()));
        c.phrases.or_none(scalar.map(|scalar| spoken(scalar.get(Cell::default()))))
    }),
    fact("mean_before", "mean before the norm", |c| {
        c.phrases.or_none(first_number(c, &norm::MEAN))
    }),
    fact("var_before", "variance before the norm", |c| {
        c.phrases.or_none(first_number(c, &norm::VAR))
    }),
    fact("mean_after", "mean after gain and bias", |c| {
        c.phrases.or_none(c.row_beside(&norm::OUT).map(|row| spoken(mean(&row))))
    }),
    fact("var_after", "variance after gain and bias", |c| {
        c.phrases.or_none(c.row_beside(&norm::OUT).map(|row| spoken(variance(&row))))
    }),
    fact("stream_first", "length of the word's row where its stream begins", |c| {
        c.phrases.or_none(stream(c).first().and_then(|station| length_at(c, &station.site)))
    }),
    fact("stream_last", "the same where it ends", |c| {
        c.phrases
            .or_none(last_of_layers(&stream(c)).and_then(|station| length_at(c, &station.site)))
    }),
    fact("stream_most", "the site that adds most to it", |c| {
        c.phrases.or_none(most_added(c).map(|(path, _)| path))
    }),
    fact("stream_most_added", "the length of what it adds", |c| {
        c.phrases.or_none(most_added(c).map(|(_, length)| spoken(length)))
    }),
    fact("zeros", "share of the feed-forward units that are 0", zero_share),
];

/// The row before the addition, and what is added, in the step's first sum.
pub fn sum_parts(c: &Context) -> Option<(Vec<f32>, Vec<f32>)> {
    let sum = c.main()?;
    let added = c.row_of(c.trace().site(&c.trace().added(sum)?)?)?;
    Some((minus(&c.row_of(sum)?, &added), added))
}

fn stream(c: &Context) -> Vec<StreamPoint> {
    c.main().map_or_else(Vec::new, |site| stations(c.trace(), site.path()))
}

/// The station after the last layer; a final norm is not part of the stream.
fn last_of_layers(stations: &[StreamPoint]) -> Option<&StreamPoint> {
    stations.iter().rfind(|station| station.layer.is_some())
}

fn length_at(c: &Context, path: &str) -> Option<String> {
    stream::length(c.trace(), path, c.row()).map(spoken)
}

fn most_added(c: &Context) -> Option<(String, f32)> {
    let added = stream(c).into_iter().filter_map(|station| station.added);
    let added = added.filter_map(|path| {
        let length = stream::length(c.trace(), &path, c.row())?;
        Some((path, length))
    });
    added.max_by(|a, b| a.1.total_cmp(&b.1))
}

fn first_number(c: &Context, site: &Site) -> Option<String> {
    c.row_beside(site).and_then(|row| row.first().copied()).map(spoken)
}

fn zero_share(c: &Context) -> String {
    let hidden = c.row_beside(&feed_forward::HIDDEN);
    let share =
        hidden.map(|row| row.iter().filter(|&&x| x == 0.0).count() as f32 / row.len() as f32);
    c.phrases.or_none(share.map(percent))
}
