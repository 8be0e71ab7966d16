//! Learning so far: the loss over the steps taken, the output before and after, and what was forgotten. Its site is the
//! logits.

use std::{ops::Range, sync::Arc};

use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
    style::Style,
    text::Line,
    widgets::Widget,
};
use unicode_width::UnicodeWidthStr;

use super::{Pane, PreferredSize, Scene, Title, Unfolding, in_words::PaneWords};
use crate::{
    analysis::{evidence::learner::BeforeAfter, reading::Course},
    engine::{math::in_common, value::Extent},
    lesson::tr,
    text::{ItemWidth, Token, fill, fixed, grouped, spoken},
    ui::widgets::{
        chart::{Chart, ChartColumn, ChartPoint, Heights, Series},
        lines::{first_fitting, fit, put_on, put_text, right, without_top_rows},
    },
    weights::memory,
};

pub(super) struct LearningCurve<'a> {
    scene: Scene<'a>,
    course: Option<Arc<Course>>,
}

/// Lines below the chart.
const LINES: u16 = 4;
/// Columns of an output that has a line.
const SHORT: u16 = 56;
/// Least height of the chart.
const LEAST_CHART: u16 = 4;

impl<'a> LearningCurve<'a> {
    pub(super) fn new(scene: Scene<'a>) -> Self {
        Self { scene, course: scene.reading.known_course(scene.model) }
    }

    fn chart<'b>(&'b self, course: &'b Course) -> Chart<'b> {
        let Scene { theme, language, selection, focused, .. } = self.scene;
        let last = course.losses.len().saturating_sub(1);
        let column = if focused { shown_step(course, selection.col) } else { last };
        let series = Series {
            letter: '*',
            name: language.tr("loss").to_owned(),
            style: theme.accent(),
            points: course.losses.clone(),
            at_cursor: course.losses.get(column).map(|loss| fixed(*loss)).unwrap_or_default(),
        };
        Chart {
            theme,
            series: vec![series],
            reference: vec![],
            columns: (0..=last).map(|step| ChartColumn::numbered(step.to_string())).collect(),
            heights: Heights::Log,
            has_legend: true,
            cursor: ChartPoint { series: 0, column },
            focused,
        }
    }

    /// The output now.
    fn output(&self) -> String {
        self.said(&self.scene.reading.trace(self.scene.model).output)
    }

    /// Tokens as text.
    fn said(&self, tokens: &[Token]) -> String {
        let ids: Vec<u32> = tokens.iter().map(|token| token.id).collect();
        self.scene.reading.tokenizer().said(&ids)
    }

    /// Draws both outputs, whole where there are lines for them; else each on a line, from where they part. Returns the
    /// number of lines.
    fn draw_outputs(&self, course: &Course, area: Rect, buf: &mut Buffer) -> u16 {
        let (theme, language) = (self.scene.theme, self.scene.language);
        let (was, now) = (self.said(&course.before), self.output());
        let [before, after] = ["before: ", "now: "].map(|text| language.tr(text));
        let width = before.width().max(after.width());
        let [before, after] = [before, after].map(|text| right(text, width));
        let room = usize::from(area.width).saturating_sub(width);
        let (was, now): (Vec<&str>, Vec<&str>) =
            (was.split(' ').collect(), now.split(' ').collect());
        let in_common = in_common(&now, &was);
        let changed = theme.incorrect().bold().underlined();
        let style = |is_common: &bool| if *is_common { Style::new() } else { changed };
        let dim = theme.dim();
        let outputs = [
            Output { name: (&before, dim), words: was.iter().map(|word| (*word, dim)).collect() },
            Output {
                name: (&after, dim),
                words: now.iter().copied().zip(in_common.iter().map(style)).collect(),
            },
        ];
        let n_lines = outputs.each_ref().map(|output| output.lines(room).len() as u16);
        let all = n_lines.iter().sum();
        if (3..=area.height).contains(&all) {
            outputs[0].draw(room, area, buf);
            outputs[1].draw(room, without_top_rows(area, n_lines[0]), buf);
            return all;
        }
        let changed_at = in_common.iter().position(|is_common| !is_common);
        let first = first_shown(&now, changed_at.unwrap_or(0), room).min(was.len());
        let more = if first > 0 { theme.glyph("… ", "~ ") } else { "" };
        let room = room.saturating_sub(more.width());
        let mut lines = area.rows();
        if let Some(line) = lines.next() {
            let was = fit(&was[first..].join(" "), room);
            put_on(buf, line, &[(&before, theme.dim()), (more, theme.dim()), (&was, theme.dim())]);
        }
        let mut pieces: Vec<(&str, Style)> = vec![(&after, theme.dim()), (more, theme.dim())];
        for (word, is_common) in now.iter().zip(&in_common).skip(first) {
            pieces.extend([(*word, style(is_common)), (" ", Style::new())]);
        }
        if let Some(line) = lines.next() {
            put_on(buf, line, &pieces);
        }
        2
    }
}

