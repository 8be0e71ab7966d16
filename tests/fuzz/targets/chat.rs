//! A chat template: it is rendered around a sentence, or is refused. A file of settings may hold it, or name it.

use super::{answered, bounded};
use lookback::text::{ChatTemplate, SpecialTexts, template_of};

const SENTENCE: &str = " The dog sleeps.";

pub fn run(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    bounded(|| {
        if let Ok(settings) = serde_json::from_str(text) {
            answered(template_of(&settings));
        }
        let specials = [("bos_token", "<s>"), ("eos_token", "</s>")];
        let specials = SpecialTexts(specials.map(|(name, text)| (name.into(), text.into())).into());
        for system in [None, Some("Be brief.".to_owned())] {
            let template = ChatTemplate::new(text.to_owned(), system, 1_720_000_000);
            let Some(rendered) = answered(template.render(SENTENCE, &specials)) else { continue };
            assert_eq!(rendered.text[rendered.sentence].trim(), SENTENCE.trim());
        }
    });
}
