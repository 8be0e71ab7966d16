//! Applies actions to the state.

use std::sync::Arc;

use tui_input::Input;

use super::{
    Action, Command, Effect, Message, Overlay, PaletteChoice, ReadFailure, State, Times, TypedKey,
    ViewKey,
};
use crate::{
    analysis::reading::{Reading, STAR_PAIR},
    lesson::{Language, shelf::ShelfSentence, tr},
    text::{Sentence, visible},
    ui::words,
};

/// Applies an action to the state; returns the work left for the caller.
pub fn update(state: &mut State, action: Action) -> Option<Effect> {
    let effect = apply(state, action);
    state.note_solved_lab();
    state.inspector.marks = state.operand_marks();
    state.inspector.operand_pane = state.operand_pane();
    let effect = effect.or_else(|| state.request_block()).or_else(|| state.request_lens());
    let effect = effect.or_else(|| state.request_attention_map());
    effect.or_else(|| state.request_times())
}

fn apply(state: &mut State, action: Action) -> Option<Effect> {
    if is_of_user(&action) {
        // A key or a click shows everything at once.
        state.animation.beat = None;
    }
    match action {
        Action::Do(command) => {
            state.message = None;
            if !matches!(command, Command::Play | Command::Pace(_)) {
                state.stop_playing();
            }
            return run_command(state, command);
        }
        Action::Pick(pick) => return run_choice(state, pick),
        Action::Type(request) => {
            state.message = None;
            state.overlay.edit_line(request);
        }
        Action::Paste(text) => {
            state.stop_playing();
            state.message = None;
            state.overlay.paste(&text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        Action::Dismiss => (state.overlay, state.message) = (Overlay::None, None),
        Action::Choose(row) => state.overlay.choose(row),
        Action::Unbound(key) => {
            state.stop_playing();
            let language = state.lesson.language;
            let key = language.tr(&key);
            state.show_message(tr!(language, "{key} does nothing here; ? shows the keys", key));
        }
        Action::CannotSuspend => {
            state.stop_playing();
            state.show_message("Ctrl-Z does nothing here: there is no shell to go back to");
        }
        Action::Read(outcome) => take_reading(state, outcome),
        Action::BlockOpened { of, opened } => state.take_opened_block(&of, opened),
        Action::Measured => {}
        Action::LensComputed => state.passes.finish_lens(),
        Action::AttentionMapComputed => state.passes.finish_attention(),
        Action::TimesMeasured(times) => state.passes.times = Times::Known(times),
        Action::Resize(width, height) => state.size = (width, height),
        Action::Point(place) => state.point_at(place),
        Action::GoTo(step) => state.jump_to(step),
        Action::Scroll(lines) => state.scroll_by(lines),
        Action::Background(background) => state.set_background(background),
        Action::FreePathFound(path) => state.take_free_path(path),
        Action::ExportRefused(refusal) => state.reopen_prompt(refusal),
        Action::Exported(outcome) => state.report_export(outcome),
        Action::Copied(outcome) => state.report_copy(outcome),
        Action::Tick(elapsed) => {
            state.advance_animation(elapsed);
            state.advance_pages(elapsed);
        }
    }
    None
}

/// Whether an action is what the person did, and not the outcome of work or time.
const fn is_of_user(action: &Action) -> bool {
    matches!(
        action,
        Action::Do(_)
            | Action::Pick(_)
            | Action::Type(_)
            | Action::Paste(_)
            | Action::Choose(_)
            | Action::Unbound(_)
            | Action::CannotSuspend
            | Action::Point(_)
            | Action::GoTo(_)
            | Action::Scroll(_)
    )
}

fn run_command(state: &mut State, command: Command) -> Option<Effect> {
    match (command, &state.overlay) {
        (Command::QuitNow, _) => Some(Effect::Quit),
        (Command::Suspend, _) => Some(Effect::Suspend),
        (_, Overlay::None) if state.inspector.is_open() => run_in_inspector(state, command),
        (_, Overlay::None) => run_in_walk(state, command),
        (Command::Leave | Command::Quit, _) => {
            state.overlay = Overlay::None;
            None
        }
        (_, Overlay::Help { .. }) => run_in_help(state, command),
        (_, Overlay::Find { .. }) => run_in_find(state, command),
        (_, Overlay::Bookmarks { .. }) => state.run_in_bookmarks(command),
        (_, Overlay::Edit { .. }) => run_in_edit(state, command),
        (_, Overlay::Palette { .. }) => None,
        (_, Overlay::Glossary { .. }) => {
            state.run_in_glossary(command);
            None
        }
        (_, Overlay::Export(_)) => state.run_in_export(command),
    }
}

fn step_on(state: &mut State) {
    match state.next_stop() {
        Some(step) => state.enter(step),
        None => state.show_key_hint("this is the last step", "g goes back to the first"),
    }
}

fn step_back(state: &mut State) {
    match state.previous_stop() {
        Some(step) => state.enter(step),
        None => state.show_message("this is the first step"),
    }
}

fn leave(state: &mut State) -> Option<Effect> {
    if state.zoom_out_of_head() {
        return None;
    }
    let effect = state.stop_patching();
    if effect.is_none() {
        state.show_message("nothing is open; q ends Lookback");
    }
    effect
}

fn run_in_walk(state: &mut State, command: Command) -> Option<Effect> {
    if state.run_in_quiz(command) {
        return None;
    }
    match command {
        Command::NextStep => step_on(state),
        Command::PreviousStep => step_back(state),
        Command::NextChapter => state.enter_chapter(Some(state.current().0 + 1)),
        Command::PreviousChapter => state.step_back_a_chapter(),
        Command::Chapter(n) => state.enter_chapter(Some(n)),
        Command::FirstStep => state.enter(0),
        Command::LastStep => state.enter(state.n_steps() - 1),
        Command::NextPane => state.focus_by(1),
        Command::PreviousPane => state.focus_by(-1),
        Command::Move(rows, cols) => state.move_by(rows, cols),
        Command::Layer(by) => state.layer_by(by),
        Command::Head(by) => state.select_head_by(by),
        Command::Page(by) => state.page_by(by),
        Command::Screen(rows, cols) => state.screen_by(rows, cols),
        Command::Zoom(by) => state.zoom_by(by),
        Command::Sort => state.sort_next(),
        Command::FindCell => state.overlay = Overlay::palette(state.lesson.language.tr("find: ")),
        Command::FindAgain => state.find_next_cell(),
        Command::RunFinder(finder) => state.find_cell(finder, false),
        Command::Follow => state.follow_word(),
        Command::Work => return state.toggle_patching(),
        Command::Palette => state.overlay = Overlay::palette(""),
        Command::Edit => state.edit_sentence(),
        Command::Unfold => state.unfold_again(),
        Command::StarPair => return state.read_star_pair(),
        Command::Export => return state.export(),
        Command::Copy => return state.copy(),
        Command::Find => state.overlay = Overlay::Find { query: Input::default(), chosen: 0 },
        Command::Help => state.overlay = Overlay::Help { first: 0 },
        Command::Bookmark => state.toggle_bookmark(),
        Command::Bookmarks => state.list_bookmarks(),
        Command::Resume => return state.resume(),
        Command::NextTheme => state.next_theme(),
        Command::Accept => state.inspect(),
        Command::Lab => return state.help_with_lab(),
        Command::Deeper => state.toggle_deeper(),
        Command::Glossary => state.open_glossary(),
        Command::Tour => state.toggle_tour(),
        Command::Questions => state.toggle_questions(),
        Command::Play => state.toggle_play(),
        Command::Pace(by) => state.pace_by(by),
        Command::Leave => return leave(state),
        Command::View(key) => change_view(state, key),
        Command::ToggleWhatIf(key) => return state.toggle_what_if(key),
        Command::Learn(steps) => return state.learn(steps),
        Command::Type(key) => type_in_palette(state, key),
        Command::Reset => return state.reset(),
        Command::Difference => state.toggle_difference(),
        Command::FirstDifference => state.go_to_first_difference(),
        Command::Quit | Command::QuitNow => return Some(Effect::Quit),
        Command::Suspend => return Some(Effect::Suspend),
    }
    None
}

fn type_in_palette(state: &mut State, key: TypedKey) {
    match key {
        TypedKey::Target => state.type_target(),
        TypedKey::Question => state.type_question(),
        TypedKey::OtherSentence => state.type_other_sentence(),
        TypedKey::Number => state.type_change(None),
        TypedKey::Temperature => state.type_change(Some("temperature=")),
    }
}

fn change_view(state: &mut State, key: ViewKey) {
    match key {
        ViewKey::Attention => state.next_attention_form(),
        ViewKey::Logarithmic => state.toggle_logarithmic(),
        ViewKey::FirstToken => state.toggle_first_token(),
        ViewKey::Threshold(by) => state.move_threshold(by),
    }
}

/// Runs a command over an open number: it chooses operands, or changes the reading; other commands close the number
/// first.
fn run_in_inspector(state: &mut State, command: Command) -> Option<Effect> {
    match command {
        Command::Accept => match state.show_its_pass() {
            None => state.inspect_operand(),
            effect => return effect,
        },
        Command::Leave => state.inspect_back(),
        Command::Quit => state.inspector.close(),
        Command::Move(terms, operands) => state.choose_operand(terms, operands),
        Command::ToggleWhatIf(_)
        | Command::Learn(_)
        | Command::Type(
            TypedKey::Target | TypedKey::Question | TypedKey::Number | TypedKey::Temperature,
        )
        | Command::Reset
        | Command::Difference
        | Command::Palette
        | Command::Export
        | Command::Copy
        | Command::Help => return run_in_walk(state, command),
        _ => {
            state.inspector.close();
            return run_in_walk(state, command);
        }
    }
    None
}

fn run_in_help(state: &mut State, command: Command) -> Option<Effect> {
    match command {
        Command::Help | Command::Accept => state.overlay = Overlay::None,
        _ => state.show_message("Esc leaves the help"),
    }
    None
}

fn run_in_find(state: &mut State, command: Command) -> Option<Effect> {
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

fn run_in_edit(state: &mut State, command: Command) -> Option<Effect> {
    let Overlay::Edit { sentence } = &state.overlay else { return None };
    if let Command::Move(rows, _) = command {
        if let Some(next) = from_shelf(&state.lesson.shelf, sentence.value(), rows) {
            state.overlay = Overlay::edit(&next);
        }
        return None;
    }
    if command != Command::Accept {
        return None;
    }
    let text = sentence.value().trim().to_owned();
    if text.is_empty() {
        state.show_error("the sentence is empty; type a few words, as in \"The dog sleeps.\"");
        return None;
    }
    state.overlay = Overlay::None;
    Some(state.passes.request_sentence(text))
}

/// The sentence of the shelf `rows` after the typed one; the first or the last if that is not on it.
fn from_shelf(shelf: &[ShelfSentence], typed: &str, rows: isize) -> Option<String> {
    let n = shelf.len();
    let next = match shelf.iter().position(|sentence| sentence.text == typed.trim()) {
        Some(i) => (i + n).checked_add_signed(rows)? % n,
        None if rows > 0 => 0,
        None => n.checked_sub(1)?,
    };
    shelf.get(next).map(|sentence| sentence.text.clone())
}

fn run_choice(state: &mut State, pick: PaletteChoice) -> Option<Effect> {
    state.message = None;
    state.overlay = Overlay::None;
    match pick {
        PaletteChoice::Command(command) => return run_command(state, command),
        PaletteChoice::Step(step) => {
            state.inspector.close();
            state.enter(step);
        }
        PaletteChoice::Change(change) => return state.change(change),
        PaletteChoice::Question(changes) => return state.change_all(changes),
        PaletteChoice::Sentence(text) => return Some(state.passes.request_sentence(text)),
        PaletteChoice::Open(model, address) => state.go_to(model, &address),
        PaletteChoice::Nothing(why) => state.show_error(why),
    }
    None
}

fn take_reading(state: &mut State, outcome: Result<Arc<Reading>, ReadFailure>) {
    match outcome {
        Ok(reading) => {
            let step_after_reading = state.passes.step_after_reading.take();
            if state.passes.take_reading(Arc::clone(&reading)) {
                state.take_changed_reading(&reading);
                return;
            }
            if let Some(note) = unknown_words_note(&reading.sentence, state.lesson.language) {
                state.show_message(note);
            }
            state.inspector.close();
            state.nav.picked.row = None;
            state.guide.clear_answers();
            state.enter(step_after_reading.unwrap_or(state.nav.step));
        }
        Err(failure) => take_read_failure(state, failure),
    }
}

fn take_read_failure(state: &mut State, ReadFailure { sentence, why }: ReadFailure) {
    let Some(is_new_sentence) = state.passes.take_failure(&sentence) else { return };
    // If the user has opened an overlay meanwhile, it stays open.
    if is_new_sentence && state.overlay.is_none() {
        state.overlay = Overlay::edit(&sentence);
    }
    state.show_error(why);
}

/// A note on words that the models were not trained on.
fn unknown_words_note(sentence: &Sentence, language: Language) -> Option<String> {
    if let Some(unread) = words::unread(sentence, language) {
        return Some(unread);
    }
    let first = sentence.unknown.first()?;
    let more = match sentence.unknown.len() {
        1 => String::new(),
        n => tr!(language, " and {n} more", n = n - 1),
    };
    let word = words::described(first, language);
    Some(tr!(language, "never seen in training: {word}{more}", word, more))
}

impl State {
    pub(super) fn show_message(&mut self, text: impl Into<String>) {
        let text = visible(self.lesson.language.tr(&text.into()));
        self.message = Some(Message { text, key_hint: None, is_error: false });
    }

    /// Shows a message and, where there are keys, the one that helps.
    pub(super) fn show_key_hint(&mut self, text: &'static str, key_hint: &'static str) {
        let (language, key_hint) = (self.lesson.language, Some(self.lesson.language.tr(key_hint)));
        let text = language.tr(text).to_owned();
        self.message = Some(Message { text, key_hint, is_error: false });
    }

    pub(super) fn show_error(&mut self, text: impl Into<String>) {
        let text = visible(self.lesson.language.tr(&text.into()));
        self.message = Some(Message { text, key_hint: None, is_error: true });
    }

    /// Reads the star pair's first sentence, or the second if the first is shown.
    fn read_star_pair(&mut self) -> Option<Effect> {
        if self.lesson.shelf.is_empty() {
            self.show_message("the star pair is for the built-in models; i types a sentence");
            return None;
        }
        let [first, second] = STAR_PAIR;
        let next = if self.passes.has_sentence(first) { second } else { first };
        Some(self.passes.request_sentence(next.to_owned()))
    }

    /// Opens the input of a sentence, with the pending one or else the one on the screen.
    fn edit_sentence(&mut self) {
        let text_on_screen = || self.passes.reading.as_ref().map(|r| r.sentence.text.clone());
        let text = self.passes.pending.clone().or_else(text_on_screen).unwrap_or_default();
        self.overlay = Overlay::edit(&text);
    }
}