/// An output over several lines, each word with its style, after a name.
struct Output<'a> {
    name: (&'a str, Style),
    words: Vec<(&'a str, Style)>,
}

impl Output<'_> {
    /// The words of each line, where lines have `width` columns.
    fn lines(&self, width: usize) -> Vec<Range<usize>> {
        fill(self.words.iter().map(|(word, _)| ItemWidth { space: 1, item: word.width() }), width)
    }

    fn draw(&self, width: usize, area: Rect, buf: &mut Buffer) {
        let (name, style) = self.name;
        let blank = " ".repeat(name.width());
        for (i, (line, range)) in area.rows().zip(self.lines(width)).enumerate() {
            let mut pieces = vec![(if i == 0 { name } else { &blank }, style)];
            for word in &self.words[range] {
                pieces.extend([*word, (" ", Style::new())]);
            }
            put_on(buf, line, &pieces);
        }
    }
}

/// The step at a column of the cursor; the last one until the cursor is moved.
fn shown_step(course: &Course, col: usize) -> usize {
    let last = course.losses.len().saturating_sub(1);
    if col > 0 { col.min(last) } else { last }
}

/// The first of these words that is shown, so that the one at `at` can be seen in `width` columns.
fn first_shown(words: &[&str], at: usize, width: usize) -> usize {
    let up_to = |first: &usize| words[*first..=at].join(" ").width() <= width / 2;
    match words[..(at + 1).min(words.len())].join(" ").width() {
        all if all < width => 0,
        _ => (0..at).find(up_to).unwrap_or(at),
    }
}

/// What is said where there is no course yet: that it is computed, or what it would take.
pub(super) fn draw_unknown(scene: Scene, area: Rect, buf: &mut Buffer) {
    draw_text_or_measuring(scene, unasked(scene), area, buf);
}

/// The same beside a pane that says what it would take.
pub(super) fn draw_unknown_beside(scene: Scene, area: Rect, buf: &mut Buffer) {
    let text = unasked(scene).map(|_| scene.language.tr("Known after the first step.").to_owned());
    draw_text_or_measuring(scene, text, area, buf);
}

/// The size of what is said where teaching a checkpoint has not begun; None where it has, or begins by itself.
pub(super) fn unknown_size(scene: Scene, course: Option<&Course>) -> Option<PreferredSize> {
    let text = unasked(scene).filter(|_| course.is_none())?;
    let lines = |width: u16| 1 + text.width() as u16 / width;
    Some(PreferredSize::new(Size::new(40, lines(40)), Size::new(80, lines(80))))
}

fn draw_text_or_measuring(scene: Scene, text: Option<String>, area: Rect, buf: &mut Buffer) {
    match text {
        Some(text) => put_text(buf, area, &text, scene.theme.dim()),
        None => {
            put_on(buf, area, &[(scene.measuring(), scene.theme.dim())]);
        }
    }
}

/// What teaching a checkpoint takes, which begins only when asked for; None for a model in the binary.
fn unasked(scene: Scene) -> Option<String> {
    let Scene { reading, model, language, .. } = scene;
    let n_weights = reading.card.as_ref()?.n_weights;
    let needed = reading.teaching_bytes(model)?;
    if reading.lacks_mask(model) {
        let mask = reading.tokenizer().mask();
        return Some(tr!(
            language,
            "Nothing is masked: write {mask} for a word, with i; then N takes a step of learning.",
            mask
        ));
    }
    Some(tr!(
        language,
        "N takes a step of learning: of {n} weights, in about {bytes} of memory.",
        n = grouped(n_weights),
        bytes = memory::bytes(needed)
    ))
}

/// What was forgotten, in at most `width` columns where that can be: the loss on other sentences; None for a checkpoint.
fn held_out_text(scene: Scene, course: &Course, width: usize) -> Option<String> {
    let language = scene.language;
    // As the text says them: the task is to look at a small change.
    let BeforeAfter { before, after } = course.held_out?;
    let (before, now) = (spoken(before), spoken(after));
    Some(if course.n_steps == 0 {
        tr!(language, "20 other sentences: loss {before}", before)
    } else {
        let long = tr!(language, "20 other sentences: loss {before}, now {now}", before, now);
        first_fitting([long, tr!(language, "20 others: {before}, now {now}", before, now)], width)
    })
}

