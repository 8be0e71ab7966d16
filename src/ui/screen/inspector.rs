//! The inspector of an open number, in place of the narration: the path to it, its arithmetic, its operands.

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

/// Minimum width at which address, value and labels share one line.
const MIN_WIDTH_FOR_SHARED_LINES: usize = 60;

/// Number of terms in the arithmetic line; the list below it has all.
const INLINE_TERMS: usize = 3;

pub fn draw(state: &State, area: Rect, buf: &mut Buffer) {
    let (Some(level), Some(reading)) = (state.opened(), &state.passes.reading) else { return };
    let trace = reading.trace(level.model);
    let inspector = Inspector { state, level, trace, width: usize::from(area.width) };
    let head = inspector.head();
    let list_height = usize::from(area.height).saturating_sub(head.len() + 2);
    let lines = head
        .into_iter()
        .chain(inspector.list(list_height))
        .chain([inspector.operand(), inspector.foot()]);
    lines.zip(area.rows()).for_each(|(line, row)| line.render(row, buf));
}

/// The inspector at a given width.
struct Inspector<'a> {
    state: &'a State,
    level: &'a OpenedNumber,
    trace: &'a Trace,
    width: usize,
}

impl Inspector<'_> {
    /// The lines above the list: path, address and value, labels, caption, formula and arithmetic; one item per line
    /// if the screen is narrow, else three lines.
    fn head(&self) -> Vec<Line<'static>> {
        let theme = &self.state.theme;
        let arithmetic = &self.level.arithmetic;
        let site = self.trace.site(&arithmetic.address.path);
        let labels = site.map_or_else(String::new, |s| labels(self.trace, s, &arithmetic.address));
        let caption = site.map_or("", Recorded::caption);
        let arithmetic_text =
            arithmetic.expr.as_ref().map(|e| format!("= {}", e.text(INLINE_TERMS, &figure)));
        let breadcrumb = Line::styled(self.breadcrumb(), theme.dim());
        let address = Span::styled(arithmetic.address.to_string(), theme.accent().bold());
        let mut lines = vec![breadcrumb];
        if self.width >= MIN_WIDTH_FOR_SHARED_LINES {
            let labels = Span::styled(format!("   {labels}"), theme.dim());
            let number = [vec![address], self.value(), vec![labels]].concat();
            lines.push(cut_spans(number, self.width));
            let arithmetic_text = format!("  {}", arithmetic_text.unwrap_or_default());
            let formula = Span::styled(arithmetic.formula, theme.accent());
            lines.push(cut_spans(vec![formula, Span::raw(arithmetic_text)], self.width));
            return lines;
        }
        lines.push(cut_spans(vec![address], self.width));
        lines.push(cut_spans(self.value(), self.width));
        lines.push(self.cut_line(&labels, theme.dim()));
        lines.push(self.cut_line(caption, Style::new()));
        lines.push(self.cut_line(arithmetic.formula, theme.accent()));
        lines.extend(arithmetic_text.map(|text| self.cut_line(&text, Style::new())));
        lines
    }

    /// ` = 0.21` in full precision, and the value before the change.
    fn value(&self) -> Vec<Span<'static>> {
        let theme = &self.state.theme;
        let value = self.level.arithmetic.value;
        let mut spans = vec![Span::raw(" = "), Span::styled(value.to_string(), theme.strong())];
        let old_value = self.value_before_change().map(|old_value| format!("  was {old_value}"));
        spans.extend(old_value.map(|old_value| Span::styled(old_value, theme.incorrect())));
        spans
    }

    fn value_before_change(&self) -> Option<f32> {
        self.state.passes.reading.as_ref()?.before(self.level.model, &self.level.arithmetic.address)
    }

    /// The path of opened numbers, `weights[2,8,1] › masked[2,8,1] › q[2,8,3]`; only its end if it is long.
    fn breadcrumb(&self) -> String {
        let separator = self.state.theme.glyph(" › ", " > ");
        let names: Vec<String> = self
            .state
            .inspector
            .levels
            .iter()
            .map(|level| last_name(&level.arithmetic.address))
            .collect();
        let mut first = 0;
        let joined = |first: usize| {
            let joined = names[first..].join(separator);
            if first > 0 { format!("…{separator}{joined}") } else { joined }
        };
        while joined(first).width() > self.width && first + 1 < names.len() {
            first += 1;
        }
        joined(first)
    }

    /// Lines of the terms that fit, including the chosen one, and the sum of the summands not shown.
    fn list(&self, height: usize) -> Vec<Line<'static>> {
        let (terms, theme) = (&self.level.terms, &self.state.theme);
        if terms.is_empty() {
            return vec![];
        }
        let shown = window(terms.len(), height.saturating_sub(1), self.level.term);
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

    /// `▸   0.372 = 0.31 × 1.20  “animal”`, with the factor that Enter opens highlighted.
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
                    spans.push(Span::styled(factor.text(INLINE_TERMS, &figure), style));
                }
            }
            expr => {
                spans.push(Span::styled(" = ", theme.dim()));
                spans.push(Span::styled(expr.text(INLINE_TERMS, &figure), ink));
            }
        }
        let operands = term.operands();
        let word = operands.iter().filter_map(|operand| self.word(operand)).next_back();
        spans.extend(word.map(|word| Span::styled(format!("  {word}"), theme.dim())));
        cut_spans(spans, self.width)
    }

    /// Full address and value of the operand that Enter opens.
    fn operand(&self) -> Line<'static> {
        let theme = &self.state.theme;
        let Some(operand) = self.level.chosen() else { return Line::default() };
        let address = Span::styled(operand.address.to_string(), theme.accent().underlined());
        let value = Span::raw(format!(" = {}", operand.value));
        cut_spans(vec![address, value], self.width)
    }

    /// The token of an operand's column, else of its row; None if neither axis has tokens.
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

    /// The line of key hints.
    fn foot(&self) -> Line<'static> {
        let theme = &self.state.theme;
        let text = match self.level.chosen() {
            Some(_) => theme.glyph(
                "Enter opens it   ↑↓ HL choose   Esc back",
                "Enter opens it   jk HL choose   Esc back",
            ),
            None => "it is given: nothing made it  Esc back",
        };
        self.cut_line(text, theme.dim())
    }

    fn cut_line(&self, text: &str, style: Style) -> Line<'static> {
        Line::styled(fit(text, self.width), style)
    }
}

/// The labels of a cell; a row of the embedding table is also named by its token.
fn labels(trace: &Trace, site: &Recorded, address: &Address) -> String {
    let labels = trace.labels(site, address.cell);
    match trace.word_of_row(site, address.cell.row) {
        Some(word) => format!("the row of “{word}” · {labels}"),
        None => labels,
    }
}

/// An address without the path before its last name: `weights[2,8,1]`.
fn last_name(address: &Address) -> String {
    let text = address.to_string();
    let path_end = text.find('[').unwrap_or(text.len());
    let start = text[..path_end].rfind('.').map_or(0, |i| i + 1);
    text[start..].to_owned()
}

/// A number with about four significant digits.
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

/// Spans cut to `width` columns.
fn cut_spans(spans: Vec<Span<'static>>, width: usize) -> Line<'static> {
    let mut columns_left = width;
    let mut kept = vec![];
    for span in spans {
        let span_width = span.width();
        if span_width > columns_left {
            kept.push(Span::styled(fit(&span.content, columns_left), span.style));
            break;
        }
        columns_left -= span_width;
        kept.push(span);
    }
    Line::from(kept)
}
