//! Damage to copies of files, by chance.

use super::rng::Random;

/// Harm to bytes, mostly among the first `near`: bits turned, the end cut off, a length of another place
/// or one that is far too large.
pub fn harm_bytes(bytes: &mut Vec<u8>, near: usize, random: &mut Random) {
    const LENGTHS: [u64; 6] = [0, 1, u64::MAX, 1 << 62, i64::MAX as u64, 1 << 32];
    let reach = if random.below(8) == 0 { bytes.len() } else { near.min(bytes.len()) };
    let at = random.below(reach.max(1));
    let piece = match random.below(6) {
        0 | 1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
            return;
        }
        2 => return bytes.truncate(at.max(1)),
        3 => random.of(&LENGTHS).to_le_bytes().to_vec(),
        n => {
            let from = random.below(reach.max(1));
            bytes[from..].iter().take(8 * (n - 3)).copied().collect()
        }
    };
    bytes.iter_mut().skip(at).zip(piece).for_each(|(to, from)| *to = from);
}

/// Where the numbers and the quoted strings of a JSON text stand.
fn words(text: &str) -> Vec<(usize, usize)> {
    let (bytes, mut found, mut at) = (text.as_bytes(), vec![], 0);
    while at < bytes.len() {
        let from = at;
        at += 1;
        if bytes[from] == b'"' {
            while at < bytes.len() && bytes[at] != b'"' {
                at += 1 + usize::from(bytes[at] == b'\\');
            }
            at = (at + 1).min(bytes.len());
        } else if bytes[from].is_ascii_digit() {
            while at < bytes.len() && bytes[at].is_ascii_digit() {
                at += 1;
            }
        } else {
            continue;
        }
        found.push((from, at));
    }
    found
}

/// Harm to the sense of a JSON text: a number or a name in the place of another, or none, or one that
/// is far too large; an entry twice.
pub fn harm_json(text: &str, random: &mut Random) -> String {
    const VALUES: [&str; 9] =
        ["0", "1", "-1", "1e400", "4294967296", "18446744073709551615", "null", "\"\"", "[[[]]]"];
    let words = words(text);
    if words.is_empty() {
        return text.to_owned();
    }
    let ((from, to), (other, its_end)) = (random.of(&words), random.of(&words));
    let put = |what: &str| format!("{}{what}{}", &text[..from], &text[to..]);
    match random.below(4) {
        0 => put(random.of(&VALUES)),
        1 | 2 => put(&text[other..its_end]),
        _ => {
            let (from, to) = (from.min(other), from.max(other));
            format!("{}{}{}", &text[..to], &text[from..to], &text[to..])
        }
    }
}
