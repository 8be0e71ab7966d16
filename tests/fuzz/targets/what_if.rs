//! What-ifs, one a line: each is written as it is read, and changes a pass, or is refused.

use super::{READ, answered, bounded};
use lookback::engine::change::{Change, Changes};

pub fn run(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let (reader, plain) = &*READ;
    bounded(|| {
        let mut changes = Changes::default();
        for line in text.lines() {
            let Some(change) = answered(line.parse::<Change>()) else { continue };
            assert_eq!(change.to_string().parse::<Change>().ok().as_ref(), Some(&change));
            changes = changes.with(change);
        }
        if changes.is_empty() {
            return;
        }
        answered(reader.read_changed(plain, changes));
    });
}
