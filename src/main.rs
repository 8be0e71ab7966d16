//! The program's door.

use std::{env, process::ExitCode, sync::Arc};

use lookback::{
    lesson::Lesson,
    term::{self, Start},
    theme::Theme,
};

const SENTENCE: &str = "The animal didn't cross the street because it was too tired.";

fn main() -> anyhow::Result<ExitCode> {
    let sentence = env::args().nth(1).unwrap_or_else(|| SENTENCE.to_owned());
    let lesson = Arc::new(Lesson::embedded()?);
    term::run(Start { sentence, lesson, theme: Theme::default(), step: 0 })
}
