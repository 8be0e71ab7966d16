//! Patterns for names: of sites, of steps.

/// Whether a pattern of `*` (any characters) and `?` (one) matches the whole text.
pub fn matches(glob: &str, text: &str) -> bool {
    let (glob, text) = (glob.as_bytes(), text.as_bytes());
    let (mut g, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        if glob.get(g) == Some(&b'*') {
            star = Some((g, t));
            g += 1;
        } else if glob.get(g).is_some_and(|&c| c == b'?' || c == text[t]) {
            (g, t) = (g + 1, t + 1);
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            (g, t) = (at + 1, from + 1);
        } else {
            return false;
        }
    }
    glob[g..].iter().all(|&c| c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        let path = "encoder.0.self_attn.weights";
        for glob in ["*", "encoder.*", "*.weights", "encoder.?.self_attn.*", "*0*attn*w*", path] {
            assert!(matches(glob, path), "{glob}");
        }
        for glob in ["", "encoder", "*.scores", "encoder.??.self_attn.*", "weights*"] {
            assert!(!matches(glob, path), "{glob}");
        }
        assert!(matches("", ""));
    }
}
