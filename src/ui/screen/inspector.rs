//! The opened number in the place of the narration: the way to it, its arithmetic, its operands.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Widget,
};
use unicode_width::UnicodeWidthStr;

use crate::{
    analysis::trace::{Recorded, Trace},
    engine::{
        arithmetic::{Expr, Operand, terms::Term},
        site::{Address, Axis},
    },
    ui::{
        app::{OpenedNumber, State},
        widgets::lines::{fit, window},
    },
};

/// From this width on, what belongs together stands in one line.
const BROAD: usize = 60;

/// Terms shown in the line of arithmetic; the list beneath has all.
const IN_LINE: usize = 3;

pub fn draw(state: &State, area: Rect, buf: &mut Buffer) {
    let (Some(level), Some(reading)) = (state.opened(), &state.passes.reading) else { return };
    let trace = reading.trace(level.model);
    let page = Page { state, level, trace, width: usize::from(area.width) };
    let head = page.head();
    let room = usize::from(area.height).saturating_sub(head.len() + 2);
    let lines = head.into_iter().chain(page.list(room)).chain([page.operand(), page.foot()]);
    lines.zip(area.rows()).for_each(|(line, row)| line.render(row, buf));
}

struct Page<'a> {
    state: &'a State,
    level: &'a OpenedNumber,
    trace: &'a Trace,
    width: usize,
}

impl Page<'_> {
    /// The way, the number, what it is, how it is made: beneath each other in a column, in few lines
    /// where the screen is low.
    fn head(&self) -> Vec<Line<'static>> {
        let theme = &self.state.theme;
        let arithmetic = &self.level.arithmetic;
        let site = self.trace.site(&arithmetic.address.path);
        let labels = site.map_or_else(String::new, |s| labels(self.trace, s, &arithmetic.address));
        let caption = site.map_or("", Recorded::caption);
        let numbers = arithmetic.expr.as_ref().map(|e| format!("= {}", e.text(IN_LINE, &figure)));
        let way = Line::styled(self.way(), theme.dim());
        let address = Span::styled(arithmetic.address.to_string(), theme.accent().bold());
        let mut lines = vec![way];
        if self.width >= BROAD {
            let labels = Span::styled(format!("   {labels}"), theme.dim());
            let number = [vec![address], self.value(), vec![labels]].concat();
            lines.push(fitted(number, self.width));
            let numbers = format!("  {}", numbers.unwrap_or_default());
            let formula = Span::styled(arithmetic.formula, theme.accent());
            lines.push(fitted(vec![formula, Span::raw(numbers)], self.width));
            return lines;
        }
        lines.push(fitted(vec![address], self.width));
        lines.push(fitted(self.value(), self.width));
        lines.push(self.cut(&labels, theme.dim()));
        lines.push(self.cut(caption, Style::new()));
        lines.push(self.cut(arithmetic.formula, theme.accent()));
        lines.extend(numbers.map(|text| self.cut(&text, Style::new())));
        lines
    }

    /// ` = 0.21` to the last digit, and what it was.
    fn value(&self) -> Vec<Span<'static>> {
        let theme = &self.state.theme;
        let value = self.level.arithmetic.value;
        let mut spans = vec![Span::raw(" = "), Span::styled(value.to_string(), theme.strong())];
        let was = self.before().map(|was| format!("  was {was}"));
        spans.extend(was.map(|was| Span::styled(was, theme.wrong())));
        spans
    }

    fn before(&self) -> Option<f32> {
        self.state.passes.reading.as_ref()?.before(self.level.model, &self.level.arithmetic.address)
    }

    /// `weights[2,8,1] › masked[2,8,1] › q[2,8,3]`, its end if it is long.
    fn way(&self) -> String {
        let sign = self.state.theme.glyph(" › ", " > ");
        let steps: Vec<String> = self
            .state
            .inspector
            .levels
            .iter()
            .map(|level| last_name(&level.arithmetic.address))
            .collect();
        let mut from = 0;
        let way = |from: usize| {
            let way = steps[from..].join(sign);
            if from > 0 { format!("…{sign}{way}") } else { way }
        };
        while way(from).width() > self.width && from + 1 < steps.len() {
            from += 1;
        }
        way(from)
    }

    /// The terms that fit, the chosen one among them, and what the others of a sum come to.
    fn list(&self, room: usize) -> Vec<Line<'static>> {
        let (terms, theme) = (&self.level.terms, &self.state.theme);
        if terms.is_empty() {
            return vec![];
        }
        let shown = window(terms.len(), room.saturating_sub(1), self.level.term);
        let mut lines: Vec<Line> = shown.clone().map(|i| self.term(i, &terms[i])).collect();
        let hidden = (0..terms.len()).filter(|i| !shown.contains(i));
        let hidden: Vec<&Term> = hidden.map(|i| &terms[i]).filter(|term| term.is_summand).collect();
        if !hidden.is_empty() {
            let sum: f64 = hidden.iter().map(|term| term.value).sum();
            let n = hidden.len();
            let text = format!("  {n} more of the sum, together {}", figure(sum));
            lines.push(Line::styled(text, theme.dim()));
        }
        lines
    }

    /// `▸   0.372 = 0.31 × 1.20  “animal”`, the factor that Enter opens lit.
    fn term(&self, i: usize, term: &Term) -> Line<'static> {
        let theme = &self.state.theme;
        let is_chosen = i == self.level.term;
        let mark = if is_chosen { theme.glyph("▸ ", "> ") } else { "  " };
        let ink = if is_chosen { theme.strong() } else { Style::new() };
        let mut spans = vec![Span::styled(mark, theme.accent())];
        spans.push(Span::styled(format!("{:>9}", figure(term.value)), ink));
        match &term.expr {
            Expr::Leaf(_) | Expr::Number(_) => {}
            Expr::Product(factors) => {
                let between = [" = ", theme.glyph(" × ", " * ")];
                for (j, factor) in factors.iter().enumerate() {
                    let is_open = is_chosen && j == self.level.operand;
                    let style = if is_open { theme.cursor() } else { ink };
                    spans.push(Span::styled(between[j.min(1)], theme.dim()));
                    spans.push(Span::styled(factor.text(IN_LINE, &figure), style));
                }
            }
            expr => {
                spans.push(Span::styled(" = ", theme.dim()));
                spans.push(Span::styled(expr.text(IN_LINE, &figure), ink));
            }
        }
        let operands = term.operands();
        let word = operands.iter().filter_map(|operand| self.word(operand)).next_back();
        spans.extend(word.map(|word| Span::styled(format!("  {word}"), theme.dim())));
        fitted(spans, self.width)
    }

    /// The operand that Enter opens, by its whole name.
    fn operand(&self) -> Line<'static> {
        let theme = &self.state.theme;
        let Some(operand) = self.level.chosen() else { return Line::default() };
        let address = Span::styled(operand.address.to_string(), theme.accent().underlined());
        let value = Span::raw(format!(" = {}", operand.value));
        fitted(vec![address, value], self.width)
    }

    /// The token that tells an operand from its neighbours: its key, else its row.
    fn word(&self, operand: &Operand) -> Option<String> {
        let site = self.trace.site(&operand.address.path)?;
        let cell = operand.address.cell;
        let [_, row, col] = site.axes();
        let named = [(col, cell.col), (row, cell.row)];
        let is_word =
            |(axis, _): &(Axis, usize)| *axis == Axis::Vocab || site.place.stream(*axis).is_some();
        let (axis, i) = named.into_iter().find(is_word)?;
        Some(format!("“{}”", self.trace.label(site, axis, i)))
    }

    fn foot(&self) -> Line<'static> {
        let theme = &self.state.theme;
        let text = match self.level.chosen() {
            Some(_) => theme.glyph(
                "Enter opens it   ↑↓ HL choose   Esc back",
                "Enter opens it   jk HL choose   Esc back",
            ),
            None => "it is given: nothing made it  Esc back",
        };
        self.cut(text, theme.dim())
    }

    fn cut(&self, text: &str, style: Style) -> Line<'static> {
        Line::styled(fit(text, self.width), style)
    }
}

