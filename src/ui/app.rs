//! The walk as a value: what is shown, what is selected, what is typed.
//!
//! [`update`] is the only thing that changes a [`State`]; it draws nothing, reads no sentence and knows
//! no terminal. What the world has to do is handed back as an [`Effect`].

mod action;
mod bookmarks;
mod clock;
mod export;
mod formula;
mod glossary;
mod guide;
mod inspector;
mod insides;
mod layout;
mod looks;
mod moves;
mod point;
mod prose;
mod seek;
mod update;
mod whatif;

use std::{collections::BTreeSet, sync::Arc};

use ratatui::layout::Rect;
use tui_input::Input;

pub use action::{Action, Command, Effect, Pick, Unread};
pub use clock::{Motion, Times};
pub use export::{Desk, Form, Order, Prompt, Refusal, Written};
pub use guide::Guide;
pub use inspector::Level;
use layout::Beneath;
pub use layout::{Plan, SMALLEST};
pub use point::Place;
pub use prose::{Line, Piece, Voice, told, wrap};
pub use update::update;
pub use whatif::Switch;

use crate::{
    analysis::{reading::Reading, trace::Recorded},
    engine::{
        change::Changes,
        site::{Address, Axis, Stream},
    },
    lesson::{Lesson, PaneKind, PaneSpec, Selection, Step},
    model::Name,
    ui::{
        memory::Left,
        panes::{self, Mark, Pane, Scene, View, Wanted},
        theme::Theme,
    },
};

/// The lines that an opened number makes use of.
const OPENED_LINES: usize = 14;

/// Everything the screen is a function of.
pub struct State {
    pub lesson: Arc<Lesson>,
    pub theme: Theme,
    /// Whether the theme is the one that suits the terminal's ground.
    pub follows_ground: bool,
    /// None until the first pass is finished.
    pub reading: Option<Arc<Reading>>,
    /// The sentence that the models are reading now.
    pub pending: Option<String>,
    /// The changes that were asked for; the reading follows.
    pub changes: Changes,
    /// Whether matrices show what the changes made of them.
    pub shows_difference: bool,
    /// Index into the lesson's steps.
    pub step: usize,
    pub selection: Selection,
    /// Whether the person chose the row; a step's own choice then stays out of the way.
    pub has_picked_row: bool,
    /// The pane with the cell cursor.
    pub focus: usize,
    pub view: View,
    /// One head's matrix in the place of the step's panes.
    pub zoomed: Option<seek::Zoomed>,
    /// What was looked for last, among the finders.
    pub sought: Option<usize>,
    /// Lines of the narration that are scrolled away.
    pub scroll: usize,
    pub overlay: Overlay,
    /// Opened numbers, each an operand of the one before.
    pub inspector: Vec<Level>,
    /// The operands of the opened number, for the panes.
    pub marks: Vec<Mark>,
    /// A pane of the chosen operand's site, where the step has none, and the cell it looks at.
    pub follow: Option<(PaneSpec, Selection)>,
    /// The moment that animated panes show; None shows everything at once.
    pub beat: Option<usize>,
    pub motion: Motion,
    /// How long reading takes on this machine.
    pub times: Times,
    pub message: Option<Message>,
    /// Ids of the steps that are marked.
    pub bookmarks: BTreeSet<String>,
    /// Where the walk before this one ended.
    pub last: Option<Left>,
    /// Where this one began.
    began: Option<Left>,
    /// The step to go to when the sentence that is being read has been read.
    heading_for: Option<usize>,
    /// The block that is being opened, by a path in it.
    opening: Option<String>,
    /// A number to open as soon as its block is there.
    to_inspect: Option<(Name, Address)>,
    /// The row from which somebody looks through the lens.
    looking: Option<usize>,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// Questions, further paragraphs, the tour, pages that turn by themselves.
    pub guide: Guide,
    /// What frames can be written as, and where.
    pub desk: Desk,
}

/// What lies over the walk.
#[derive(Clone, Debug, Default)]
pub enum Overlay {
    #[default]
    None,
    /// The keys, from this row on.
    Help { first: usize },
    /// Looking for a step.
    Find { query: Input, chosen: usize },
    /// The marked steps.
    Bookmarks { chosen: usize },
    /// Typing another sentence.
    Edit { sentence: Input },
    /// Looking for anything that can be done.
    Palette { query: Input, chosen: usize },
    /// Looking for what a word means.
    Glossary { query: Input, chosen: usize },
    /// Saying where the frame goes.
    Export(Prompt),
}

/// A line for the person, until the next key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub text: String,
    pub is_error: bool,
}

/// The token that the cursor's row stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub stream: Stream,
    pub index: usize,
    pub text: String,
}

