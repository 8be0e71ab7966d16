//! The embedded fonts for web pages: WOFF2, with which browsers draw.

use std::sync::LazyLock;

/// The character ranges of the Latin web fonts, first and last.
static WEB_CHARACTERS: LazyLock<Vec<(u32, u32)>> = LazyLock::new(|| {
    let number = |hex: &str| u32::from_str_radix(hex, 16).ok();
    let range = |line: &str| line.split_once(' ').and_then(|(a, b)| number(a).zip(number(b)));
    include_str!("../../../assets/fonts/web.txt").lines().filter_map(range).collect()
});

/// Whether the Latin web fonts have the character, which then is as wide as its cell.
pub fn is_in_web(c: char) -> bool {
    let c = u32::from(c);
    WEB_CHARACTERS.iter().any(|(first, last)| (*first..=*last).contains(&c))
}

/// A font for web pages.
pub struct WebFont {
    pub family: &'static str,
    pub is_bold: bool,
    /// WOFF2.
    pub bytes: &'static [u8],
}

/// The embedded web fonts, with the characters that frames usually have.
pub static WEB: [WebFont; 3] = [
    WebFont {
        family: "Lookback Mono",
        is_bold: false,
        bytes: include_bytes!("../../../assets/fonts/mono-regular.woff2"),
    },
    WebFont {
        family: "Lookback Mono",
        is_bold: true,
        bytes: include_bytes!("../../../assets/fonts/mono-bold.woff2"),
    },
    WebFont {
        family: "Lookback Han",
        is_bold: false,
        bytes: include_bytes!("../../../assets/fonts/han.woff2"),
    },
];
