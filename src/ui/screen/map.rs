//! Draws the map: the parts of the step's model, with those lit that the step is about.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::{Modifier, Style},
    text::Span,
    widgets::Widget,
};

use super::linked::{self, LinkedSpan};
use crate::{
    analysis::map::{ModelMap, Section, Station, StationKind},
    lesson::PaneSpec,
    ui::{app::State, descriptions::short_path, widgets::lines::fit},
};

/// A piece of the map, with the station that it names.
type Piece<'a> = LinkedSpan<&'a Station>;

/// How much of the map is written.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Form {
    /// With short names and without spaces.
    is_tight: bool,
    /// Without the inside of layers in which nothing is lit.
    is_folded: bool,
}

/// The most detailed comes first.
const FORMS: [Form; 3] = [
    Form { is_tight: false, is_folded: false },
    Form { is_tight: false, is_folded: true },
    Form { is_tight: true, is_folded: true },
];

/// Draws the map in one line, or the source and the target line.
pub fn draw(state: &State, area: Rect, buf: &mut Buffer) {
    let Some(map) = state.map() else { return };
    for (line, area) in lines(state, &map, area) {
        linked::drawn(line).render(area, buf);
    }
}

/// The step that a click on the map leads to: the first one of the model that shows a site of the station.
pub fn step_at(state: &State, area: Rect, position: Position) -> Option<usize> {
    let map = state.map()?;
    let lines = lines(state, &map, area);
    let (line, area) = lines.into_iter().find(|(_, area)| area.contains(position))?;
    state.step_of_station(linked::target_at(line, area, position)?)
}

/// The lines of the map, each with its place.
fn lines<'a>(state: &State, map: &'a ModelMap, area: Rect) -> Vec<(Vec<Piece<'a>>, Rect)> {
    let in_two = area.height > 1 && !map.target.is_empty();
    let candidates = FORMS.map(|form| written(state, map, form, in_two));
    let is_fitting =
        |lines: &Vec<Vec<Piece>>| lines.iter().all(|l| linked::width(l) <= area.width.into());
    let last = FORMS.len() - 1;
    let chosen = candidates.iter().position(is_fitting).unwrap_or(last);
    let [first, second, third] = candidates;
    let lines = [first, second, third].into_iter().nth(chosen).unwrap_or_default();
    lines.into_iter().map(|line| cut(line, area.width.into())).zip(area.rows()).collect()
}

/// The pieces that fit around the station of the focused pane; where others are left out stands a sign.
fn cut(mut line: Vec<Piece>, width: usize) -> Vec<Piece> {
    let is_focused = |piece: &Piece| piece.span.style.add_modifier.contains(Modifier::REVERSED);
    let needed = line.iter().position(is_focused).map_or(0, |at| linked::width(&line[..=at]));
    let mut too_many = needed.saturating_sub(width.saturating_sub(1));
    if too_many > 0 {
        too_many += 2; // the sign, after a blank
        let is_left_out = |piece: &Piece| {
            let is_left_out = too_many > 0;
            too_many = too_many.saturating_sub(piece.span.width());
            is_left_out
        };
        let n = line.iter().map(is_left_out).filter(|is| *is).count();
        line.splice(..n, [Piece::plain(Span::raw(" …"))]);
    }
    let mut left = width;
    let mut shown = vec![];
    for Piece { span, to } in line {
        let text = fit(&span.content, left);
        left -= span.width().min(left);
        shown.push(Piece { span: Span::styled(text, span.style), to });
        if left == 0 {
            break;
        }
    }
    shown
}

