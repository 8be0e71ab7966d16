//! Two machines side by side, as blocks from top to bottom: what reads the sentence, what writes, and what goes from
//! the one to the other. The blocks are made from the sites of each pass.

use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
    style::Style,
};
use unicode_width::UnicodeWidthStr;

use super::{Pane, PreferredSize, Scene, Title, Unfolding, in_words::PaneWords};
use crate::{
    analysis::{
        map::{ModelMap, Section, StationKind as Kind},
        trace::Trace,
    },
    lesson::{Language, tr},
    model::ModelName,
    ui::widgets::lines::{fit, put_line, without_top_rows},
};

pub(super) struct Machines<'a>(pub(super) Scene<'a>);

const MODELS: [ModelName; 2] = [ModelName::Elman, ModelName::Transformer];
/// Width of a block with its borders, in columns.
const BLOCK_WIDTH: u16 = 16;
/// Width of the arrow from the reading to the writing blocks.
const LINK_WIDTH: u16 = 7;
const MACHINE_WIDTH: u16 = 2 * BLOCK_WIDTH + LINK_WIDTH;
/// Columns between the machines.
const GAP: u16 = 5;
/// Lines above the blocks: the machine's name, and what each column reads or writes where there is room.
const HEADER_LINES: u16 = 2;
const LEAST_HEADER_LINES: u16 = 1;

/// A line of a column of blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Line {
    /// A part of the model, and whether attention or recurrence makes words meet in it.
    Part { name: String, mixes_words: bool },
    /// The border above a group of parts, with how often the group is passed.
    Border(String),
}

/// One column: the parts in order, under borders.
struct Column {
    lines: Vec<Line>,
    /// The last line of what the other column reads, or the line that reads it.
    link: usize,
}

impl Column {
    /// Height with the border at the end.
    fn height(&self) -> u16 {
        self.lines.len() as u16 + 1
    }
}

/// A machine's columns, and what goes from the first to the second.
struct Machine {
    name: ModelName,
    reads: Column,
    writes: Column,
    link: &'static str,
}

impl Machine {
    /// The machine of a pass; `is_short` leaves out the sums and norms, and the probabilities after the logits.
    fn new(trace: &Trace, is_short: bool, language: Language) -> Self {
        let map = ModelMap::of(trace, 0);
        let reads = lines(&map.source, trace.source.len(), is_short, language);
        let writes = lines(&map.target, trace.target.len(), is_short, language);
        let is_part = |line: &Line| matches!(line, Line::Part { .. });
        // The source is read by the last part in which words meet.
        let is_entry = |line: &Line| matches!(line, Line::Part { mixes_words: true, .. });
        Self {
            name: trace.model,
            reads: Column { link: reads.iter().rposition(is_part).unwrap_or(0), lines: reads },
            writes: Column { link: writes.iter().rposition(is_entry).unwrap_or(0), lines: writes },
            link: map.link,
        }
    }

    /// Height of the blocks.
    fn height(&self) -> u16 {
        self.reads.height().max(self.writes.height())
    }
}

/// The lines of a column: its parts, with a border where another group begins.
fn lines(sections: &[Section], n_tokens: usize, is_short: bool, language: Language) -> Vec<Line> {
    let mut lines: Vec<Line> = vec![];
    let mut group = None;
    for section in sections {
        let n_layers = section.stack.as_ref().map_or(1, |stack| stack.n_layers);
        let mut is_after_sum = false;
        let parts = section.stations.iter().filter(|station| station.kind != Kind::Probe);
        for station in parts {
            let is_extra = matches!(station.kind, Kind::Sum | Kind::Norm | Kind::Probabilities);
            if is_short && is_extra {
                continue;
            }
            let times = match station.kind == Kind::Recurrence {
                true if n_tokens == 1 => language.tr("1 step").to_owned(),
                true => tr!(language, "{n} steps", n = n_tokens),
                false if n_layers > 1 => tr!(language, "{n} layers", n = n_layers),
                false => String::new(),
            };
            if group.as_ref() != Some(&times) {
                lines.push(Line::Border(times.clone()));
                group = Some(times);
            }
            match lines.last_mut() {
                Some(Line::Part { name, .. }) if station.kind == Kind::Norm && is_after_sum => {
                    *name = format!("+ {}", station.name);
                }
                _ => lines.push(Line::Part {
                    name: station.name.clone(),
                    mixes_words: station.kind.mixes_words(),
                }),
            }
            is_after_sum = station.kind == Kind::Sum;
        }
    }
    lines
}

