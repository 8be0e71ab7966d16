//! The complete list of sites of every model, in the order of computation: the names that trace,
//! panes, exports and goldens share.

use lookback::model::ModelName;

use crate::support::built_in::reading;

#[test]
fn every_site_of_every_model_by_name_axes_and_caption() {
    let reading = reading("The dog sleeps.");
    for name in ModelName::ALL {
        let lines = reading.trace(name).sites().filter(|s| !s.is_leaf).map(|site| {
            let axes = site.axes().map(lookback::engine::site::Axis::name).join(", ");
            format!("{} [{axes}] {}", site.path(), site.caption())
        });
        insta::assert_snapshot!(format!("sites_of_{name}"), lines.collect::<Vec<_>>().join("\n"));
    }
}

#[test]
fn every_computed_site_has_a_caption_and_no_path_is_used_twice() {
    let reading = reading("The dog sleeps.");
    for name in ModelName::ALL {
        let mut seen = std::collections::BTreeSet::new();
        for site in reading.trace(name).sites() {
            assert!(!site.caption().is_empty(), "{name}: {} has no caption", site.path());
            assert!(seen.insert(site.path().to_owned()), "{name}: {} twice", site.path());
        }
    }
}
