//! A PDF file, read back: its pages show the cells of their frames and say what is told of them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::{collections::BTreeMap, io::Read, sync::Arc};

use lookback::{
    analysis::reading::Reader,
    export::{Film, Format, Paper, Write},
    lesson::{Language, Lesson},
    render::{
        font::{CELL, Fonts},
        frame::{Shot, Walk},
        picture::{Look, Picture},
    },
    ui::theme::{Depth, Glyphs, Rgb, Scheme, Theme},
};
use ratatui::layout::Size;
use unicode_normalization::UnicodeNormalization;
use unicode_width::UnicodeWidthChar;

const SENTENCE: &str = "The cafe\u{301} <script> \u{732b} \u{1f408} x\u{302}.";

fn walk(language: Language) -> Walk {
    let lesson = Arc::new(Lesson::embedded(language).unwrap());
    let reading = Arc::new(Reader::embedded().unwrap().read(SENTENCE).unwrap());
    let theme = Theme::new(Depth::True, Glyphs::Unicode);
    let themes = Format::find("pdf").unwrap().themes(theme, None, false);
    assert_eq!(themes, [theme.with(Scheme::Light)]);
    Walk::new(lesson, reading, themes, Size::new(100, 30))
}

fn written(language: Language, steps: &[usize], n_threads: usize) -> Vec<u8> {
    let paper = Paper { fonts: Fonts::embedded(1).unwrap(), pace: 1.0 };
    let Write::Film(write) = Format::find("pdf").unwrap().write else { panic!("no film") };
    let film = Film { walk: walk(language), steps, n_threads, progress: &|| Ok(()) };
    let mut out = vec![];
    write(film, &paper, &mut out).unwrap();
    out
}

fn shots(language: Language, steps: &[usize]) -> Vec<Shot> {
    walk(language).shots(steps).collect()
}

/// The part of a text between two others.
fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    text.split_once(from)?.1.split_once(to).map(|(part, _)| part)
}

/// Objects by their number: what is said of each, and its data.
struct File(Vec<(String, Vec<u8>)>);

impl File {
    /// Finds objects where the table says that they are.
    fn read(bytes: &[u8]) -> Self {
        let text = |from: usize| String::from_utf8_lossy(&bytes[from..]).into_owned();
        let end = text(bytes.len() - 40);
        let table = text(between(&end, "startxref\n", "\n").unwrap().parse().unwrap());
        let entries = table.lines().skip(3).take_while(|line| line.ends_with(" n "));
        let object = |(i, entry): (usize, &str)| {
            let at: usize = entry[..10].parse().unwrap();
            let start = format!("{} 0 obj\n", i + 1);
            assert!(bytes[at..].starts_with(start.as_bytes()), "{entry}");
            let said = text(at);
            let said = said[start.len()..].split_inclusive(">>\n").next().unwrap().to_owned();
            let data = at + start.len() + said.len() + "stream\n".len();
            let packed = between(&said, "/Length ", "/").and_then(|n| n.parse::<usize>().ok());
            let mut unpacked = vec![];
            if let Some(length) = packed {
                let packed = &bytes[data..data + length];
                flate2::read::ZlibDecoder::new(packed).read_to_end(&mut unpacked).unwrap();
            }
            (said, unpacked)
        };
        Self(entries.enumerate().map(object).collect())
    }

    fn of_kind(&self, kind: &str) -> Vec<&str> {
        let kind = format!("/Type/{kind}/");
        self.0.iter().map(|(said, _)| said.as_str()).filter(|said| said.contains(&kind)).collect()
    }

    /// The object that another names.
    fn named(&self, said: &str, key: &str) -> &(String, Vec<u8>) {
        let number = between(said, &format!("/{key} "), " 0 R").unwrap();
        &self.0[number.parse::<usize>().unwrap() - 1]
    }

    /// The characters of the codes of each font.
    fn characters(&self) -> BTreeMap<String, BTreeMap<u16, char>> {
        let fonts = self.0.iter().find(|(said, _)| said.starts_with("<</Font<<")).unwrap();
        let names = ["F0", "F1", "F2"].into_iter().filter(|name| fonts.0.contains(name));
        let of_font = |name: &str| {
            let (font, _) = self.named(&fonts.0, name);
            let map = String::from_utf8_lossy(&self.named(font, "ToUnicode").1).into_owned();
            let number = |hex: &str| u16::from_str_radix(hex.trim_matches(['<', '>']), 16).ok();
            let pairs = map.lines().filter_map(|line| {
                let (code, text) = line.strip_prefix('<')?.split_once("> <")?;
                let c = char::decode_utf16([number(text)?]).next()?.ok()?;
                Some((number(code)?, c))
            });
            (format!("/{name}"), pairs.collect())
        };
        names.map(of_font).collect()
    }
}