impl State {
    /// The first step of a lesson, before any sentence is read.
    pub fn new(lesson: Arc<Lesson>, theme: Theme) -> Self {
        Self {
            lesson,
            theme,
            follows_ground: false,
            reading: None,
            pending: None,
            changes: Changes::default(),
            shows_difference: false,
            step: 0,
            selection: Selection::default(),
            has_picked_row: false,
            focus: 0,
            view: View::default(),
            zoomed: None,
            sought: None,
            scroll: 0,
            overlay: Overlay::None,
            inspector: vec![],
            marks: vec![],
            follow: None,
            beat: None,
            motion: Motion::Still,
            times: Times::Unasked,
            message: None,
            bookmarks: BTreeSet::new(),
            last: None,
            began: None,
            heading_for: None,
            opening: None,
            to_inspect: None,
            looking: None,
            size: SMALLEST,
            guide: Guide::default(),
            desk: Desk::default(),
        }
    }

    pub fn n_steps(&self) -> usize {
        self.lesson.chapters.iter().map(|chapter| chapter.steps.len()).sum()
    }

    /// The step on the screen, with the index of its chapter.
    ///
    /// # Panics
    /// If the lesson has no step; the embedded one has.
    pub fn current(&self) -> (usize, &Step) {
        self.lesson.steps()[self.step]
    }

    /// The index of a chapter's first step.
    pub fn first_of(&self, chapter: usize) -> Option<usize> {
        let chapters = &self.lesson.chapters;
        (chapter < chapters.len())
            .then(|| chapters[..chapter].iter().map(|chapter| chapter.steps.len()).sum())
    }

    /// What is to be shown: the step's panes, or one head that was zoomed into.
    pub fn specs(&self) -> &[PaneSpec] {
        match &self.zoomed {
            Some(zoomed) => std::slice::from_ref(&zoomed.spec),
            None => &self.current().1.panes,
        }
    }

