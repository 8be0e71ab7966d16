//! Action in, state out.

use std::sync::Arc;

use tui_input::{Input, InputRequest};

use super::{Action, Command, Effect, Message, Overlay, Pick, Prompt, State, Times, Unread};
use crate::{
    analysis::reading::Reading,
    engine::change::Changes,
    text::{Sentence, visible},
};

/// The most characters a typed or pasted sentence keeps; far more than the models read.
const LONGEST_LINE: usize = 16_384;

/// Changes the state as the action says. What is left for the world to do is handed back.
pub fn update(state: &mut State, action: Action) -> Option<Effect> {
    let effect = answer(state, action);
    state.marks = state.operands();
    state.follow = state.to_follow();
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
            typed(state, request);
        }
        Action::Paste(text) => {
            state.stop_playing();
            paste(state, &text);
        }
        Action::Choose(row) => state.choose(row),
        Action::Unbound(key) => {
            state.stop_playing();
            state.note(format!("{key} does nothing here; ? shows the keys"));
        }
        Action::Read(outcome) => read(state, outcome),
        Action::Opened(of, opened) => state.opened_block(&of, opened),
        Action::Measured => {}
        Action::Looked => state.looking = None,
        Action::Timed(times) => state.times = Times::Known(times),
        Action::Resize(width, height) => state.size = (width, height),
        Action::Point(place) => state.point(place),
        Action::GoTo(step) => state.jump_to(step),
        Action::Scroll(lines) => state.scroll_by(lines),
        Action::Ground(ground) => state.suit(ground),
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
        (_, Overlay::None) if !state.inspector.is_empty() => in_inspector(state, command),
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
            None => state.note("this is the last step; g goes back to the first"),
        },
        Command::PreviousStep => match state.stop_before() {
            Some(step) => state.enter(step),
            None => state.note("this is the first step"),
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
        Command::FindCell => state.palette("find: "),
        Command::FindAgain => state.seek_again(),
        Command::Seek(finder) => state.seek(finder, false),
        Command::Switch(switch) => return state.switch(switch),
        Command::Reset => return state.reset(),
        Command::Difference => state.toggle_difference(),
        Command::SetNumber => state.type_change(None),
        Command::Temperature => state.type_change(Some("temperature=")),
        Command::Palette => state.palette(""),
        Command::Edit => state.edit(None),
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
        Command::Leave => state.note("nothing is open; q ends Lookback"),
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
        Command::Quit => state.inspector.clear(),
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
            state.inspector.clear();
            return walk(state, command);
        }
    }
    None
}

fn in_help(state: &mut State, command: Command) -> Option<Effect> {
    match command {
        Command::Help | Command::Accept => state.overlay = Overlay::None,
        _ => state.note("Esc leaves the help"),
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
            None => state.wrong("no step matches; Esc leaves the search"),
        },
        Command::Move(rows, _) => {
            let last = found.len().saturating_sub(1);
            if let Overlay::Find { chosen, .. } = &mut state.overlay {
                *chosen = chosen.saturating_add_signed(rows).min(last);
            }
        }
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
        state.wrong("the sentence is empty; type a few words, as in \"The dog sleeps.\"");
        return None;
    }
    state.overlay = Overlay::None;
    state.pending = Some(text.clone());
    state.changes = Changes::default();
    Some(Effect::Read(text, Changes::default()))
}

fn picked(state: &mut State, pick: Pick) -> Option<Effect> {
    state.message = None;
    state.overlay = Overlay::None;
    match pick {
        Pick::Command(command) => return run(state, command),
        Pick::Step(step) => {
            state.inspector.clear();
            state.enter(step);
        }
        Pick::Change(change) => return state.change(change),
        Pick::Open(model, address) => state.go_to(model, &address),
        Pick::Nothing(why) => state.wrong(why),
    }
    None
}

fn typed(state: &mut State, request: InputRequest) {
    match &mut state.overlay {
        Overlay::Edit { sentence: line } | Overlay::Export(Prompt { path: line, .. }) => {
            let is_full = line.value().len() >= LONGEST_LINE;
            if !(is_full && matches!(request, InputRequest::InsertChar(_))) {
                line.handle(request);
            }
        }
        Overlay::Find { query, chosen }
        | Overlay::Glossary { query, chosen }
        | Overlay::Palette { query, chosen } => {
            query.handle(request);
            *chosen = 0;
        }
        Overlay::None | Overlay::Help { .. } | Overlay::Bookmarks { .. } => {}
    }
}

/// Pasted text goes into the line being typed; over the walk it becomes the next sentence to edit.
fn paste(state: &mut State, text: &str) {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    state.message = None;
    match &mut state.overlay {
        Overlay::Edit { sentence: line } | Overlay::Export(Prompt { path: line, .. }) => {
            insert(line, &text);
        }
        Overlay::Find { query, chosen }
        | Overlay::Glossary { query, chosen }
        | Overlay::Palette { query, chosen } => {
            insert(query, &text);
            *chosen = 0;
        }
        Overlay::None | Overlay::Help { .. } | Overlay::Bookmarks { .. } => {
            state.edit(Some(text));
        }
    }
}

fn insert(line: &mut Input, text: &str) {
    let at = line.cursor();
    let room = LONGEST_LINE.saturating_sub(line.value().chars().count());
    let text: String = text.chars().take(room).collect();
    let (before, after): (String, String) =
        (line.value().chars().take(at).collect(), line.value().chars().skip(at).collect());
    let cursor = at + text.chars().count();
    *line = Input::new(before + &text + &after).with_cursor(cursor);
}

fn read(state: &mut State, outcome: Result<Arc<Reading>, Unread>) {
    match outcome {
        Ok(reading) => {
            state.pending = None;
            let heading_for = state.heading_for.take();
            let before = state.reading.replace(Arc::clone(&reading));
            if before.is_some_and(|before| before.sentence.text == reading.sentence.text) {
                state.changed(&reading);
                return;
            }
            if let Some(note) = never_seen(&reading.sentence) {
                state.note(note);
            }
            state.inspector.clear();
            state.has_picked_row = false;
            state.guide.forget();
            state.enter(heading_for.unwrap_or(state.step));
        }
        Err(unread) => not_read(state, unread),
    }
}

fn not_read(state: &mut State, Unread { sentence, why }: Unread) {
    if state.pending.as_ref().is_some_and(|asked| *asked != sentence) {
        return; // another one has been asked for since
    }
    state.pending = None;
    if let Some(reading) = state.reading.as_ref().filter(|r| r.sentence.text == sentence) {
        // A what-if that cannot be: what is shown stays as it is.
        state.changes = (*reading.changes).clone();
    } else {
        state.heading_for = None;
        // Whoever has gone on to something else meanwhile is told, and not called back.
        if matches!(state.overlay, Overlay::None) {
            state.edit(Some(sentence));
        }
    }
    state.wrong(why);
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
    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.message = Some(Message { text: visible(&text.into()), is_error: false });
    }

    pub(super) fn wrong(&mut self, text: impl Into<String>) {
        self.message = Some(Message { text: visible(&text.into()), is_error: true });
    }

    /// Begins to edit a sentence: the given one, else the one being read or on the screen.
    fn edit(&mut self, text: Option<String>) {
        let read = || self.reading.as_ref().map(|r| r.sentence.text.clone());
        let shown = || self.pending.clone().or_else(read).unwrap_or_default();
        let text: String = text.unwrap_or_else(shown).chars().take(LONGEST_LINE).collect();
        self.overlay = Overlay::Edit { sentence: Input::new(text) };
    }
}
