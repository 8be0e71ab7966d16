//! The record of beam search: one column per step with its kept hypotheses, and the winner's path.

use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
    style::Style,
};

use super::{Pane, PreferredSize, Scene, Title, Unfolding, in_words::PaneWords};
use crate::{
    analysis::trace::Trace,
    engine::{
        math::beam::{BeamPlace, Beams},
        value::Extent,
    },
    lesson::tr,
    text::rounded,
    ui::widgets::lines::{fit_end, left, put_line, put_on, window},
};

pub(super) struct BeamTree<'a>(pub(super) Scene<'a>);

/// Width of a step, in columns.
const STEP_WIDTH: u16 = 17;
/// Width of the rank numbers, in columns.
const RANK_WIDTH: u16 = 3;
/// Maximum number of finished outputs below the tree.
const MAX_OUTPUTS: usize = 4;

impl<'a> BeamTree<'a> {
    fn trace(&self) -> &'a Trace {
        self.0.reading.trace(self.0.model)
    }

    /// The search that wrote the output, or the one measured beside it.
    fn beams(&self) -> Option<&'a Beams> {
        self.trace().beams.as_ref().or_else(|| self.0.reading.beams())
    }

    fn cursor_step(&self, beams: &Beams) -> usize {
        self.0.selection.row.min(beams.steps.len().saturating_sub(1))
    }

    /// The last word of a hypothesis.
    fn word(&self, beams: &Beams, at: BeamPlace) -> String {
        self.trace().written(&beams.tokens(at)).pop().unwrap_or_default()
    }

    /// Draws sign, word, log-probability and, if the rank changed, the rank of the hypothesis that
    /// it continues.
    fn draw_hypothesis(
        &self,
        beams: &Beams,
        at: BeamPlace,
        is_winner: bool,
        x: u16,
        line: Rect,
        buf: &mut Buffer,
    ) {
        let (theme, index) = (self.0.theme, at.index);
        let hypothesis = beams.at(at);
        let sign = match (is_winner, hypothesis.is_over) {
            (true, _) => theme.glyph("●", "*"),
            (false, true) => theme.glyph("■", "="),
            (false, false) => " ",
        };
        let style = if is_winner { theme.correct() } else { Style::new() };
        let from = match hypothesis.parent {
            Some(parent) if parent != index => {
                format!("{}{}", theme.glyph("←", "<"), parent + 1)
            }
            _ => String::new(),
        };
        let word = left(&self.word(beams, at), 7);
        let text = format!("{sign}{word}{:>5}{from} ", rounded(hypothesis.log_p, 1));
        let end = line.right().min(x + STEP_WIDTH);
        put_line(buf, (x, line.y), end, &[(&text, style)]);
    }

    fn draw_tree(&self, beams: &Beams, area: Rect, buf: &mut Buffer) {
        let (theme, cursor) = (self.0.theme, self.cursor_step(beams));
        let path = beams.path(beams.winner);
        let steps = window(
            beams.steps.len(),
            (area.width.saturating_sub(RANK_WIDTH) / STEP_WIDTH).into(),
            cursor,
        );
        for (column, step) in steps.enumerate() {
            let x = area.x + RANK_WIDTH + column as u16 * STEP_WIDTH;
            let is_at_cursor = self.0.focused && step == cursor;
            let style = if is_at_cursor { theme.accent().bold() } else { theme.dim() };
            let head = tr!(self.0.language, "step {n}", n = step + 1);
            put_line(buf, (x, area.y), area.right(), &[(&head, style)]);
            let lines = area.rows().skip(1);
            for (i, line) in (0..beams.steps[step].len()).zip(lines) {
                let is_winner = path.get(step) == Some(&i);
                let at = BeamPlace { step, index: i };
                self.draw_hypothesis(beams, at, is_winner, x, line, buf);
            }
        }
        for (rank, line) in (0..beams.width).zip(area.rows().skip(1)) {
            put_on(buf, line, &[(&format!("{} ", rank + 1), theme.dim())]);
        }
    }

    /// Draws the finished outputs, best first: score, log-probability, length, words.
    fn draw_finished(&self, beams: &Beams, area: Rect, buf: &mut Buffer) {
        let theme = self.0.theme;
        let mut lines = area.rows();
        if let Some(line) = lines.next() {
            let head = self.0.language.tr("   score   log p  length");
            put_on(buf, line, &[(head, theme.dim())]);
        }
        for (last, line) in beams.finished().into_iter().take(MAX_OUTPUTS).zip(lines) {
            let is_winner = last == beams.winner;
            let style = if is_winner { theme.correct() } else { Style::new() };
            let sign = if is_winner { theme.glyph("●", "*") } else { " " };
            let (score, log_p) = (beams.score(last), beams.at(last).log_p);
            let words = self.trace().written(&beams.tokens(last));
            let [score, log_p] = [score, log_p].map(|x| rounded(x, 2));
            let figures = format!("{sign}{score:>7} {log_p:>7} {:>7}  ", last.step + 1);
            let x = put_on(buf, line, &[(&figures, style)]);
            // Outputs of one search begin alike, so their ends are shown.
            let words = fit_end(&words.join(" "), line.right().saturating_sub(x).into());
            put_line(buf, (x, line.y), line.right(), &[(&words, style)]);
        }
    }
}