    /// The panes of the step; none while nothing is read.
    pub fn panes(&self) -> Vec<Box<dyn Pane + '_>> {
        let Some(reading) = &self.reading else { return vec![] };
        let (_, step) = self.current();
        let scene = |spec: &PaneSpec, selection, focused| Scene {
            reading,
            model: step.model_of(spec),
            selection,
            theme: &self.theme,
            focused,
            marks: &self.marks,
            shows_difference: self.shows_difference,
            beat: self.beat,
            times: self.times.known(),
            view: self.view,
        };
        let of = |(i, spec): (usize, &_)| {
            panes::of(spec, scene(spec, self.selection_for(spec), i == self.focus))
        };
        let mut panes: Vec<_> = self.specs().iter().enumerate().map(of).collect();
        if let Some((spec, selection)) = &self.follow {
            let pane = panes::of(spec, scene(spec, *selection, false));
            match (0..panes.len()).rev().find(|&i| i != self.focus) {
                Some(i) => panes[i] = pane,
                None => panes.push(pane),
            }
        }
        panes
    }

    /// What is selected, as the axes of a pane have it.
    fn selection_for(&self, spec: &PaneSpec) -> Selection {
        self.selection.swap_axes(self.has_queries_apart(), self.has_a_plane_a_query(spec))
    }

    /// What is selected, for the words of the step: they speak of rows.
    fn selection_in_words(&self) -> Selection {
        self.selection.swap_axes(self.has_queries_apart(), false)
    }

    /// Whether the focused pane has a plane for each query.
    fn has_queries_apart(&self) -> bool {
        self.focused().is_some_and(|spec| self.has_a_plane_a_query(spec))
    }

    fn has_a_plane_a_query(&self, spec: &PaneSpec) -> bool {
        self.site(spec).is_some_and(|site| site.axes()[0] == Axis::Query)
    }

    /// Gives the cursor to a pane of the step; it stays on its query and key.
    fn focus_on(&mut self, pane: usize) {
        let was_apart = self.has_queries_apart();
        self.focus = pane;
        self.selection = self.selection.swap_axes(was_apart, self.has_queries_apart());
    }

    /// The site that a pane of the step shows, in the selected layer.
    pub fn site(&self, spec: &PaneSpec) -> Option<&Recorded> {
        self.site_in(spec, self.selection.layer)
    }

    fn site_in(&self, spec: &PaneSpec, layer: usize) -> Option<&Recorded> {
        let (_, step) = self.current();
        self.reading.as_ref()?.trace(step.model_of(spec)).site(&spec.path(layer)?)
    }

    /// The specification of the pane with the cursor.
    pub fn focused(&self) -> Option<&PaneSpec> {
        self.specs().get(self.focus)
    }

    /// How many layers the step can show; 0 where it speaks of none.
    pub fn n_layers(&self) -> usize {
        let (Some(reading), (_, step)) = (&self.reading, self.current()) else { return 0 };
        let count = |spec: &PaneSpec| {
            let template = spec.site.as_ref().filter(|site| site.contains("{l}"))?;
            Some(reading.trace(step.model_of(spec)).n_layers(template))
        };
        self.specs().iter().filter_map(count).max().unwrap_or(0)
    }

    /// What the planes of the step's sites count, heads most often, and how many there are.
    pub fn planes(&self) -> Option<(Axis, usize)> {
        let focused = self.focused().into_iter();
        let mut sites = focused.chain(self.specs()).filter_map(|spec| self.site(spec));
        // A pane with a plane for each query follows the row of the others.
        let is_chosen = |site: &&Recorded| {
            site.place.has_planes() && (site.axes()[0] != Axis::Query || self.has_queries_apart())
        };
        let site = sites.find(is_chosen)?;
        Some((site.axes()[0], site.shape().planes))
    }

    /// The token of the cursor's row, where rows stand for tokens.
    pub fn word(&self) -> Option<Word> {
        let (_, step) = self.current();
        let spec = self.focused()?;
        let site = self.site(spec)?;
        let stream = match spec.kind {
            PaneKind::Gradient | PaneKind::ReadBack | PaneKind::Distance => Stream::Source,
            _ => site.place.stream(site.axes()[1])?,
        };
        let trace = self.reading.as_ref()?.trace(step.model_of(spec));
        let index = self.selection.row;
        let text = trace.tokens(stream).get(index)?.text.clone();
        Some(Word { stream, index, text })
    }

    /// Steps that answer to a query, best first; all of them if it is empty.
    pub fn found(&self, query: &str) -> Vec<usize> {
        let query = query.trim().to_lowercase();
        let steps = self.lesson.steps();
        let rank = |(i, (chapter, step)): (usize, &(usize, &Step))| {
            let chapter = &self.lesson.chapters[*chapter].title;
            Some((rank(&query, [&step.title, &step.id, chapter, &step.formula])?, i))
        };
        let mut found: Vec<(usize, usize)> = steps.iter().enumerate().filter_map(rank).collect();
        found.sort_unstable();
        found.into_iter().map(|(_, i)| i).collect()
    }

    /// The narration in lines of that width.
    pub fn prose(&self, width: u16, is_airy: bool) -> Vec<Line> {
        let (_, step) = self.current();
        told(step, self.selection.layer, &self.told(), width.into(), is_airy)
    }

    fn reading_is_plain(&self) -> bool {
        self.reading.as_ref().is_none_or(|reading| reading.plain.is_none())
    }

    /// Where everything stands on a screen of that size.
    pub fn plan(&self, area: Rect, wanted: &[Wanted]) -> (Plan, Vec<Line>) {
        let mut plan = Plan::new(area, !self.reading_is_plain());
        if self.opened().is_some() {
            plan.arrange(wanted, self.focus, Beneath { lines: OPENED_LINES, share: 2 });
            return (plan, vec![]);
        }
        let mut lines = self.prose(plan.prose.width, plan.is_airy());
        // A question claims all that it needs, a text a quarter.
        let share = if self.guide.quiz.is_some() { 1 } else { 4 };
        plan.arrange(wanted, self.focus, Beneath { lines: lines.len(), share });
        if lines.len() > plan.prose.height.into() {
            lines = self.prose(plan.keep_room_for_more(), plan.is_airy());
        }
        (plan, lines)
    }
}

/// How well texts answer a query, in order of weight: 0 is best. None if nothing does.
fn rank(query: &str, texts: [&str; 4]) -> Option<usize> {
    let texts = texts.map(str::to_lowercase);
    let starts = |t: &String| t.starts_with(query);
    let starts_word = |t: &String| t.match_indices(query).any(|(i, _)| !ends_in_word(&t[..i]));
    let contains = |t: &String| t.contains(query);
    let all_words = |t: &String| query.split_whitespace().all(|word| t.contains(word));
    let tests: [&dyn Fn(&String) -> bool; 4] = [&starts, &starts_word, &contains, &all_words];
    let best = |t: &String| tests.iter().position(|test| test(t));
    let ranks = texts.iter().enumerate().filter_map(|(i, t)| Some(best(t)? * texts.len() + i));
    let spread = texts.join(" ");
    ranks.min().or_else(|| all_words(&spread).then_some(usize::MAX))
}

fn ends_in_word(text: &str) -> bool {
    text.chars().next_back().is_some_and(char::is_alphanumeric)
}
