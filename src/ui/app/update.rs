//! Action in, state out.

use std::sync::Arc;

use tui_input::Input;

use super::{Action, Command, Effect, Message, Overlay, PaletteChoice, ReadFailure, State, Times};
use crate::{
    analysis::reading::Reading,
    text::{Sentence, visible},
};

/// Changes the state as the action says. What is left for the world to do is handed back.
pub fn update(state: &mut State, action: Action) -> Option<Effect> {
    let effect = answer(state, action);
    state.inspector.marks = state.operands();
    state.inspector.follow = state.to_follow();
    let effect = effect.or_else(|| state.ask_for_inside()).or_else(|| state.ask_for_lens());
    effect.or_else(|| state.ask_for_times())
}

fn answer(state: &mut State, action: Action) -> Option<Effect> {
    match action {
        Action::Do(command) => {
            state.message = None;
            if !matches!(command, Command::Play | Command::Pace(_)) {
                state.stop_playing();
            }
            return run(state, command);
        }
        Action::Pick(pick) => return picked(state, pick),
        Action::Type(request) => {
            state.message = None;
            state.overlay.typed(request);
        }
        Action::Paste(text) => {
            state.stop_playing();
            state.message = None;
            state.overlay.paste(&text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        Action::Choose(row) => state.overlay.choose(row),
        Action::Unbound(key) => {
            state.stop_playing();
            state.show_message(format!("{key} does nothing here; ? shows the keys"));
        }
        Action::Read(outcome) => read(state, outcome),
        Action::Opened(of, opened) => state.opened_block(&of, opened),
        Action::Measured => {}
        Action::Looked => state.passes.looked(),
        Action::Timed(times) => state.passes.times = Times::Known(times),
        Action::Resize(width, height) => state.size = (width, height),
        Action::Point(place) => state.point(place),
        Action::GoTo(step) => state.jump_to(step),
        Action::Scroll(lines) => state.scroll_by(lines),
        Action::Background(ground) => state.suit(ground),
        Action::Named(path) => state.named(path),
        Action::Refused(refusal) => state.refused(refusal),
        Action::Exported(outcome) => state.exported(outcome),
        Action::Copied(outcome) => state.copied(outcome),
        Action::Tick(elapsed) => {
            state.move_by_itself(elapsed);
            state.tick(elapsed);
        }
    }
    None
}

fn run(state: &mut State, command: Command) -> Option<Effect> {
    match (command, &state.overlay) {
        (Command::End, _) => Some(Effect::Quit),
        (Command::Suspend, _) => Some(Effect::Suspend),
        (_, Overlay::None) if state.inspector.is_open() => in_inspector(state, command),
        (_, Overlay::None) => walk(state, command),
        (Command::Leave | Command::Quit, _) => {
            state.overlay = Overlay::None;
            None
        }
        (_, Overlay::Help { .. }) => in_help(state, command),
        (_, Overlay::Find { .. }) => in_find(state, command),
        (_, Overlay::Bookmarks { .. }) => state.in_bookmarks(command),
        (_, Overlay::Edit { .. }) => in_edit(state, command),
        (_, Overlay::Palette { .. }) => None,
        (_, Overlay::Glossary { .. }) => {
            state.in_glossary(command);
            None
        }
        (_, Overlay::Export(_)) => state.in_export(command),
    }
}

fn walk(state: &mut State, command: Command) -> Option<Effect> {
    if state.in_quiz(command) {
        return None;
    }
    let chapter = state.current().0;
    match command {
        Command::NextStep => match state.next_stop() {
            Some(step) => state.enter(step),
            None => state.show_message("this is the last step; g goes back to the first"),
        },
        Command::PreviousStep => match state.stop_before() {
            Some(step) => state.enter(step),
            None => state.show_message("this is the first step"),
        },
        Command::NextChapter => state.enter_chapter(Some(chapter + 1)),
        Command::PreviousChapter => state.step_back_a_chapter(),
        Command::Chapter(n) => state.enter_chapter(Some(n)),
        Command::FirstStep => state.enter(0),
        Command::LastStep => state.enter(state.n_steps() - 1),
        Command::NextPane => state.focus_by(1),
        Command::PreviousPane => state.focus_by(-1),
        Command::Move(rows, cols) => state.move_by(rows, cols),
        Command::Layer(by) => state.layer_by(by),
        Command::Head(by) => state.head_by(by),
        Command::Page(by) => state.page_by(by),
        Command::Screen(rows, cols) => state.screen_by(rows, cols),
        Command::Zoom(by) => state.zoom_by(by),
        Command::Sort => state.sort_next(),
        Command::FindCell => state.overlay = Overlay::palette("find: "),
        Command::FindAgain => state.find_next_cell(),
        Command::Seek(finder) => state.find_cell(finder, false),
        Command::Switch(switch) => return state.switch(switch),
        Command::Reset => return state.reset(),
        Command::Difference => state.toggle_difference(),
        Command::SetNumber => state.type_change(None),
        Command::Temperature => state.type_change(Some("temperature=")),
        Command::Palette => state.overlay = Overlay::palette(""),
        Command::Edit => state.edit(),
        Command::Export => return state.export(),
        Command::Copy => return state.copy(),
        Command::Find => state.overlay = Overlay::Find { query: Input::default(), chosen: 0 },
        Command::Help => state.overlay = Overlay::Help { first: 0 },
        Command::Bookmark => state.toggle_bookmark(),
        Command::Bookmarks => state.list_bookmarks(),
        Command::Resume => return state.resume(),
        Command::NextTheme => state.next_theme(),
        Command::Accept => state.inspect(),
        Command::Deeper => state.toggle_deeper(),
        Command::Glossary => state.open_glossary(),
        Command::Tour => state.toggle_tour(),
        Command::Questions => state.toggle_questions(),
        Command::Play => state.toggle_play(),
        Command::Pace(by) => state.pace_by(by),
        Command::Leave if state.zoom_out_of_head() => {}
        Command::Leave => state.show_message("nothing is open; q ends Lookback"),
        Command::Quit => return Some(Effect::Quit),
        Command::Suspend | Command::End => {}
    }
    None
}

/// Over an opened number the keys of choosing are its own; all others do what they always do, and
/// those that leave the number's step close it.
fn in_inspector(state: &mut State, command: Command) -> Option<Effect> {
    match command {
        Command::Accept => state.inspect_operand(),
        Command::Leave => state.inspect_back(),
        Command::Quit => state.inspector.close(),
        Command::Move(terms, operands) => state.choose_operand(terms, operands),
        Command::Switch(_)
        | Command::Reset
        | Command::Difference
        | Command::SetNumber
        | Command::Temperature
        | Command::Palette
        | Command::Export
        | Command::Copy
        | Command::Help => return walk(state, command),
        _ => {
            state.inspector.close();
            return walk(state, command);
        }
    }
    None
}

fn in_help(state: &mut State, command: Command) -> Option<Effect> {
    match command {
        Command::Help | Command::Accept => state.overlay = Overlay::None,
        _ => state.show_message("Esc leaves the help"),
    }
    None
}

fn in_find(state: &mut State, command: Command) -> Option<Effect> {
    let Overlay::Find { query, chosen } = &state.overlay else { return None };
    let (found, chosen) = (state.found(query.value()), *chosen);
    match command {
        Command::Accept => match found.get(chosen) {
            Some(&step) => {
                state.overlay = Overlay::None;
                state.enter(step);
            }
            None => state.show_error("no step matches; Esc leaves the search"),
        },
        Command::Move(rows, _) => state.overlay.move_by(rows, found.len()),
        _ => {}
    }
    None
}

fn in_edit(state: &mut State, command: Command) -> Option<Effect> {
    let Overlay::Edit { sentence } = &state.overlay else { return None };
    if command != Command::Accept {
        return None;
    }
    let text = sentence.value().trim().to_owned();
    if text.is_empty() {
        state.show_error("the sentence is empty; type a few words, as in \"The dog sleeps.\"");
        return None;
    }
    state.overlay = Overlay::None;
    Some(state.passes.ask(text))
}

fn picked(state: &mut State, pick: PaletteChoice) -> Option<Effect> {
    state.message = None;
    state.overlay = Overlay::None;
    match pick {
        PaletteChoice::Command(command) => return run(state, command),
        PaletteChoice::Step(step) => {
            state.inspector.close();
            state.enter(step);
        }
        PaletteChoice::Change(change) => return state.change(change),
        PaletteChoice::Open(model, address) => state.go_to(model, &address),
        PaletteChoice::Nothing(why) => state.show_error(why),
    }
    None
}

fn read(state: &mut State, outcome: Result<Arc<Reading>, ReadFailure>) {
    match outcome {
        Ok(reading) => {
            let heading_for = state.passes.heading_for.take();
            if state.passes.read(Arc::clone(&reading)) {
                state.changed(&reading);
                return;
            }
            if let Some(note) = never_seen(&reading.sentence) {
                state.show_message(note);
            }
            state.inspector.close();
            state.nav.picked.row = None;
            state.guide.forget();
            state.enter(heading_for.unwrap_or(state.nav.step));
        }
        Err(unread) => not_read(state, unread),
    }
}

fn not_read(state: &mut State, ReadFailure { sentence, why }: ReadFailure) {
    let Some(is_another) = state.passes.refused(&sentence) else { return };
    // Whoever has gone on to something else meanwhile sees the message and keeps their overlay.
    if is_another && state.overlay.is_none() {
        state.overlay = Overlay::edit(&sentence);
    }
    state.show_error(why);
}

/// What to say of words outside the models' world.
fn never_seen(sentence: &Sentence) -> Option<String> {
    if let Some(unread) = sentence.unread() {
        return Some(unread);
    }
    let first = sentence.unknown.first()?;
    let more = match sentence.unknown.len() {
        1 => String::new(),
        n => format!(" and {} more", n - 1),
    };
    let (word, instead) = (&first.word, first.instead.join(", "));
    Some(format!("never seen in training: \"{word}\"{more}, spelled in bytes; try {instead}"))
}

impl State {
    pub(super) fn show_message(&mut self, text: impl Into<String>) {
        self.message = Some(Message { text: visible(&text.into()), is_error: false });
    }

    pub(super) fn show_error(&mut self, text: impl Into<String>) {
        self.message = Some(Message { text: visible(&text.into()), is_error: true });
    }

    /// Begins to edit the sentence being read, or else the one on the screen.
    fn edit(&mut self) {
        let read = || self.passes.reading.as_ref().map(|r| r.sentence.text.clone());
        let shown = self.passes.pending.clone().or_else(read).unwrap_or_default();
        self.overlay = Overlay::edit(&shown);
    }
}
