//! The inspector of an open number, in place of the narration: the path to it, its arithmetic, its operands.

use crate::lesson::Language;
use crate::lesson::tr;
use crate::ui::descriptions::{BETWEEN_LABELS, caption, cell_labels, number_name};
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
        arithmetic::{Expr, NumberName, Operand, terms::Term},
        site::{Address, Axis},
    },
    text::{cell_value, significant},
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

/// The index of a summand on the axis that is summed over.
struct SummandIndex<'a> {
    site: &'a Recorded,
    axis: Axis,
    index: usize,
}

impl Inspector<'_> {
    /// The lines above the list: path, name and value, labels, caption, formula and arithmetic; one item per line
    /// if the screen is narrow, else three lines.
    fn head(&self) -> Vec<Line<'static>> {
        let theme = &self.state.theme;
        let arithmetic = &self.level.arithmetic;
        let language = self.language();
        let address = arithmetic.name.address();
        let of_site = address.and_then(|address| Some((self.site(address)?, address)));
        let labels = of_site.map_or_else(String::new, |(site, address)| {
            labels(self.trace, site, address, language)
        });
        let breadcrumb = Line::styled(self.breadcrumb(), theme.dim());
        let name = number_name(&arithmetic.name, language);
        let name = Span::styled(name, theme.accent().bold());
        let mut lines = vec![breadcrumb];
        if self.width >= MIN_WIDTH_FOR_SHARED_LINES {
            let labels = Span::styled(format!("   {labels}"), theme.dim());
            let number = [vec![name], self.value(), vec![labels]].concat();
            lines.push(cut_spans(number, self.width));
            let formula = Span::styled(language.tr(arithmetic.formula), theme.accent());
            let available_width = self.width.saturating_sub(formula.width() + 2);
            let text = self.arithmetic_text(available_width).unwrap_or_default();
            lines.push(cut_spans(vec![formula, Span::raw(format!("  {text}"))], self.width));
            return lines;
        }
        let caption =
            of_site.map_or_else(String::new, |(site, address)| caption(site, address, language));
        lines.push(cut_spans(vec![name], self.width));
        lines.push(cut_spans(self.value(), self.width));
        lines.push(self.cut_line(&labels, theme.dim()));
        lines.push(self.cut_line(&caption, Style::new()));
        lines.push(self.cut_line(language.tr(arithmetic.formula), theme.accent()));
        let text = self.arithmetic_text(self.width);
        lines.extend(text.map(|text| self.cut_line(&text, Style::new())));
        lines
    }

    /// `= 0.31*1.20 + 0.4`, with as many terms of a sum as fit, the rest as one number; None for a given number.
    fn arithmetic_text(&self, available_width: usize) -> Option<String> {
        let expr = self.level.arithmetic.expr.as_ref()?;
        let text = |n_terms| format!("= {}", expr.text(n_terms, &in_arithmetic));
        let fitting = (1..=INLINE_TERMS).rev().map(text);
        Some(fitting.into_iter().find(|t| t.width() <= available_width).unwrap_or_else(|| text(0)))
    }

    /// ` = 0.21` in full precision, and the value before the change.
    fn value(&self) -> Vec<Span<'static>> {
        let theme = &self.state.theme;
        let value = self.level.arithmetic.value;
        let mut spans = vec![Span::raw(" = "), Span::styled(value.to_string(), theme.strong())];
        let old_value =
            self.value_before_change().map(|was| tr!(self.language(), "  was {was}", was));
        spans.extend(old_value.map(|old_value| Span::styled(old_value, theme.incorrect())));
        spans
    }

    fn language(&self) -> Language {
        self.state.lesson.language
    }

    fn value_before_change(&self) -> Option<f32> {
        let address = self.level.arithmetic.name.address()?;
        self.state.passes.reading.as_ref()?.before(self.level.model, address)
    }

    /// The path of opened numbers, `weights[2,8,1] › masked[2,8,1] › q[2,8,3]`; only its end if it is long.
    fn breadcrumb(&self) -> String {
        let separator = self.state.theme.glyph(" › ", " > ");
        let names: Vec<String> = self
            .state
            .inspector
            .levels
            .iter()
            .map(|level| match &level.arithmetic.name {
                NumberName::Address(address) => address.last_part(),
                NumberName::Words { what, .. } => self.language().tr(what).to_owned(),
            })
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
            let text = tr!(
                self.language(),
                "  {n} more of the sum, together {sum}",
                n,
                sum = cell_value(sum)
            );
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
        spans.push(Span::styled(format!("{:>9}", cell_value(term.value)), ink));
        match &term.expr {
            Expr::Leaf(_) | Expr::Number(_) => {}
            Expr::Product(factors) => {
                let between = [" = ", theme.glyph(" × ", " * ")];
                for (j, factor) in factors.iter().enumerate() {
                    let is_open = is_chosen && j == self.level.operand;
                    let style = if is_open { theme.cursor() } else { ink };
                    spans.push(Span::styled(between[j.min(1)], theme.dim()));
                    let text = factor.text(INLINE_TERMS, &in_arithmetic);
                    let is_sum = matches!(factor, Expr::Sum(_) | Expr::Difference(..));
                    let text = if is_sum { format!("({text})") } else { text };
                    spans.push(Span::styled(text, style));
                }
            }
            expr => {
                spans.push(Span::styled(" = ", theme.dim()));
                spans.push(Span::styled(expr.text(INLINE_TERMS, &in_arithmetic), ink));
            }
        }
        let used: usize = spans.iter().map(Span::width).sum();
        let note = self.note(term, self.width.saturating_sub(used + 2));
        spans.extend(note.map(|note| Span::styled(format!("  {note}"), theme.dim())));
        cut_spans(spans, self.width)
    }

    /// What a term is: in a sum its index, else its token; the numerator of softmax, which is in the sum too, says so.
    fn note(&self, term: &Term, available_width: usize) -> Option<String> {
        if let Some(index) = self.summed_index(term, available_width) {
            return Some(index);
        }
        let word = term.operands().into_iter().filter_map(|operand| self.word(operand)).next_back();
        let part = term.is_numerator.then(|| self.language().tr("numerator").to_owned());
        let notes: Vec<String> = part.into_iter().chain(word).collect();
        (!notes.is_empty()).then(|| notes.join(" "))
    }

    /// The index of a summand on the axis that is summed over: `“animal”`, `channel 3`, or `3` if there is no room for
    /// more. None if no axis is summed over.
    fn summed_index(&self, term: &Term, available_width: usize) -> Option<String> {
        let SummandIndex { site, axis, index } = self.summed_axis(term)?;
        if let Some(token) = self.trace.token(site, axis, index) {
            return Some(tr!(self.language(), "“{word}”", word = token));
        }
        let name = format!("{} {index}", self.language().tr(axis.name()));
        Some(if name.width() <= available_width { name } else { index.to_string() })
    }

    /// A summand's index on the axis along which it differs from the others, in the first operand that does.
    fn summed_axis(&self, term: &Term) -> Option<SummandIndex<'_>> {
        let summands = || self.level.terms.iter().filter(|term| term.is_summand);
        let operands = term.operands().into_iter().enumerate().filter(|_| term.is_summand);
        operands.into_iter().find_map(|(i, Operand { address, .. })| {
            let Address { kind, path, cell, .. } = address;
            let others = summands().filter_map(|other| other.operands().get(i).copied());
            let others = others.map(|other| &other.address);
            let others = others.filter(|other| other.kind == *kind && other.path == *path);
            let other = others.map(|other| other.cell).find(|other| other != cell)?;
            let pairs = [(cell.plane, other.plane), (cell.row, other.row), (cell.col, other.col)];
            let site = self.site(address)?;
            let mut axes = site.axes().into_iter().zip(pairs);
            let (axis, (index, _)) = axes.find(|(_, (a, b))| a != b)?;
            Some(SummandIndex { site, axis, index })
        })
    }

    /// Full address and value of the operand that Enter opens.
    fn operand(&self) -> Line<'static> {
        let theme = &self.state.theme;
        let Some(operand) = self.level.chosen() else { return Line::default() };
        let address = Span::styled(operand.address.to_string(), theme.accent().underlined());
        let value = Span::raw(format!(" = {}", operand.value));
        cut_spans(vec![address, value], self.width)
    }

    /// The site of an address, or that of which it is the slope.
    fn site(&self, address: &Address) -> Option<&Recorded> {
        self.state.passes.reading.as_ref()?.site_of(self.level.model, address)
    }

    /// The token of an operand's column, else of its row; None if neither axis has tokens.
    fn word(&self, operand: &Operand) -> Option<String> {
        let site = self.site(&operand.address)?;
        let cell = operand.address.cell;
        let [_, row, col] = site.axes();
        let token = |axis, i| self.trace.token(site, axis, i);
        let word = token(col, cell.col).or_else(|| token(row, cell.row))?;
        Some(tr!(self.language(), "“{word}”", word))
    }

    /// The line of key hints.
    fn foot(&self) -> Line<'static> {
        let theme = &self.state.theme;
        let text = match self.level.chosen() {
            _ if self.state.pass_of_open_number().is_some() => "Enter reads that pass   Esc back",
            Some(_) => theme.glyph(
                "Enter opens it   ↑↓ HL choose   Esc back",
                "Enter opens it   jk HL choose   Esc back",
            ),
            None if self.level.terms.is_empty() => "an input: not computed  Esc back",
            None => "no cell of its own to open  Esc back",
        };
        self.cut_line(self.language().tr(text), theme.dim())
    }

    fn cut_line(&self, text: &str, style: Style) -> Line<'static> {
        Line::styled(fit(text, self.width), style)
    }
}

/// The labels of a cell; a row of the embedding table is also named by its token.
fn labels(trace: &Trace, site: &Recorded, address: &Address, language: Language) -> String {
    let labels = cell_labels(trace, site, address.cell, language).join(BETWEEN_LABELS);
    match trace.word_of_row(site, address.cell.row) {
        Some(word) => tr!(language, "the row of “{word}” · {labels}", word, labels),
        None => labels,
    }
}

/// A number in written arithmetic, in the form of `lookback open`: four digits, three of one with an exponent.
fn in_arithmetic(n: f64) -> String {
    match n.abs() {
        _ if !n.is_finite() => cell_value(n),
        a => significant(n, if a < 0.01 { 3 } else { 4 }),
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
