//! The text of a step, with its marks and blanks: it is told of a pass, or is refused. A text that
//! begins with `[[chapters]]` is the order of a walk.

use std::sync::LazyLock;

use super::{answered, bounded};
use lookback::{
    analysis::reading::{Reader, Reading},
    lesson::{Language, Lesson, Selection, Step, fact, narrate, template::Template},
    ui::app::Prose,
};

const WORDS: &str = include_str!("../../../assets/lessons/en.toml");

static STEP: LazyLock<Step> = LazyLock::new(|| {
    let lesson = Lesson::embedded(Language::default()).expect("the binary is whole");
    lesson.steps()[0].1.clone()
});

static READING: LazyLock<Reading> = LazyLock::new(|| {
    let reader = Reader::embedded().expect("the binary is whole");
    reader.read("The dog sleeps.").expect("a short sentence")
});

pub fn run(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let (step, reading) = (&*STEP, &*READING);
    bounded(|| {
        if text.starts_with("[[chapters]]") {
            answered(Lesson::parse(Language::default(), text, WORDS));
            return;
        }
        let Some(template) = answered(Template::try_from(text.to_owned())) else { return };
        if template.facts().any(|name| answered(fact::find(name)).is_none()) {
            return;
        }
        let mut step = step.clone();
        step.text = template;
        let paragraphs = narrate(&step, reading, &Selection::default());
        let prose = Prose::of_step(&step, 0, &paragraphs, true);
        for width in [1, 40] {
            assert_eq!(prose.lines(width).len(), prose.n_lines(width));
        }
    });
}