/// A token of a page's content.
#[derive(Debug, PartialEq)]
enum Token {
    Text(Vec<u8>),
    Word(String),
}

fn tokens(content: &[u8]) -> Vec<Token> {
    let mut tokens = vec![];
    let mut bytes = content.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'(' => {
                let (mut text, mut depth) = (vec![], 1);
                while let Some(byte) = bytes.next() {
                    depth += i32::from(byte == b'(') - i32::from(byte == b')');
                    if depth == 0 {
                        break;
                    }
                    text.push(if byte == b'\\' { escaped(&mut bytes) } else { byte });
                }
                tokens.push(Token::Text(text));
            }
            b' ' | b'\n' => {}
            first => {
                let mut word = vec![first];
                while let Some(byte) = bytes.next_if(|byte| !b" \n(/<".contains(byte)) {
                    word.push(byte);
                    if byte == b'>' {
                        break;
                    }
                }
                let word = String::from_utf8(word).unwrap();
                tokens.push(hex(&word).map_or(Token::Word(word), Token::Text));
            }
        }
    }
    tokens
}

/// The other way to write text: `<0041>`.
fn hex(word: &str) -> Option<Vec<u8>> {
    let digits = word.strip_prefix('<')?.strip_suffix('>')?;
    let pairs = (0..digits.len()).step_by(2).map(|i| digits.get(i..i + 2));
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}

fn escaped(bytes: &mut std::iter::Peekable<impl Iterator<Item = u8>>) -> u8 {
    let mut octal = 0;
    match bytes.next().unwrap() {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'f' => 12,
        digit @ b'0'..=b'7' => {
            octal += u32::from(digit - b'0');
            for _ in 0..2 {
                octal = octal * 8 + u32::from(bytes.next().unwrap() - b'0');
            }
            octal as u8
        }
        other => other,
    }
}

/// What is shown between `q` and `Q`, in its own pixels.
#[derive(Debug, Default)]
struct Block {
    /// Left, bottom, characters, colour.
    texts: Vec<(f32, f32, String, Rgb)>,
    /// Left, bottom, right, top, colour.
    fills: Vec<([f32; 4], Rgb)>,
}

impl Block {
    /// What is on top at a point.
    fn ground(&self, x: f32, y: f32) -> Option<Rgb> {
        let is_in = |[left, bottom, right, top]: [f32; 4]| {
            (left..right).contains(&x) && (bottom..top).contains(&y)
        };
        self.fills.iter().rev().find(|(area, _)| is_in(*area)).map(|(_, colour)| *colour)
    }

    /// The characters row by row.
    fn lines(&self) -> String {
        let mut text = String::new();
        let mut last = None;
        for (_, y, part, _) in &self.texts {
            let is_new = last.replace(*y).is_some_and(|last| last - y > 10.0);
            text += if is_new { "\n" } else { "" };
            text += part;
        }
        text
    }
}

fn blocks(content: &[u8], fonts: &BTreeMap<String, BTreeMap<u16, char>>) -> Vec<Block> {
    let mut blocks = vec![];
    let (mut words, mut texts): (Vec<String>, Vec<Vec<u8>>) = (vec![], vec![]);
    let (mut colour, mut font, mut at) = ((0, 0, 0), String::new(), (0.0, 0.0));
    let mut areas: Vec<[f32; 4]> = vec![];
    for token in tokens(content) {
        let word = match token {
            Token::Text(text) => {
                texts.push(text);
                continue;
            }
            Token::Word(word) => word,
        };
        let last = |n: usize| -> Vec<f32> {
            words[words.len() - n..].iter().map(|word| word.parse().unwrap()).collect()
        };
        match word.as_str() {
            "q" => blocks.push(Block::default()),
            "rg" => {
                let parts = last(3);
                let part = |i: usize| (parts[i] * 255.0).round() as u8;
                colour = (part(0), part(1), part(2));
            }
            "Tf" => font.clone_from(&words[words.len() - 2]),
            "Tm" => at = (last(2)[0], last(2)[1]),
            "Tj" => {
                let codes = texts.pop().unwrap();
                let codes = codes.chunks(2).map(|code| u16::from_be_bytes([code[0], code[1]]));
                let text = codes.map(|code| fonts[&font][&code]).collect();
                blocks.last_mut().unwrap().texts.push((at.0, at.1, text, colour));
            }
            "re" => {
                let area = last(4);
                areas.push([area[0], area[1], area[0] + area[2], area[1] + area[3]]);
            }
            "f" => {
                let areas = areas.drain(..).map(|area| (area, colour));
                blocks.last_mut().unwrap().fills.extend(areas);
            }
            // Rims, and what stands for characters that no font has.
            "S" | "f*" => areas.clear(),
            _ => {
                words.push(word);
                continue;
            }
        }
        words.clear();
    }
    blocks
}

