//! The styles of the frame around the panes.

use ratatui::style::{Color, Modifier, Style};

use crate::theme::Theme;

pub fn accent(_theme: &Theme) -> Style {
    Style::new().fg(Color::Cyan)
}

pub fn dim(_theme: &Theme) -> Style {
    Style::new().fg(Color::DarkGray)
}

pub fn wrong(_theme: &Theme) -> Style {
    Style::new().fg(Color::Yellow)
}

/// The colour of a pane's title, and of the words that name it.
pub fn pane(_theme: &Theme, i: usize) -> Style {
    const PANES: [Color; 4] = [Color::Cyan, Color::Yellow, Color::Magenta, Color::Green];
    Style::new().fg(PANES[i % PANES.len()])
}

pub fn strong() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

pub fn cursor() -> Style {
    Style::new().reversed()
}