/// The labels of a cell; a row of the embedding table is a token.
fn labels(trace: &Trace, site: &Recorded, address: &Address) -> String {
    let labels = trace.labels(site, address.cell);
    match trace.word_of_row(site, address.cell.row) {
        Some(word) => format!("the row of “{word}” · {labels}"),
        None => labels,
    }
}

/// `weights[2,8,1]`
fn last_name(address: &Address) -> String {
    let text = address.to_string();
    let path_end = text.find('[').unwrap_or(text.len());
    let start = text[..path_end].rfind('.').map_or(0, |i| i + 1);
    text[start..].to_owned()
}

/// Four digits or so.
fn figure(v: f64) -> String {
    let text = match v.abs() {
        _ if !v.is_finite() => {
            return if v > 0.0 {
                "∞"
            } else if v < 0.0 {
                "-∞"
            } else {
                "NaN"
            }
            .into();
        }
        0.0 => return "0".into(),
        a if a >= 1e6 => return format!("{v:.2e}"),
        a if a >= 100.0 => format!("{v:.1}"),
        a if a >= 10.0 => format!("{v:.2}"),
        a if a >= 0.01 => format!("{v:.4}"),
        _ => return format!("{v:.2e}"),
    };
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// Spans cut where the width ends.
fn fitted(spans: Vec<Span<'static>>, width: usize) -> Line<'static> {
    let mut left = width;
    let mut kept = vec![];
    for span in spans {
        let wide = span.width();
        if wide > left {
            kept.push(Span::styled(fit(&span.content, left), span.style));
            break;
        }
        left -= wide;
        kept.push(span);
    }
    Line::from(kept)
}