impl Pane for BeamTree<'_> {
    fn title(&self) -> Title {
        let (language, name) = (self.0.language, self.0.language.tr(self.0.model.title()));
        let title = Title::named(language.tr("beam search")).with(name);
        match self.beams() {
            Some(beams) => title.with(tr!(language, "beam {width}", width = beams.width)),
            None => title,
        }
    }

    fn extent(&self) -> Extent {
        self.beams().map_or(Extent::NONE, |beams| Extent::new(beams.steps.len(), 1))
    }

    fn is_horizontal(&self) -> bool {
        true
    }

    /// The step under the cursor, with the last word of its likeliest hypothesis.
    fn status_line(&self, step: usize, _: usize) -> Option<String> {
        let beams = self.beams()?;
        let kept = beams.steps.get(step)?;
        let best = kept.first()?;
        let (word, n, log_p) =
            (self.word(beams, BeamPlace { step, index: 0 }), kept.len(), best.log_p);
        let dot = self.0.theme.glyph(" · ", " - ");
        let language = self.0.language;
        let of = tr!(language, "step {n} of {all}", n = step + 1, all = beams.steps.len());
        let log_p = rounded(log_p, 2);
        let best = tr!(language, "the likeliest goes on with “{word}”, log p {log_p}", word, log_p);
        Some(format!("{of}{dot}{}{dot}{best}", tr!(language, "{n} kept", n)))
    }

    fn preferred_size(&self) -> PreferredSize {
        let Some(beams) = self.beams() else {
            return PreferredSize::new(Size::new(40, 2), Size::new(60, 2));
        };
        let width = beams.width as u16;
        let finished = beams.finished().len().min(MAX_OUTPUTS) as u16;
        let n = beams.steps.len() as u16;
        let height = width + finished + 2;
        PreferredSize::new(
            Size::new(RANK_WIDTH + 2 * STEP_WIDTH, height.min(7)),
            Size::new(RANK_WIDTH + n.min(6) * STEP_WIDTH, height),
        )
        .as_wide_as(RANK_WIDTH + n.min(20) * STEP_WIDTH)
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Right
    }

    fn in_words(&self) -> PaneWords {
        let (trace, language) = (self.0.reading.trace(self.0.model), self.0.language);
        let line = |beams: &Beams, last: BeamPlace| {
            let words = trace.written(&beams.tokens(last));
            let log_p = beams.at(last).log_p;
            tr!(
                language,
                "score {score}, log p {log_p}: {words}",
                score = rounded(beams.score(last), 3),
                log_p = rounded(log_p, 3),
                words = words.join(" ")
            )
        };
        let lines = match self.beams() {
            None => {
                vec![language.tr("no beam in this pass; --what-if beam=4 switches it on").into()]
            }
            Some(beams) => beams.finished().into_iter().map(|last| line(beams, last)).collect(),
        };
        PaneWords::of_model(language, "Beam search", self.0.model, lines)
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let Some(beams) = self.beams() else {
            put_on(buf, area, &[(self.0.measuring(), self.0.theme.dim())]);
            return;
        };
        let finished = beams.finished().len().min(MAX_OUTPUTS) as u16 + 1;
        let tree = (beams.width as u16 + 1).min(area.height);
        let rest = (area.height - tree).min(finished);
        self.draw_tree(beams, Rect { height: tree, ..area }, buf);
        self.draw_finished(beams, Rect { y: area.y + tree, height: rest, ..area }, buf);
    }
}