/// What is learned, how, and how far it is.
fn heading(scene: Scene, course: &Course) -> String {
    let rate = course.rate;
    match course.n_steps {
        1 => tr!(scene.language, "1 step of w − {rate} · gradient", rate),
        n => tr!(scene.language, "{n} steps of w − {rate} · gradient", n, rate),
    }
}

impl Pane for LearningCurve<'_> {
    fn title(&self) -> Title {
        let language = self.scene.language;
        Title::named(self.course.as_ref().map_or_else(
            || language.tr("steps of learning").to_owned(),
            |course| tr!(language, "learning “{text}”", text = self.said(&course.target).trim()),
        ))
    }

    fn extent(&self) -> Extent {
        Extent::new(1, self.course.as_ref().map_or(0, |course| course.losses.len()))
    }

    fn status_line(&self, _: usize, col: usize) -> Option<String> {
        let course = self.course.as_ref()?;
        let step = shown_step(course, col);
        let loss = course.losses.get(step)?;
        let (language, loss) = (self.scene.language, format!("{loss:.5}"));
        Some(match step {
            1 => tr!(language, "after 1 step: loss {loss}", loss),
            n => tr!(language, "after {n} steps: loss {loss}", n, loss),
        })
    }

    fn preferred_size(&self) -> PreferredSize {
        if let Some(size) = unknown_size(self.scene, self.course.as_deref()) {
            return size;
        }
        // Before the first step there is no curve to draw.
        if self.course.as_ref().is_some_and(|course| course.losses.len() < 2) {
            let text = self.output().width() as u16 + 12;
            return PreferredSize::new(
                Size::new(Chart::LEAST.width, LINES),
                Size::new(text.clamp(64, 120), LINES),
            )
            .up_to(LINES + 2 * (text.saturating_sub(12) / SHORT));
        }
        let least = Size { height: LEAST_CHART + LINES, ..Chart::LEAST };
        PreferredSize::new(least, Size::new(64, 12)).up_to(30).as_wide_as(120).of_lines()
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Right
    }

    fn in_words(&self) -> PaneWords {
        let Scene { reading, language, model, .. } = self.scene;
        let lines = reading.course(model).map(|course| {
            let (was, now) = (self.said(&course.before), self.output());
            let losses: Vec<String> = course.losses.iter().map(|loss| fixed(*loss)).collect();
            let mut lines = vec![heading(self.scene, &course)];
            lines.push(tr!(language, "loss step by step: {losses}", losses = losses.join(", ")));
            lines.push(format!("{}{was}", language.tr("before: ")));
            lines.push(format!("{}{now}", language.tr("now: ")));
            lines.extend(held_out_text(self.scene, &course, usize::MAX));
            lines
        });
        let lines = lines.unwrap_or_else(|| unasked(self.scene).into_iter().collect());
        PaneWords::of_model(language, "Steps of learning", model, lines)
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let theme = self.scene.theme;
        let Some(course) = &self.course else {
            draw_unknown(self.scene, area, buf);
            return;
        };
        let below = LINES.min(area.height);
        let chart = Rect { height: area.height - below, ..area };
        let has_curve = course.losses.len() > 1;
        if has_curve && chart.height >= LEAST_CHART {
            self.chart(course).draw(chart, buf);
        }
        let top = if has_curve { area.bottom() - below } else { area.y };
        let lines = Rect { y: top, height: area.bottom() - top, ..area };
        let heading = fit(&heading(self.scene, course), lines.width.into());
        Line::styled(heading, theme.dim()).render(lines, buf);
        let outputs = Rect { height: lines.height.saturating_sub(1), ..lines };
        let n_lines = 1 + self.draw_outputs(course, without_top_rows(outputs, 1), buf);
        if let Some(text) = held_out_text(self.scene, course, lines.width.into()) {
            let last = without_top_rows(lines, n_lines.min(lines.height.saturating_sub(1)));
            let has_worsened = course.held_out.is_some_and(|loss| loss.after > 1.05 * loss.before);
            let style = if has_worsened { theme.incorrect() } else { theme.dim() };
            put_on(buf, last, &[(&text, style)]);
        }
    }
}