/// Every character stands in its cell, in its colour, and every cell has its ground.
fn same_cells(block: &Block, picture: &Picture) {
    let mut shown: BTreeMap<(usize, usize), (String, Rgb)> = BTreeMap::new();
    let mut place = (0, 0);
    for (left, bottom, text, colour) in &block.texts {
        let row = picture.height - 1 - (bottom / CELL.1 as f32) as usize;
        let mut x = *left;
        for c in text.chars() {
            let width = c.width().unwrap_or(0);
            if width > 0 {
                // Rounded, for glyphs that are a little narrower than their cells.
                place = (row, ((x + 2.0) / CELL.0 as f32) as usize);
            }
            // A mark lies over the letter that was before it.
            shown.entry(place).or_insert((String::new(), *colour)).0.push(c);
            x += (CELL.0 * width) as f32;
        }
    }
    for (i, cell) in picture.cells.iter().enumerate().filter(|(_, cell)| cell.columns > 0) {
        let (row, column) = (i / picture.width, i % picture.width);
        let Look { ink, ground, .. } = cell.look;
        if cell.symbol != " " && cell.symbol != "\u{1f408}" {
            let there = shown.get(&(row, column));
            let (text, colour) = there.unwrap_or_else(|| panic!("no {cell:?} at {row} {column}"));
            assert_eq!(text.nfc().to_string(), cell.symbol.nfc().to_string(), "{row} {column}");
            assert_eq!(*colour, ink, "{row} {column}");
        } else if let Some((text, _)) = shown.get(&(row, column)) {
            assert_eq!(text.trim(), "", "{row} {column}");
        }
        if cell.symbol != "█" && cell.symbol != "\u{1f408}" {
            let middle =
                ((column * CELL.0 + 5) as f32, ((picture.height - row) * CELL.1 - 8) as f32);
            assert_eq!(block.ground(middle.0, middle.1), Some(ground), "{row} {column}");
        }
    }
}

#[test]
fn a_page_shows_the_cells_of_its_frame_and_says_what_is_told() {
    for language in Language::ALL {
        let n_steps = Lesson::embedded(language).unwrap().steps().len();
        let steps: Vec<usize> = (0..n_steps).collect();
        let file = File::read(&written(language, &steps, 2));
        let fonts = file.characters();
        let pages = file.of_kind("Page").into_iter();
        let mut pages =
            pages.map(|page| blocks(&file.named(page, "Contents").1, &fonts)).peekable();
        for shot in shots(language, &steps) {
            // In the head the chapter and the step; the frame; the text; the sentence and the number.
            let page = pages.next().unwrap();
            let [_, title, frame, text, _] = &page[..] else { panic!("{} parts", page.len()) };
            assert_eq!(unspaced(&title.lines()), unspaced(&shot.title()));
            same_cells(frame, &shot.picture());
            let mut told = text.lines();
            // Text that does not fit goes on without the frame.
            while let Some(page) = pages.next_if(|page| page.len() == 4) {
                told += &page[2].lines();
            }
            let lines = shot.narration(96).into_iter().flatten().map(|piece| piece.text);
            let step = shot.step();
            let want = lines.chain([step.formula.clone(), step.source.clone()]).collect::<String>();
            assert_eq!(unspaced(&told), unspaced(&want), "{}", shot.title());
        }
        assert!(pages.next().is_none());
        assert_eq!(file.of_kind("Font").len(), 2 * fonts.len());
    }
}

fn unspaced(text: &str) -> String {
    text.nfc().filter(|c| !c.is_whitespace()).collect()
}

#[test]
fn the_same_bytes_for_any_number_of_threads() {
    let steps = [0, 3, 40];
    let once = written(Language::English, &steps, 1);
    assert!(written(Language::English, &steps, 3) == once);
}
