//! Labs: each is open on the default sentence, its hint and solution solve it, and what is solved is kept.

use crate::support::walk::{drawn_text, message, press};
use std::sync::Arc;

use lookback::{
    analysis::reading::{Reader, Readings},
    engine::change::Changes,
    lesson::{Language, Lesson},
    model::ModelName,
    ui::{
        app::{Action, EarlierWalks, Effect, ProsePiece, State, WalkStart, update},
        memory::Memory,
        theme::Theme,
    },
};

/// The default sentence.
const SENTENCE: &str = "The dog didn't drink the water because it was too hot.";

/// A walk that reads what it asks for at once.
struct Walk {
    state: State,
    readings: Readings,
}

impl Walk {
    fn new(language: Language) -> Self {
        Self::after(EarlierWalks::default(), language)
    }

    fn after(earlier: EarlierWalks, language: Language) -> Self {
        let lesson = Arc::new(Lesson::embedded(language).unwrap());
        let start = WalkStart::new(lesson, Theme::default(), SENTENCE.to_owned());
        let state = State::begin(WalkStart { earlier, ..start });
        let mut walk = Self { state, readings: Readings::new(Reader::embedded().unwrap()) };
        walk.follow(Some(Effect::Read {
            sentence: SENTENCE.to_owned(),
            changes: Changes::default(),
        }));
        walk
    }

    fn follow(&mut self, effect: Option<Effect>) {
        if let Some(Effect::Read { sentence, changes }) = effect {
            let reading = self.readings.read(&sentence, &changes).unwrap();
            reading.waiting().heads();
            update(&mut self.state, Action::Read(Ok(reading)));
        }
    }

    /// Reads the default sentence with these changes.
    fn change(&mut self, changes: [&str; 2]) {
        let changes = changes.into_iter().map(|change| change.parse().unwrap()).collect();
        self.follow(Some(Effect::Read { sentence: SENTENCE.to_owned(), changes }));
    }

    fn press(&mut self, key: &str) {
        let effect = press(&mut self.state, key);
        self.follow(effect);
    }

    fn shown(&self) -> String {
        drawn_text(&self.state, 200, 60)
    }
}

fn labs(language: Language) -> Vec<String> {
    let lesson = Lesson::embedded(language).unwrap();
    let steps = lesson.steps();
    let labs = steps.iter().filter(|(_, step)| step.lab.is_some());
    labs.map(|(_, step)| step.id.clone()).collect()
}

#[test]
fn every_chapter_ends_with_a_lab() {
    let lesson = Lesson::embedded(Language::English).unwrap();
    for chapter in &lesson.chapters {
        assert!(chapter.steps.last().is_some_and(|step| step.lab.is_some()), "{}", chapter.title);
    }
}

