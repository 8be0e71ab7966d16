//! Applies actions to the state: parts answer with a [`Reply`], which is carried out here.

use std::time::Duration;

use ratatui::layout::Size;
use tui_input::Input;

use super::{
    Action, Command, Effect, Overlay, PaletteChoice, ReadingTimes, SMALLEST, State, TypedKey,
    ViewKey,
    background::request_shown,
    export, labs,
    overlay_commands::run_in_overlay,
    reply::{Notice, Reply},
    results::{take_opened_block, take_outcome},
    theme,
};
use crate::lesson::tr;

/// Applies an action to the state; returns the work left for the caller.
pub fn update(state: &mut State, action: Action) -> Option<Effect> {
    let reply = apply(state, action);
    let effect = settle(state, reply);
    note_solved_lab(state);
    state.inspector.marks = state.inspector.operand_marks();
    state.inspector.operand_pane = state.operand_pane();
    effect.or_else(|| request_shown(state))
}

/// Carries out a reply; returns the work left for the caller.
fn settle(state: &mut State, reply: Reply) -> Option<Effect> {
    let Reply { overlay, step, notice, effect } = reply;
    if let Some(overlay) = overlay {
        state.overlay = overlay;
    }
    if let Some(step) = step {
        state.enter(step);
    }
    if let Some(notice) = notice {
        state.show_notice(notice);
    }
    effect
}

/// Keeps that a lab is solved, once it is.
fn note_solved_lab(state: &mut State) {
    let (_, step) = state.lesson.step(state.nav.step);
    if step.lab.is_some() && !state.saved.has_solved(&step.id) && state.solves_lab() {
        state.saved.solve(step.id.clone());
    }
}

