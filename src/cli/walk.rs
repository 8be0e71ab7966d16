//! `lookback` alone: the walk on the terminal, or its text where there is none.

use super::{
    Cli, Streams,
    failure::{Outcome, Usage},
    sentence,
};
use crate::{export::plain, lesson::Lesson, reading::Reader};

pub fn run(cli: &Cli, streams: &mut Streams) -> Outcome {
    let lesson = Lesson::embedded()?;
    let from = cli.at.as_deref().map_or(Ok(0), |id| lesson.find(id)).usage()?;
    let sentence = sentence::of(&cli.text)?;
    let reading = Reader::embedded()?.read(&sentence).usage()?;
    Ok(plain::walk(&lesson, &reading, from, streams.out)?)
}