impl Machines<'_> {
    fn machine(&self, name: ModelName, is_short: bool) -> Machine {
        let trace = self.0.reading.trace(name);
        Machine::new(trace, is_short, self.0.language)
    }

    /// Height of the higher machine's blocks.
    fn block_height(&self, is_short: bool) -> u16 {
        MODELS.map(|name| self.machine(name, is_short).height()).into_iter().max().unwrap_or(0)
    }

    fn draw_column(&self, column: &Column, area: Rect, buf: &mut Buffer) {
        let theme = self.0.theme;
        let inside = usize::from(BLOCK_WIDTH - 2);
        let signs = if theme.is_ascii() {
            ["+", "+", "+", "+", "+", "+", "-", "|"]
        } else {
            ["┌", "┐", "├", "┤", "└", "┘", "─", "│"]
        };
        let [top_left, top_right, left, right, bottom_left, bottom_right, dash, bar] = signs;
        let border = |text: &str, from: &str, to: &str| {
            let text = if text.is_empty() {
                String::new()
            } else {
                format!(" {} ", fit(text, inside - 2))
            };
            let rest = inside.saturating_sub(text.width());
            let before = rest / 2;
            format!("{from}{}{text}{}{to}", dash.repeat(before), dash.repeat(rest - before))
        };
        for (i, (line, y)) in column.lines.iter().zip(area.y..area.bottom()).enumerate() {
            match line {
                Line::Border(text) => {
                    let (from, to) = if i == 0 { (top_left, top_right) } else { (left, right) };
                    put_line(
                        buf,
                        (area.x, y),
                        area.right(),
                        &[(&border(text, from, to), theme.dim())],
                    );
                }
                Line::Part { name, mixes_words } => {
                    let style = if *mixes_words { theme.accent().bold() } else { Style::new() };
                    let name = format!(" {:<width$}", fit(name, inside - 1), width = inside - 1);
                    let pieces = [(bar, theme.dim()), (&*name, style), (bar, theme.dim())];
                    put_line(buf, (area.x, y), area.right(), &pieces);
                }
            }
        }
        let y = area.y + column.lines.len() as u16;
        if y < area.bottom() {
            put_line(
                buf,
                (area.x, y),
                area.right(),
                &[(&border("", bottom_left, bottom_right), theme.dim())],
            );
        }
    }

    /// Draws the arrow from the last part that reads to the part that asks for it.
    fn draw_link(&self, machine: &Machine, area: Rect, buf: &mut Buffer) {
        let theme = self.0.theme;
        let dash = theme.glyph("─", "-");
        let (from, to) = (area.y + machine.reads.link as u16, area.y + machine.writes.link as u16);
        let (x, middle) = (area.x + BLOCK_WIDTH, LINK_WIDTH / 2);
        if from >= area.bottom() || to >= area.bottom() {
            return;
        }
        let style = theme.accent();
        for y in from.min(to)..=from.max(to) {
            put_line(buf, (x + middle, y), area.right(), &[(theme.glyph("│", "|"), style)]);
        }
        let corner = |up: &'static str, down: &'static str| {
            theme.glyph(if from > to { up } else { down }, "+")
        };
        let start = dash.repeat(usize::from(middle));
        let sign = if from == to { dash } else { corner("┘", "┐") };
        put_line(buf, (x, from), area.right(), &[(&start, style), (sign, style)]);
        let end = dash.repeat(usize::from(LINK_WIDTH - middle - 2));
        let sign = if from == to { dash } else { corner("┌", "└") };
        let arrow = theme.glyph("►", ">");
        put_line(
            buf,
            (x + middle, to),
            area.right(),
            &[(sign, style), (&end, style), (arrow, style)],
        );
        let label = fit(machine.link, usize::from(LINK_WIDTH));
        let above = from.min(to).saturating_sub(1).max(area.y);
        let indent = (LINK_WIDTH.saturating_sub(label.width() as u16)).div_ceil(2);
        put_line(buf, (x + indent, above), area.right(), &[(&label, style)]);
    }

    fn draw_machine(&self, machine: &Machine, area: Rect, buf: &mut Buffer) {
        let (theme, language) = (self.0.theme, self.0.language);
        let name = language.tr(machine.name.title());
        put_line(buf, area, area.right(), &[(name, theme.strong())]);
        let writes_at = area.x + BLOCK_WIDTH + LINK_WIDTH;
        let heads =
            [(area.x, language.tr("reads English")), (writes_at, language.tr("writes French"))];
        let n_header = if area.height < self.block_height(true) + HEADER_LINES {
            LEAST_HEADER_LINES
        } else {
            for (x, head) in heads {
                put_line(buf, (x + 1, area.y + 1), area.right(), &[(head, theme.dim())]);
            }
            HEADER_LINES
        };
        let blocks = without_top_rows(area, n_header);
        self.draw_column(&machine.reads, blocks, buf);
        let writes = Rect { x: writes_at, width: area.right().saturating_sub(writes_at), ..blocks };
        self.draw_column(&machine.writes, writes, buf);
        self.draw_link(machine, blocks, buf);
    }
}

impl Pane for Machines<'_> {
    fn title(&self) -> Title {
        Title::named(self.0.language.tr("two machines for the same task"))
    }

    fn preferred_size(&self) -> PreferredSize {
        let width = MACHINE_WIDTH * MODELS.len() as u16 + GAP;
        let least = MACHINE_WIDTH * MODELS.len() as u16 + 1;
        let whole = Size::new(least, self.block_height(true) + LEAST_HEADER_LINES);
        PreferredSize::new(whole, Size::new(width, self.block_height(false) + HEADER_LINES))
            .whole_at(whole)
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let language = self.0.language;
        let words = |column: &Column| {
            let word = |line: &Line| match line {
                Line::Part { name, .. } => Some(name.clone()),
                Line::Border(text) => (!text.is_empty()).then(|| format!("[{text}]")),
            };
            column.lines.iter().filter_map(word).collect::<Vec<_>>().join(", ")
        };
        let line = |name: ModelName| {
            let machine = self.machine(name, false);
            tr!(
                language,
                "{name}: reads through {reads}; hands on {link}; writes through {writes}",
                name = language.tr(name.title()),
                reads = words(&machine.reads),
                link = machine.link,
                writes = words(&machine.writes)
            )
        };
        PaneWords::new(language.tr("Two machines"), MODELS.map(line).to_vec())
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let is_short = area.height < self.block_height(false) + HEADER_LINES;
        let n = MODELS.len() as u16;
        let gap = area.width.saturating_sub(MACHINE_WIDTH * n).min(GAP + 9);
        for (i, name) in MODELS.into_iter().enumerate() {
            let x = area.x + i as u16 * (MACHINE_WIDTH + gap);
            let width = MACHINE_WIDTH.min(area.right().saturating_sub(x));
            let machine = self.machine(name, is_short);
            self.draw_machine(&machine, Rect { x, width, ..area }, buf);
        }
    }
}