/// The text of the step.
fn words(state: &State) -> String {
    let lines = state.prose(u16::MAX, false);
    let line =
        |line: &Vec<ProsePiece>| line.iter().map(|piece| piece.text.as_str()).collect::<String>();
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_solution_is_played_after_the_hint_and_solves_the_lab() {
    for id in labs(Language::English) {
        let mut walk = Walk::new(Language::English);
        let step = walk.state.lesson.find(&id).unwrap();
        update(&mut walk.state, Action::GoTo(step));
        let task = words(&walk.state);
        assert!(task.contains("Not solved yet. ! shows a hint."), "{id}\n{task}");
        walk.press("!");
        assert!(words(&walk.state).contains("! plays a solution."), "{id}");
        walk.press("!");
        let small = drawn_text(&walk.state, 80, 24);
        assert!(small.contains("Solved."), "{id}\n{small}");
        assert_eq!(walk.state.memory().labs, [id]);
    }
}

#[test]
fn a_sentence_of_ones_own_comes_back_after_a_solution_on_another() {
    let own = "The dog sleeps.";
    for (step, key) in [("lab-pronoun", "!"), ("softmax", "*")] {
        let mut walk = Walk::new(Language::English);
        walk.follow(Some(Effect::Read { sentence: own.into(), changes: Changes::default() }));
        let step = walk.state.lesson.find(step).unwrap();
        update(&mut walk.state, Action::GoTo(step));
        let read = |walk: &Walk| walk.state.passes.reading.as_ref().unwrap().sentence.text.clone();
        walk.press(key);
        walk.press(key);
        assert_ne!(read(&walk), own, "{key}");
        assert!(message(&walk.state).contains("r takes you back to “The dog sleeps.”"), "{key}");
        walk.press("r");
        assert_eq!(read(&walk), own, "{key}");
        walk.press("r");
        assert!(message(&walk.state).contains("nothing is changed"), "{key}");
    }
}

#[test]
fn what_a_task_excludes_does_not_solve_its_lab() {
    for (step, sentence, change) in [
        // Another asker; a word that is no noun; too few words; three words.
        ("lab-pronoun", "The cat ran away. It was very scared.", Some("token.7=it")),
        ("lab-one-word", "The dog saw another dog.", Some("token.4=cat")),
        ("lab-bottleneck", "I don't know.", None),
    ] {
        let mut walk = Walk::new(Language::English);
        let changes = change.into_iter().map(|change| change.parse().unwrap()).collect();
        walk.follow(Some(Effect::Read { sentence: sentence.into(), changes }));
        let step = walk.state.lesson.find(step).unwrap();
        update(&mut walk.state, Action::GoTo(step));
        assert!(words(&walk.state).contains("Not solved yet."), "{}", words(&walk.state));
    }
}

#[test]
fn words_of_several_tokens_are_weighed_whole() {
    let mut walk = Walk::new(Language::English);
    let sentence = "He bought striped shirts.".to_owned();
    walk.follow(Some(Effect::Read { sentence, changes: Changes::default() }));
    let step = walk.state.lesson.find("lab-order").unwrap();
    update(&mut walk.state, Action::GoTo(step));
    assert!(words(&walk.state).contains("Solved."), "{}", words(&walk.state));
}

#[test]
fn a_sentence_without_a_previous_token_head_is_said_to_have_none() {
    let mut walk = Walk::new(Language::English);
    let sentence = "no no no no no".to_owned();
    walk.follow(Some(Effect::Read { sentence, changes: Changes::default() }));
    let step = walk.state.lesson.find("lab-previous").unwrap();
    update(&mut walk.state, Action::GoTo(step));
    let said = words(&walk.state);
    assert!(said.contains("Not solved yet.") && said.contains("no head does so clearly"), "{said}");
    // The solution is another sentence, and then its head.
    for _ in 0..3 {
        walk.press("!");
    }
    let said = words(&walk.state);
    assert!(said.contains("Solved.") && !said.contains("no head does so"), "{said}");
}

#[test]
fn a_lab_about_one_change_says_that_there_are_more() {
    let mut walk = Walk::new(Language::English);
    let said = |walk: &mut Walk, step: &str| {
        let step = walk.state.lesson.find(step).unwrap();
        update(&mut walk.state, Action::GoTo(step));
        words(&walk.state)
    };
    walk.change(["token.11=tired", "decoder.1.cross_attn.head.0=off"]);
    for lab in ["lab-head", "lab-one-word"] {
        let said = said(&mut walk, lab);
        assert!(said.contains("one change alone: r takes all of them back"), "{lab}: {said}");
    }
    walk.follow(Some(Effect::Read { sentence: SENTENCE.into(), changes: Changes::default() }));
    assert!(!said(&mut walk, "lab-head").contains("one change alone"));
}

#[test]
fn what_will_be_learned_changes_no_pass() {
    let mut walk = Walk::new(Language::English);
    walk.change(["teach=Le chien dort.", "rate=0.05"]);
    let step = walk.state.lesson.find("lab-teach").unwrap();
    update(&mut walk.state, Action::GoTo(step));
    let shown = walk.shown();
    assert!(!shown.contains("changed: ") && !shown.contains("writes the same"), "{shown}");
    walk.change(["teach=Le chien dort.", "learn=20"]);
    let reading = walk.state.passes.reading.clone().unwrap();
    let kept = reading.course(ModelName::Transformer).unwrap().held_out.unwrap();
    let shown = walk.shown();
    let both = |x: f32| shown.matches(&lookback::text::spoken(x)).count() > 1;
    assert!(
        [kept.before, kept.after].into_iter().all(both),
        "the pane and the text: {kept:?} {shown}"
    );
}

#[test]
fn another_word_teaches_nothing() {
    let mut walk = Walk::new(Language::English);
    walk.change(["token.11=tired", "learn=1"]);
    let step = walk.state.lesson.find("lab-teach").unwrap();
    update(&mut walk.state, Action::GoTo(step));
    assert!(walk.shown().contains("Not solved yet."), "{}", walk.shown());
    let reading = walk.state.passes.reading.as_ref().unwrap();
    let course = reading.course(ModelName::Transformer).unwrap();
    assert_eq!(
        course.before,
        reading.trace(ModelName::Transformer).output,
        "of the other word too"
    );
}

#[test]
fn a_change_of_one_model_is_not_said_of_another() {
    let mut walk = Walk::new(Language::English);
    walk.change(["teach=Le chien dort.", "learn=1"]);
    for (step, is_changed) in [("lab-teach", true), ("lab-previous", false)] {
        let step = walk.state.lesson.find(step).unwrap();
        update(&mut walk.state, Action::GoTo(step));
        let shown = walk.shown();
        assert_eq!(shown.contains("All numbers are your changed run's"), is_changed, "{shown}");
        assert_eq!(shown.contains("other models changed: "), !is_changed, "{shown}");
    }
    for step in ["accuracy", "training"] {
        let step = walk.state.lesson.find(step).unwrap();
        update(&mut walk.state, Action::GoTo(step));
        assert!(!walk.shown().contains("All numbers are"), "what is recorded stays");
    }
}

#[test]
fn what_was_solved_in_an_earlier_walk_is_known() {
    let memory = Memory { labs: vec!["lab-tokens".into()], ..Memory::default() };
    let earlier = EarlierWalks { memory, ..EarlierWalks::default() };
    let mut walk = Walk::after(earlier, Language::English);
    let step = walk.state.lesson.find("lab-tokens").unwrap();
    update(&mut walk.state, Action::GoTo(step));
    assert!(walk.shown().contains("Solved before."), "{}", walk.shown());
    let mut other = Walk::new(Language::English);
    press(&mut other.state, "!");
    assert!(message(&other.state).contains("no lab here"));
}