fn written<'a>(state: &State, map: &'a ModelMap, form: Form, in_two: bool) -> Vec<Vec<Piece<'a>>> {
    let (theme, dim) = (&state.theme, state.theme.dim());
    let line = |sections: &'a [Section]| {
        let mut pieces = vec![Piece::plain(Span::raw(" "))];
        for (i, section) in sections.iter().enumerate() {
            if i > 0 {
                pieces.push(Piece::plain(Span::styled(arrow(state, form), dim)));
            }
            pieces.extend(section_pieces(state, section, form));
        }
        pieces
    };
    let (mut source, target) = (line(&map.source), line(&map.target));
    if map.target.is_empty() {
        return vec![source];
    }
    let (dash, head) = (theme.glyph("═", "="), theme.glyph("▶", ">"));
    let link = if form.is_tight {
        format!("{dash}{head}")
    } else if in_two {
        format!(" {dash}{dash} {} {dash}{dash}{head} ", map.link)
    } else {
        format!(" {dash} {} {dash}{head}", map.link)
    };
    source.push(Piece::plain(Span::styled(link, dim)));
    if in_two {
        return vec![source, target];
    }
    source.extend(target.into_iter().skip(usize::from(form.is_tight)));
    vec![source]
}

fn arrow(state: &State, form: Form) -> &'static str {
    let theme = &state.theme;
    if form.is_tight { theme.glyph("→", ">") } else { theme.glyph(" → ", " > ") }
}

fn section_pieces<'a>(state: &State, section: &'a Section, form: Form) -> Vec<Piece<'a>> {
    let dim = state.theme.dim();
    let is_lit = section.stations.iter().any(|station| light(state, station).is_some());
    let mut pieces = vec![];
    let Some(stack) = &section.stack else {
        return stations(state, section, form);
    };
    let times = state.theme.glyph("×", "x");
    if form.is_folded && !is_lit {
        let text = format!("{} {times}{}", stack.name, stack.n_layers);
        let text = if form.is_tight { text.replace(' ', "") } else { text };
        return vec![Piece { span: Span::styled(text, dim), to: section.stations.first() }];
    }
    let style = if is_lit { state.theme.accent() } else { dim };
    let space = if form.is_tight { "" } else { " " };
    let name = format!("{}.{}{space}[{space}", stack.name, stack.layer);
    pieces.push(Piece::plain(Span::styled(name, style)));
    pieces.extend(stations(state, section, form));
    let end = format!("{space}]{space}{times}{}", stack.n_layers);
    pieces.push(Piece::plain(Span::styled(end, style)));
    pieces
}

fn stations<'a>(state: &State, section: &'a Section, form: Form) -> Vec<Piece<'a>> {
    let dim = state.theme.dim();
    let is_sum = |station: &Station| station.kind == StationKind::Sum;
    let mut pieces = vec![];
    for (i, station) in section.stations.iter().enumerate() {
        let before = i.checked_sub(1).map(|i| &section.stations[i]);
        let is_probe = station.kind == StationKind::Probe;
        let is_beside_sum = is_sum(station) || before.is_some_and(is_sum);
        if before.is_some() {
            let between = match (is_beside_sum || is_probe, form.is_tight) {
                (true, true) => "",
                (true, false) => " ",
                (false, _) => arrow(state, form),
            };
            pieces.push(Piece::plain(Span::styled(between, dim)));
        }
        let name = if form.is_tight { short(&station.name) } else { station.name.clone() };
        let name = if is_probe { format!("({name})") } else { name };
        let style = light(state, station).unwrap_or(dim);
        pieces.push(Piece::new(Span::styled(name, style), station));
    }
    pieces
}

/// A station's name on a narrow screen, where its place tells which norm it is.
fn short(name: &str) -> String {
    match name {
        "embed+pos" | "embed" => "emb".to_owned(),
        "norm1" | "norm2" | "norm3" => "norm".to_owned(),
        _ => short_path(name),
    }
}

/// The style of a station that a pane of the step is about; the focused pane's stands out.
fn light(state: &State, station: &Station) -> Option<Style> {
    let (_, step) = state.current();
    let shows = |spec: &PaneSpec| {
        let path = spec.path(state.nav.selection.layer);
        step.model_of(spec) == step.model && path.is_some_and(|path| station.holds(&path))
    };
    if state.focused().is_some_and(shows) {
        return Some(state.theme.accent().bold().reversed());
    }
    state.specs().iter().any(shows).then(|| state.theme.accent().bold())
}
