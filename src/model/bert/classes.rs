//! The heads of encoders that sort texts and tokens into classes, by family.

use super::family::BertFamily;
use crate::model::{
    classes::{ANSWER, ClassHead, Dense, FirstMap, OF_ANSWER, PRE_TRAINING, Sorted, TEXT, TOKENS},
    layer::feed_forward::Activation,
};

const OF_TOKENS: ClassHead =
    ClassHead { class: TOKENS, sorted: Sorted::Tokens, dense: None, out: "classifier" };

/// ModernBERT's: all go through its head of masked words, which has a norm.
pub const OF_MODERN: [ClassHead; 3] = {
    const fn head(class: &'static str, sorted: Sorted) -> ClassHead {
        ClassHead {
            class,
            sorted,
            dense: Some(FirstMap { names: "head.dense", activation: Dense::AsLayers }),
            out: "classifier",
        }
    }
    [head(TEXT, Sorted::Text), head(TOKENS, Sorted::Tokens), head(ANSWER, Sorted::Ends)]
};

/// The heads of a family. Where a name has several forms, they are separated by `|`.
pub const fn heads(family: BertFamily) -> &'static [ClassHead] {
    const TANH: Dense = Dense::Of(Activation::Tanh);
    const fn text(names: &'static str, activation: Dense, out: &'static str) -> ClassHead {
        ClassHead {
            class: TEXT,
            sorted: Sorted::Text,
            dense: Some(FirstMap { names, activation }),
            out,
        }
    }
    match family {
        BertFamily::Nomic => {
            const { &[text("nomic_bert.pooler.dense", TANH, "classifier"), OF_TOKENS] }
        }
        BertFamily::Bert => {
            const { &[text("bert.pooler.dense|pooler.dense", TANH, "classifier"), OF_TOKENS, OF_ANSWER] }
        }
        BertFamily::Roberta | BertFamily::MpNet => {
            const { &[text("classifier.dense", TANH, "classifier.out_proj"), OF_TOKENS, OF_ANSWER] }
        }
        BertFamily::DistilBert => {
            const RELU: Dense = Dense::Of(Activation::Relu);
            const { &[text("pre_classifier", RELU, "classifier"), OF_TOKENS, OF_ANSWER] }
        }
        BertFamily::Deberta | BertFamily::FirstDeberta => {
            const {
                &[
                    text("pooler.dense", Dense::Of(Activation::GeluErf), "classifier"),
                    OF_TOKENS,
                    OF_ANSWER,
                ]
            }
        }
        BertFamily::Albert => {
            const { &[text("albert.pooler|pooler", TANH, "classifier"), OF_TOKENS, OF_ANSWER] }
        }
        BertFamily::Electra => {
            const {
                &[
                    text("classifier.dense", Dense::Of(Activation::GeluErf), "classifier.out_proj"),
                    OF_TOKENS,
                    OF_ANSWER,
                    ClassHead {
                        class: PRE_TRAINING,
                        sorted: Sorted::Tokens,
                        dense: Some(FirstMap {
                            names: "discriminator_predictions.dense",
                            activation: Dense::AsLayers,
                        }),
                        out: "discriminator_predictions.dense_prediction",
                    },
                ]
            }
        }
    }
}
