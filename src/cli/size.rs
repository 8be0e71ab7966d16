//! Columns and rows of a frame, written `100x30`.

use std::str::FromStr;

/// A frame's size in cells, within what can be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub width: u16,
    pub height: u16,
}

impl Size {
    const LEAST: Self = Self { width: 80, height: 24 };
    const MOST: Self = Self { width: 500, height: 300 };
}

impl From<Size> for ratatui::layout::Size {
    fn from(Size { width, height }: Size) -> Self {
        Self { width, height }
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text.split_once(['x', 'X', '×']);
        let numbers =
            numbers.and_then(|(w, h)| Some((w.trim().parse().ok()?, h.trim().parse().ok()?)));
        let Some((width, height)) = numbers else {
            return Err("write columns and rows, as in 100x30".into());
        };
        let Self { width: w, height: h } = Self::LEAST;
        if width < w || height < h {
            return Err(format!("the walk needs at least {w}x{h} cells; make it larger"));
        }
        let Self { width: w, height: h } = Self::MOST;
        if width > w || height > h {
            return Err(format!("frames have at most {w}x{h} cells; make it smaller"));
        }
        Ok(Self { width, height })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_columns_by_rows_within_bounds() {
        assert_eq!("100x30".parse(), Ok(Size { width: 100, height: 30 }));
        assert_eq!("80X24".parse(), Ok(Size { width: 80, height: 24 }));
        for wrong in ["", "x", "100", "100x", "-1x30", "79x24", "80x23", "501x30", "99999999x30"] {
            assert!(wrong.parse::<Size>().is_err(), "{wrong}");
        }
    }
}