fn apply(state: &mut State, action: Action) -> Reply {
    let language = state.lesson.language;
    if is_of_user(&action) {
        // A key or a click shows everything at once.
        state.animation.beat = None;
    }
    match action {
        Action::Do(command) => return run_command_of_user(state, command),
        Action::Pick(pick) => return run_choice(state, pick),
        Action::Type(request) => {
            state.message = None;
            state.overlay.edit_line(request);
        }
        Action::Paste(text) => {
            stop_playing(state);
            state.message = None;
            state.overlay.paste(&text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        Action::Dismiss => (state.overlay, state.message) = (Overlay::None, None),
        Action::Choose(row) => state.overlay.choose(row),
        Action::Unbound(key) => {
            stop_playing(state);
            let key = language.tr(&key);
            return Reply::says(tr!(language, "{key} does nothing here; ? shows the keys", key));
        }
        Action::CannotSuspend => {
            stop_playing(state);
            return Reply::says("Ctrl-Z does nothing here: there is no shell to go back to");
        }
        Action::Read(outcome) => return take_outcome(state, outcome),
        Action::BlockOpened { of, opened } => return take_opened_block(state, &of, opened),
        Action::Measured if state.guide.question_to_come == Some(state.nav.step) => {
            return state.ask_question().into();
        }
        Action::Measured => {}
        Action::LensComputed => state.passes.finish_lens(),
        Action::AttentionMapComputed => state.passes.finish_attention(),
        Action::TimesMeasured(times) => state.passes.times = ReadingTimes::Known(times),
        Action::Resize(size) => state.size = size,
        Action::Point(place) => state.point_at(place),
        Action::GoTo(step) => return jump_to(state, step),
        Action::Scroll(lines) => {
            let (_, last) = state.page_and_last_offset();
            state.nav.scroll_by(lines, last);
        }
        Action::Background(background) => {
            theme::set_background(&mut state.theme, background, state.follows_background);
        }
        Action::FreePathFound(path) => state.overlay.take_free_path(path),
        Action::ExportRefused(refusal) => return refusal.reopened(),
        Action::Exported(outcome) => return state.exports.report(outcome).into(),
        Action::Copied(outcome) => return export::copied(outcome, language).into(),
        Action::Tick(elapsed) => return advance_time(state, elapsed),
    }
    Reply::NONE
}

/// Runs a command that the person gave: it ends playing, unless it is about that.
fn run_command_of_user(state: &mut State, command: Command) -> Reply {
    state.message = None;
    if !matches!(command, Command::Play | Command::Pace(_)) {
        stop_playing(state);
    }
    run_command(state, command)
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

/// Stops page turning when another key is pressed.
fn stop_playing(state: &mut State) {
    if let Some(notice) = state.guide.stop_playing() {
        state.show_notice(notice);
    }
}

/// Enters a step, unless an overlay is open.
fn jump_to(state: &mut State, step: usize) -> Reply {
    if !state.overlay.is_none() {
        return Reply::NONE;
    }
    state.message = None;
    Reply::enters(step)
}

/// Adds elapsed time to the beats of a step and to automatic page turning.
fn advance_time(state: &mut State, elapsed: Duration) -> Reply {
    if !state.is_exporting() {
        state.animation.tick(elapsed);
    }
    if state.passes.reading.is_none() || !state.overlay.is_none() {
        return Reply::NONE;
    }
    let spent = state.guide.spend(elapsed);
    if spent.is_none_or(|spent| spent < state.reading_time()) {
        return Reply::NONE;
    }
    let Some(step) = state.guide.next_stop(&state.lesson, state.nav.step) else {
        return state.guide.end_playing().into();
    };
    state.message = None;
    Reply::enters(step)
}

fn run_command(state: &mut State, command: Command) -> Reply {
    match (command, &state.overlay) {
        (Command::QuitNow, _) => Reply::asks(Effect::Quit),
        (Command::Suspend, _) => Reply::asks(Effect::Suspend),
        (_, Overlay::None) if state.inspector.is_open() => run_in_inspector(state, command),
        (_, Overlay::None) => run_in_walk(state, command),
        (Command::Leave | Command::Quit, _) => Reply::opens(Overlay::None),
        _ => run_in_overlay(state, command),
    }
}

fn run_in_walk(state: &mut State, command: Command) -> Reply {
    if let Some(reply) = run_in_quiz(state, command) {
        return reply;
    }
    let language = state.lesson.language;
    match command {
        Command::NextStep => state.step_after(),
        Command::PreviousStep => state.step_before(),
        Command::NextChapter => state.chapter_start(Some(state.current().0 + 1)),
        Command::PreviousChapter => state.chapter_start_before(),
        Command::Chapter(n) => state.chapter_start(Some(n)),
        Command::FirstStep => Reply::enters(0),
        Command::LastStep => Reply::enters(state.n_steps() - 1),
        Command::Palette => Reply::opens(Overlay::palette("")),
        Command::FindCell => Reply::opens(Overlay::palette(language.tr("find: "))),
        Command::Edit => Reply::opens(Overlay::edit(&state.passes.text_to_edit())),
        Command::Find => Reply::opens(Overlay::Find { query: Input::default(), chosen: 0 }),
        Command::Help => Reply::opens(Overlay::Help { first: 0 }),
        Command::Bookmarks => state.bookmark_list(),
        Command::Glossary => glossary(state),
        Command::Export => begin_export(state),
        Command::Copy if state.passes.reading.is_some() => Reply::asks(Effect::Copy),
        Command::Copy => Reply::says("nothing is read yet; there is no frame to copy"),
        Command::Type(key) => type_in_palette(state, key),
        Command::Bookmark => {
            let (_, step) = state.lesson.step(state.nav.step);
            state.saved.toggle(&step.id).into()
        }
        Command::Resume => resume(state),
        Command::NextTheme => {
            theme::next(&mut state.theme, &mut state.follows_background, language).into()
        }
        Command::Lab => labs::help(state),
        Command::Deeper => toggle_deeper(state).into(),
        Command::Tour => state.guide.toggle_tour(&state.lesson, state.nav.step),
        Command::Questions => state.guide.toggle_questions().into(),
        Command::Play => state.guide.toggle_play().into(),
        Command::Pace(by) => state.guide.pace_by(by, language).into(),
        Command::Quit | Command::QuitNow => Reply::asks(Effect::Quit),
        Command::Suspend => Reply::asks(Effect::Suspend),
        _ => run_on_panes(state, command),
    }
}

/// Runs a command on what the step shows: its cells, maps and passes.
fn run_on_panes(state: &mut State, command: Command) -> Reply {
    let language = state.lesson.language;
    match command {
        Command::NextPane => state.focus_by(1).into(),
        Command::PreviousPane => state.focus_by(-1).into(),
        Command::Move(rows, cols) => state.move_by(rows, cols).into(),
        Command::Screen(rows, cols) => {
            let (rows, cols) = state.cells_of_screens(rows, cols);
            state.move_by(rows, cols).into()
        }
        Command::Layer(by) => state.layer_by(by).into(),
        Command::Head(by) => state.select_head_by(by).into(),
        Command::Page(by) => {
            let (page, last) = state.page_and_last_offset();
            state.nav.page_by(by, page, last).into()
        }
        Command::Zoom(by) => state.zoom_by(by).into(),
        Command::Sort => state.sort_next().into(),
        Command::FindAgain => match state.nav.last_finder {
            Some(finder) => state.find_cell(finder, true).into(),
            None => Reply::opens(Overlay::palette(language.tr("find: "))),
        },
        Command::RunFinder(finder) => state.find_cell(finder, false).into(),
        Command::Follow => {
            let found = state.followed_under_cursor();
            state.nav.follow(found).into()
        }
        Command::View(key) => change_view(state, key).into(),
        Command::Work => state.toggle_patching(),
        Command::Unfold => unfold_again(state).into(),
        Command::Accept => inspect(state).into(),
        Command::Leave => leave(state),
        Command::StarPair if state.lesson.shelf.is_empty() => {
            Reply::says("the star pair is for the built-in models; i types a sentence")
        }
        Command::StarPair => Reply::asks(state.passes.request_star_pair()),
        Command::ToggleWhatIf(key) => match state.what_if(key) {
            Ok(change) => state.passes.toggle(change, language),
            Err(notice) => notice.into(),
        },
        Command::Learn(steps) => {
            let model = state.current().1.model;
            state.passes.learn(model, steps, language)
        }
        Command::Reset => state.passes.reset(language),
        Command::Difference => state.toggle_difference().into(),
        Command::FirstDifference => state.go_to_first_difference().into(),
        _ => Reply::NONE,
    }
}

/// Runs a command on the open question; None if there is none or it does not handle the command.
fn run_in_quiz(state: &mut State, command: Command) -> Option<Reply> {
    if command != Command::Accept {
        return state.guide.run_in_quiz(command);
    }
    let (_, step) = state.lesson.step(state.nav.step);
    if !state.guide.answer(&step.id, state.lesson.language) {
        return None;
    }
    state.nav.scroll = 0;
    state.unfold();
    Some(Reply::NONE)
}

fn glossary(state: &State) -> Reply {
    if state.lesson.glossary.is_empty() {
        return Reply::says("this lesson has no glossary");
    }
    Reply::opens(Overlay::Glossary { query: Input::default(), chosen: 0 })
}

/// Opens the input of a path for the frame in view.
fn begin_export(state: &State) -> Reply {
    let Size { width, height } = state.size;
    if state.passes.reading.is_none() {
        return Reply::says("nothing is read yet; there is no frame to export");
    }
    if width < SMALLEST.width || height < SMALLEST.height {
        return Reply::NONE;
    }
    state.exports.begin(&state.lesson.file_stem(state.nav.step))
}

fn type_in_palette(state: &State, key: TypedKey) -> Reply {
    match key {
        TypedKey::Target => state.type_target(),
        TypedKey::EvidenceWords => state.type_evidence_words(),
        TypedKey::OtherSentence => state.type_other_sentence(),
        TypedKey::Number => state.type_change(None),
        TypedKey::Temperature => state.type_change(Some("temperature=")),
    }
}

/// Resumes where the last walk ended.
fn resume(state: &mut State) -> Reply {
    let Some(last) = state.saved.last() else { return Reply::says("no earlier walk is saved") };
    let step = state.lesson.find(&last.step).unwrap_or(0);
    state.passes.request_at(step, last.sentence.clone())
}

fn toggle_deeper(state: &mut State) -> Notice {
    let n_lines_before = state.n_narration_lines();
    let notice = state.guide.toggle_deeper();
    // If not everything fits, scroll to the new paragraph.
    state.nav.scroll = if state.guide.is_deeper { n_lines_before } else { 0 };
    notice
}

/// Unfolds the step because the person asks for it.
fn unfold_again(state: &mut State) -> Option<Notice> {
    if !state.animation.may_move() {
        return Some("nothing moves: motion is turned off".into());
    }
    state.unfold();
    None
}

/// Opens the number under the cursor, or zooms into the head under it.
fn inspect(state: &mut State) -> Option<Notice> {
    if state.walks_heads() {
        return state.zoom_into_head();
    }
    if state.passes.reading.is_none() || state.focused().is_none() {
        return None;
    }
    let Some((model, arithmetic)) = state.number_under_cursor() else {
        return Some("there is no number to open here; Tab goes to another pane".into());
    };
    state.inspector.begin(model, arithmetic);
    None
}

/// Closes the zoomed head, or stops the maps that are being computed.
fn leave(state: &mut State) -> Reply {
    if state.zoom_out_of_head() {
        return Reply::NONE;
    }
    let nothing = || Reply::says("nothing is open; q ends Lookback");
    state.stop_patching().unwrap_or_else(nothing)
}

fn change_view(state: &mut State, key: ViewKey) -> Notice {
    let language = state.lesson.language;
    match key {
        ViewKey::Attention => next_attention_form(state),
        ViewKey::Logarithmic => state.nav.toggle_logarithmic(),
        ViewKey::FirstToken => state.nav.toggle_first_token(),
        ViewKey::ByWord | ViewKey::ForOutput if !counts_words(state) => {
            "this step does not say which words counted; E and & are for a step that does".into()
        }
        ViewKey::ByWord => state.nav.toggle_by_word(),
        ViewKey::ForOutput => state.nav.toggle_for_output(),
        ViewKey::Threshold(by) => {
            if !state.specs().iter().any(|spec| spec.kind.has_threshold()) {
                return "this step shows no flow graph, whose threshold could be moved".into();
            }
            match state.shown_threshold() {
                Some(shown) => state.nav.move_threshold(shown, by, language),
                None => "the flow graph is not computed yet".into(),
            }
        }
    }
}

/// Whether a pane of the step says which words counted.
fn counts_words(state: &State) -> bool {
    state.specs().iter().any(|spec| spec.kind.counts_words())
}

/// Shows the next form of attention that the model has, instead of the weights.
fn next_attention_form(state: &mut State) -> Notice {
    let Some((model, path)) = state.shown_attention() else {
        return "this step shows no map of attention; C changes what one shows".into();
    };
    let lacks = |form| state.passes.lacks(model, &path, form);
    let notice = state.nav.next_attention_form(lacks, state.lesson.language);
    state.clamp();
    notice
}

/// Runs a command over an open number: it chooses operands, or changes the reading; other commands close the number
/// first.
fn run_in_inspector(state: &mut State, command: Command) -> Reply {
    match command {
        Command::Accept => return show_pass_or_operand(state),
        Command::Leave => state.inspector.close_last(),
        Command::Quit => state.inspector.close(),
        Command::Move(terms, operands) => return state.inspector.choose(terms, operands).into(),
        Command::ToggleWhatIf(_)
        | Command::Learn(_)
        | Command::Type(
            TypedKey::Target | TypedKey::EvidenceWords | TypedKey::Number | TypedKey::Temperature,
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
    Reply::NONE
}

/// Requests the pass that the open number was read from; opens the chosen operand of a number of the pass on the screen.
fn show_pass_or_operand(state: &mut State) -> Reply {
    let Some(pass) = state.pass_of_open_number() else {
        let reading = state.passes.reading.as_deref();
        return state.inspector.open_operand(reading, state.lesson.language).into();
    };
    state.inspector.close();
    let notice = "reading it again with that value put in; v shows what differs, r goes back";
    Reply { effect: state.passes.request_other(pass, state.nav.step), ..Reply::says(notice) }
}

fn run_choice(state: &mut State, pick: PaletteChoice) -> Reply {
    state.message = None;
    state.overlay = Overlay::None;
    match pick {
        PaletteChoice::Command(command) => run_command(state, command),
        PaletteChoice::Step(step) => {
            state.inspector.close();
            Reply::enters(step)
        }
        PaletteChoice::Change(change) => state.passes.change(change, state.lesson.language),
        PaletteChoice::EvidenceWords(changes) => {
            state.passes.change_all(changes, state.lesson.language)
        }
        PaletteChoice::Sentence(text) => Reply::asks(state.passes.request_sentence(text)),
        PaletteChoice::Open(model, address) => state.go_to(model, &address).into(),
        PaletteChoice::Nothing(why) => Reply::fails(why),
    }
}
