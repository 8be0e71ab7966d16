"""Tiny checkpoints in the forms that people have, and what Hugging Face transformers computes with them.

Writes `tests/goldens/checkpoints/`: a folder NAME a checkpoint (config.json, tokenizer.json, weights; random,
of awkward and pairwise different sizes, with norms and biases that are not what they start as in training) and
`NAME.golden.safetensors`:
- `{sentence}/{site}`: f32, whole where the site has at most SMALL numbers; else SAMPLE cells and two more
  numbers: cell i is the site's value at flat (row-major) index `i * STRIDE % size`; then the sum and the sum of
  absolute values of all finite cells. Hidden cells of a mask are minus infinity.
- metadata, all JSON: `files` (folders and files that hold this model),
  `tokenizer` (its name in `tokenization.jsonl`), `shapes` (full shape of every site, by sentence), `sentences` (text, ids,
  and `target`: what the decoder reads, where there is one), `stride`,
  `greedy`: the text, its ids, and the 50 tokens that greedy decoding writes on with, no token ending it; of a
  translator, what it writes of the text (at most 50 tokens, its settings obeyed, until its end); the
  `lead` is the least lead of a first candidate over the second, and texts are chosen so that it is above MARGIN;
  `top`: the likeliest five tokens at every position of a model that names masked words (fewer where two are within
  MARGIN of each other).
Half-precision weights are decoded to f32, and all is computed in f32 with eager attention.
"""

import argparse
import copy
import json
import math
import shutil
import tempfile
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from gguf import GGMLQuantizationType
from gguf.quants import quantize
from transformers import AutoConfig
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

import checkpoint_gguf
import checkpoint_mixers
import checkpoint_rnn as rnn
import checkpoint_tokenizers as tiny
import checkpoint_sites
from checkpoint_sites import Sites, is_encoder, sites_of

OUT = Path(__file__).parent.parent.parent / "tests" / "goldens" / "checkpoints"
SMALL, SAMPLE, STRIDE, MARGIN, LENGTH = 80, 56, 7919, 2e-3, 50
SHORT, LONG = 5, 20
TEXT = "The winter birds didn't know where 27 boats sleep under the wooden bridge of the house by the river."
PROMPTS = ["A lamp sang", "the old river", "Nobody", "She kept", "market doors, 12", "is it so", "boats and birds",
           "It was", "6 pears", "stone, stone", "Who could say"]

LLAMA = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_act": "silu", "hidden_size": 30,
    "num_hidden_layers": 2, "num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 10,
    "intermediate_size": 37, "max_position_embeddings": 96, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
    "tie_word_embeddings": False, "attention_bias": False, "mlp_bias": False, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
GPT2 = {
    "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "activation_function": "gelu_new", "n_embd": 30,
    "n_layer": 3, "n_head": 6, "n_inner": 37, "n_positions": 67, "n_ctx": 67, "layer_norm_epsilon": 1e-5,
    "bos_token_id": 290, "eos_token_id": 290,
}  # fmt: skip


def without_none(settings: dict) -> dict:
    return {key: value for key, value in settings.items() if value is not None}


def llama(**different) -> dict:
    """A Llama's settings; None takes one away."""
    return without_none({**LLAMA, **different})


def scaled(**scaling) -> dict:
    """A short training length, so that both sentences and the continuation meet the scaling."""
    return llama(max_position_embeddings=80, rope_theta=500.0, rope_scaling=scaling)


def composite(kind: str, name: str, text: dict, **vision: dict) -> dict:
    """A model that also sees; its text part lies within."""
    [(of_vision, sizes)] = vision.items()
    return {"model_type": kind, "architectures": [f"{name}ForConditionalGeneration"], "text_config": llama(**text),
            "vision_config": {"model_type": of_vision, **sizes}, "bos_token_id": 1, "eos_token_id": 2}  # fmt: skip


BERT = {
    "model_type": "bert", "architectures": ["BertForMaskedLM"], "hidden_act": "gelu", "hidden_size": 30,
    "num_hidden_layers": 3, "num_attention_heads": 5, "intermediate_size": 37, "max_position_embeddings": 41,
    "type_vocab_size": 2, "layer_norm_eps": 1e-12, "pad_token_id": 0,
}  # fmt: skip
OF_MINILM = {"architectures": ["BertModel"], "num_attention_heads": 3, "num_hidden_layers": 2}
OF_ROBERTA = {"model_type": "roberta", "architectures": ["RobertaForMaskedLM"], "type_vocab_size": 1,
              "num_hidden_layers": 2, "layer_norm_eps": 1e-5, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}  # fmt: skip
DISTILBERT = {
    "model_type": "distilbert", "architectures": ["DistilBertForMaskedLM"], "activation": "gelu", "dim": 28,
    "n_layers": 2, "n_heads": 4, "hidden_dim": 37, "max_position_embeddings": 43, "pad_token_id": 0,
    "sinusoidal_pos_embds": False,
}  # fmt: skip
OF_CLASSES = {"num_hidden_layers": 2, "num_attention_heads": 3}
OF_ELECTRA = {**OF_CLASSES, "model_type": "electra", "architectures": ["ElectraForMaskedLM"], "embedding_size": 14}
OF_ALBERT = {**OF_CLASSES, "model_type": "albert", "architectures": ["AlbertForMaskedLM"], "embedding_size": 14,
             "num_hidden_layers": 3, "num_hidden_groups": 1, "inner_group_num": 1, "hidden_act": "gelu_new"}  # fmt: skip
OF_MPNET = {**OF_CLASSES, "model_type": "mpnet", "architectures": ["MPNetForMaskedLM"], "type_vocab_size": None,
            "relative_attention_num_buckets": 32, "layer_norm_eps": 1e-5, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}  # fmt: skip
MODERNBERT = {
    "model_type": "modernbert", "architectures": ["ModernBertForMaskedLM"], "hidden_size": 24, "num_attention_heads": 3,
    "num_hidden_layers": 4, "intermediate_size": 23, "hidden_activation": "gelu", "local_attention": 4,
    "global_attn_every_n_layers": 3, "global_rope_theta": 5000.0, "local_rope_theta": 100.0, "norm_eps": 1e-5,
    "max_position_embeddings": 41, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3,
}  # fmt: skip
NOMIC = {
    "model_type": "nomic_bert", "architectures": ["NomicBertForMaskedLM"], "hidden_act": "silu", "hidden_size": 24,
    "num_hidden_layers": 3, "num_attention_heads": 3, "intermediate_size": 37, "max_position_embeddings": 48, "type_vocab_size": 2,
    "layer_norm_eps": 1e-12, "rope_parameters": {"rope_type": "default", "rope_theta": 300.0}, "pad_token_id": 0,
}  # fmt: skip
DEBERTA = {
    "model_type": "deberta-v2", "architectures": ["DebertaV2ForMaskedLM"], "hidden_size": 30, "num_hidden_layers": 2,
    "num_attention_heads": 5, "intermediate_size": 37, "hidden_act": "gelu", "max_position_embeddings": 41,
    "relative_attention": True, "position_buckets": 4, "norm_rel_ebd": "layer_norm", "share_att_key": True,
    "pos_att_type": "p2c|c2p", "layer_norm_eps": 1e-7, "max_relative_positions": -1, "position_biased_input": False,
    "type_vocab_size": 0, "pad_token_id": 0, "legacy": False,
}  # fmt: skip
DEBERTA_FIRST = {
    "model_type": "deberta", "hidden_size": 30, "num_hidden_layers": 2, "num_attention_heads": 5, "intermediate_size": 37, "hidden_act": "gelu",
    "max_position_embeddings": 41, "relative_attention": True, "pos_att_type": "c2p|p2c", "layer_norm_eps": 1e-7, "max_relative_positions": -1,
    "position_biased_input": False, "type_vocab_size": 0, "pad_token_id": 0,
}  # fmt: skip
THREE = {"id2label": {"0": "bad", "1": "so so", "2": "good"}, "label2id": {"bad": 0, "so so": 1, "good": 2}}
TAGS = {"id2label": {"0": "O", "1": "B-PER"}, "label2id": {"O": 0, "B-PER": 1}}
MARIAN = {
    "model_type": "marian", "architectures": ["MarianMTModel"], "activation_function": "swish", "d_model": 28,
    "encoder_layers": 2, "decoder_layers": 3, "encoder_attention_heads": 4, "decoder_attention_heads": 2,
    "encoder_ffn_dim": 37, "decoder_ffn_dim": 41, "max_position_embeddings": 64, "scale_embedding": True,
    "static_position_embeddings": True, "normalize_before": False, "normalize_embedding": False,
    "share_encoder_decoder_embeddings": True, "pad_token_id": 2, "eos_token_id": 0, "decoder_start_token_id": 2,
    "is_encoder_decoder": True,
}  # fmt: skip
OF_BART = {"model_type": "bart", "architectures": ["BartForConditionalGeneration"], "activation_function": "gelu",
           "scale_embedding": False, "static_position_embeddings": None, "normalize_embedding": True,
           "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2, "max_position_embeddings": 61}  # fmt: skip
OF_MBART = {**OF_BART, "model_type": "mbart", "architectures": ["MBartForConditionalGeneration"], "scale_embedding": True,
            "normalize_before": True, "encoder_layers": 1, "decoder_layers": 2}  # fmt: skip
OF_M2M = {**OF_MBART, "model_type": "m2m_100", "architectures": ["M2M100ForConditionalGeneration"], "activation_function": "relu"}
OF_PEGASUS = {"model_type": "pegasus", "encoder_layers": 1, "decoder_layers": 1, "architectures": ["PegasusForConditionalGeneration"], "normalize_before": True,
              "activation_function": "relu", "pad_token_id": 2, "eos_token_id": 0, "decoder_start_token_id": 2}  # fmt: skip
T5 = {
    "model_type": "t5", "architectures": ["T5ForConditionalGeneration"], "d_model": 26, "d_kv": 6, "d_ff": 37,
    "num_layers": 3, "num_decoder_layers": 2, "num_heads": 5, "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 13, "layer_norm_epsilon": 1e-6, "feed_forward_proj": "relu",
    "pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0, "is_encoder_decoder": True,
}  # fmt: skip
OF_GGUF = {"relative_attention_max_distance": 128}  # which GGUF files do not say
RNN = {"model_type": "rnn", "d_embed": 13, "d_hidden": 17, "n_layers": 2, "tied": False, "nonlinearity": "tanh"}
"""Settings of `generate`, by model; each becomes a generation_config.json."""
GENERATION_CONFIGS = {
    "marian": {"bad_words_ids": [[2]], "decoder_start_token_id": 2, "eos_token_id": 0, "forced_eos_token_id": 0,
               "pad_token_id": 2, "num_beams": 1, "max_length": 64},
    "bart": {"bos_token_id": 0, "decoder_start_token_id": 2, "eos_token_id": 2, "forced_bos_token_id": 0,
             "forced_eos_token_id": 2, "no_repeat_ngram_size": 3, "pad_token_id": 1, "min_length": 9},
}  # fmt: skip
OF_LLAMA2 = {"num_key_value_heads": 6, "head_dim": None, "hidden_size": 36, "num_hidden_layers": 3}
OF_QWEN2 = {"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"], "rope_theta": 1e6, "rms_norm_eps": 1e-6,
            "sliding_window": 5, "use_sliding_window": False, "max_window_layers": 1, "head_dim": None,
            "hidden_size": 48, "attention_bias": None, "mlp_bias": None, "bos_token_id": 292, "eos_token_id": 292}  # fmt: skip
OF_MISTRAL = {"model_type": "mistral", "architectures": ["MistralForCausalLM"], "attention_bias": None,
              "mlp_bias": None, "num_attention_heads": 4, "head_dim": 8, "hidden_size": 26}  # fmt: skip
OF_SMOLLM2 = {"num_attention_heads": 9, "num_key_value_heads": 3, "head_dim": None, "hidden_size": 36,
              "tie_word_embeddings": True, "rope_theta": 100000, "rope_interleaved": False,
              "bos_token_id": 289, "eos_token_id": 289}  # fmt: skip

OF_LONG = {"original_max_position_embeddings": 12, "hidden_size": 18, "num_attention_heads": 3, "num_key_value_heads": 1,
           "head_dim": 8, "rope_scaling": {"rope_type": "longrope", "rope_theta": 500.0, "short_factor": [1.0, 1.5, 1.0, 2.0],
                                           "long_factor": [1.0, 3.0, 7.0, 8.5]}}  # fmt: skip

SMALL_ONE = {"hidden_size": 18, "num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 8, "intermediate_size": 23}
OF_QWEN3 = {"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"], "rms_norm_eps": 1e-6, "mlp_bias": None,
            "tie_word_embeddings": True, "bos_token_id": 292, "eos_token_id": 292, "head_dim": 8, "hidden_size": 22}  # fmt: skip
OF_SMOLLM3 = {**SMALL_ONE, "model_type": "smollm3", "architectures": ["SmolLM3ForCausalLM"], "head_dim": None,
              "num_hidden_layers": 4, "tie_word_embeddings": True, "rope_theta": 5000.0,
              "bos_token_id": 289, "eos_token_id": 289, "pad_token_id": 0}  # fmt: skip
OF_MINISTRAL3 = {**SMALL_ONE, "model_type": "ministral3", "architectures": ["Ministral3ForCausalLM"],
                 "attention_bias": None, "mlp_bias": None, "rope_theta": None, "pad_token_id": 0,
                 "rope_parameters": {"rope_type": "yarn", "type": "yarn", "rope_theta": 500.0, "factor": 4.0,
                                     "original_max_position_embeddings": 7, "beta_fast": 32.0, "beta_slow": 1.0,
                                     "mscale": 1.0, "mscale_all_dim": 1.0, "llama_4_scaling_beta": 0.3}}  # fmt: skip
OF_GRANITE = {**SMALL_ONE, "model_type": "granite", "architectures": ["GraniteForCausalLM"], "head_dim": None,
              "embedding_multiplier": 3.0, "attention_multiplier": 0.3, "residual_multiplier": 0.22,
              "logits_scaling": 1.7, "tie_word_embeddings": True}  # fmt: skip
OF_OLMO2 = {"model_type": "olmo2", "architectures": ["Olmo2ForCausalLM"], "mlp_bias": None, "hidden_size": 24,
            "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": None, "intermediate_size": 23,
            "pad_token_id": 0, "bos_token_id": 292, "eos_token_id": 292}  # fmt: skip
OF_OLMO3 = {**OF_OLMO2, "model_type": "olmo3", "architectures": ["Olmo3ForCausalLM"], "num_hidden_layers": 4,
            "hidden_size": 16, "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 19,
            "sliding_window": 5, "max_position_embeddings": 80, "rope_theta": 500000.0,
            "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 20,
                             "attention_factor": 1.2, "beta_fast": 32.0, "beta_slow": 1.0}}  # fmt: skip
OF_PHI3 = {"model_type": "phi3", "architectures": ["Phi3ForCausalLM"], "attention_bias": None, "mlp_bias": None,
           "hidden_size": 24, "num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": None,
           "intermediate_size": 23, "partial_rotary_factor": 0.75, "sliding_window": 16, "pad_token_id": 0,
           "original_max_position_embeddings": 12, "max_position_embeddings": 96,
           "rope_scaling": {"type": "longrope", "short_factor": [1.0, 1.5, 2.0], "long_factor": [1.0, 3.0, 7.0]}}  # fmt: skip
OF_GEMMA = {**SMALL_ONE, "model_type": "gemma", "architectures": ["GemmaForCausalLM"], "mlp_bias": None,
            "hidden_act": "gelu", "rms_norm_eps": 1e-6, "tie_word_embeddings": None, "pad_token_id": 0}  # fmt: skip
OF_GEMMA2 = {**OF_GEMMA, "model_type": "gemma2", "architectures": ["Gemma2ForCausalLM"], "hidden_act": None,
             "hidden_activation": "gelu_pytorch_tanh", "query_pre_attn_scalar": 5, "sliding_window": 6,
             "attn_logit_softcapping": 2.5, "final_logit_softcapping": 30.0, "num_hidden_layers": 3}  # fmt: skip
OF_GEMMA3 = {**OF_GEMMA2, "model_type": "gemma3_text", "architectures": ["Gemma3ForCausalLM"],
             "query_pre_attn_scalar": 8, "attn_logit_softcapping": None, "final_logit_softcapping": None,
             "num_hidden_layers": 6, "rope_theta": 2000.0, "rope_local_base_freq": 100.0,
             "rope_scaling": {"rope_type": "linear", "factor": 2.5}, "intermediate_size": 13,
             "num_attention_heads": 2, "hidden_size": 14}  # fmt: skip
OF_GEMMA4 = {**SMALL_ONE, "model_type": "gemma4_text", "architectures": ["Gemma4ForCausalLM"], "hidden_act": None,
             "hidden_activation": "gelu_pytorch_tanh", "mlp_bias": None, "rms_norm_eps": 1e-6, "rope_theta": None,
             "tie_word_embeddings": True, "pad_token_id": 0, "sliding_window": 6, "global_head_dim": 12, "num_attention_heads": 2,
             "hidden_size": 14, "final_logit_softcapping": 30.0, "num_hidden_layers": 3, "hidden_size_per_layer_input": 0,
             "layer_types": ["sliding_attention", "sliding_attention", "full_attention"],
             "rope_parameters": {"sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
                                 "full_attention": {"rope_type": "proportional", "rope_theta": 2000.0, "partial_rotary_factor": 0.5}}}  # fmt: skip
OF_GEMMA4_SHARED = {**OF_GEMMA4, "num_hidden_layers": 6, "num_kv_shared_layers": 3, "use_double_wide_mlp": True, "intermediate_size": 9,
                    "hidden_size_per_layer_input": 5, "layer_types": ["sliding_attention", "full_attention"] * 3}  # fmt: skip
OF_GEMMA4_KEYS = {**OF_GEMMA4, "attention_k_eq_v": True, "num_attention_heads": 4, "num_global_key_value_heads": 2, "layer_types": None,
                  "num_hidden_layers": 2}  # fmt: skip
OF_GEMMA4_MOE = {**OF_GEMMA4_KEYS, "enable_moe_block": True, "num_experts": 5, "top_k_experts": 2, "moe_intermediate_size": 7,
                 "num_attention_heads": 2, "num_global_key_value_heads": 1}  # fmt: skip
LAYER_NORM = {**SMALL_ONE, "rms_norm_eps": None, "layer_norm_eps": 1e-5, "head_dim": None, "attention_bias": None, "mlp_bias": None}
MANY_HEADS = {**LAYER_NORM, "num_key_value_heads": None, "hidden_size": 24}
OF_NEOX = {**MANY_HEADS, "model_type": "gpt_neox", "architectures": ["GPTNeoXForCausalLM"], "hidden_act": "gelu",
           "rope_theta": None, "rotary_pct": 0.25, "rotary_emb_base": 100, "use_parallel_residual": True,
           "hidden_size": 48}  # fmt: skip
GPTJ = {"model_type": "gptj", "architectures": ["GPTJForCausalLM"], "activation_function": "gelu_new", "n_embd": 24,
        "n_layer": 2, "n_head": 3, "n_inner": 23, "n_positions": 80, "rotary_dim": 6, "layer_norm_epsilon": 1e-5,
        "tie_word_embeddings": False, "bos_token_id": 290, "eos_token_id": 290}  # fmt: skip
GPT_NEO = {"model_type": "gpt_neo", "architectures": ["GPTNeoForCausalLM"], "activation_function": "gelu_new",
           "hidden_size": 21, "num_layers": 4, "num_heads": 3, "intermediate_size": None, "window_size": 6,
           "attention_types": [[["global", "local"], 2]], "max_position_embeddings": 80, "layer_norm_epsilon": 1e-5,
           "bos_token_id": 290, "eos_token_id": 290}  # fmt: skip
OPT = {"model_type": "opt", "architectures": ["OPTForCausalLM"], "activation_function": "relu", "hidden_size": 21,
       "num_hidden_layers": 2, "num_attention_heads": 3, "ffn_dim": 23, "word_embed_proj_dim": 21,
       "max_position_embeddings": 80, "do_layer_norm_before": True, "bos_token_id": 2, "eos_token_id": 2, "pad_token_id": 1}  # fmt: skip
BLOOM = {"model_type": "bloom", "architectures": ["BloomForCausalLM"], "hidden_size": 30, "n_layer": 2, "n_head": 5,
         "layer_norm_epsilon": 1e-5, "bos_token_id": 1, "eos_token_id": 2}  # fmt: skip
MPT = {"model_type": "mpt", "architectures": ["MptForCausalLM"], "d_model": 18, "n_layers": 2, "n_heads": 3,
       "max_seq_len": 80, "no_bias": True,
       "attn_config": {"alibi": True, "alibi_bias_max": 8, "clip_qkv": None}}  # fmt: skip
FALCON = {"model_type": "falcon", "architectures": ["FalconForCausalLM"], "hidden_size": 24, "num_hidden_layers": 2,
          "num_attention_heads": 4, "layer_norm_epsilon": 1e-5, "alibi": False, "new_decoder_architecture": False,
          "multi_query": True, "parallel_attn": True, "bias": False, "bos_token_id": 1, "eos_token_id": 2,
          "ffn_hidden_size": 37}  # fmt: skip
OF_PHI = {**MANY_HEADS, "model_type": "phi", "architectures": ["PhiForCausalLM"], "hidden_act": "gelu_new",
          "partial_rotary_factor": 0.5}  # fmt: skip
OF_STABLELM = {**LAYER_NORM, "model_type": "stablelm", "architectures": ["StableLmForCausalLM"], "use_qkv_bias": True,
               "hidden_size": 48}  # fmt: skip
OF_STARCODER2 = {**LAYER_NORM, "model_type": "starcoder2", "architectures": ["Starcoder2ForCausalLM"], "use_bias": True,
                 "layer_norm_eps": None, "norm_epsilon": 1e-5, "hidden_act": "gelu_pytorch_tanh", "sliding_window": 9,
                 "tie_word_embeddings": True}  # fmt: skip
OF_COHERE = {**LAYER_NORM, "model_type": "cohere", "architectures": ["CohereForCausalLM"], "hidden_size": 24,
             "logit_scale": 0.4, "use_qk_norm": True, "tie_word_embeddings": True, "pad_token_id": 0}  # fmt: skip
OF_COHERE2 = {**OF_COHERE, "model_type": "cohere2", "architectures": ["Cohere2ForCausalLM"], "use_qk_norm": None,
              "num_hidden_layers": 4, "sliding_window": 6, "intermediate_size": 19}  # fmt: skip
MIXED = {**SMALL_ONE, "mlp_bias": None, "attention_bias": None, "num_experts_per_tok": 2}
OF_MIXTRAL = {**MIXED, "model_type": "mixtral", "architectures": ["MixtralForCausalLM"], "num_local_experts": 5,
              "sliding_window": None, "num_attention_heads": 4, "num_key_value_heads": 2}  # fmt: skip
OF_QWEN2_MOE = {**MIXED, "model_type": "qwen2_moe", "architectures": ["Qwen2MoeForCausalLM"], "num_experts": 6,
                "moe_intermediate_size": 11, "shared_expert_intermediate_size": 13, "norm_topk_prob": False,
                "head_dim": None, "rms_norm_eps": 1e-6, "use_sliding_window": False}  # fmt: skip
OF_OLMOE = {**MIXED, "model_type": "olmoe", "architectures": ["OlmoeForCausalLM"], "num_experts": 7, "clip_qkv": None,
            "num_experts_per_tok": 3, "intermediate_size": 11, "norm_topk_prob": False, "head_dim": None, "hidden_size": 24,
            "attention_bias": False}  # fmt: skip
OF_GRANITE_MOE = {**OF_GRANITE, "model_type": "granitemoe", "architectures": ["GraniteMoeForCausalLM"], "mlp_bias": None,
                  "num_local_experts": 6, "num_experts_per_tok": 3, "intermediate_size": 11}  # fmt: skip
OF_GRANITE_SHARED = {**OF_GRANITE_MOE, "model_type": "granitemoeshared", "architectures": ["GraniteMoeSharedForCausalLM"],
                     "shared_intermediate_size": 13, "num_experts_per_tok": 2}  # fmt: skip
OF_GPT_OSS = {**MIXED, "model_type": "gpt_oss", "architectures": ["GptOssForCausalLM"], "attention_bias": True,
              "num_local_experts": 5, "intermediate_size": 13, "sliding_window": 6, "swiglu_limit": 1.5, "num_hidden_layers": 3,
              "rope_theta": 500.0, "tie_word_embeddings": False,
              "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 20,
                               "beta_fast": 32.0, "beta_slow": 1.0, "truncate": False}}  # fmt: skip
OF_GPT_OSS_PACKED = {**OF_GPT_OSS, "swiglu_limit": 7.0, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_local_experts": 3,
                     "quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": ["model.layers.*.self_attn"]}}  # fmt: skip
OF_QWEN3_MOE = {**MIXED, "model_type": "qwen3_moe", "architectures": ["Qwen3MoeForCausalLM"], "num_experts": 7,
                "num_experts_per_tok": 3, "moe_intermediate_size": 11, "norm_topk_prob": True, "rms_norm_eps": 1e-6, "attention_bias": False,
                "bos_token_id": 292, "eos_token_id": 292, "use_sliding_window": False}  # fmt: skip
OF_DEEPSEEK_V3 = {**MIXED, "model_type": "deepseek_v3", "architectures": ["DeepseekV3ForCausalLM"], "hidden_size": 24, "head_dim": None,
                  "num_hidden_layers": 3, "num_key_value_heads": 3, "q_lora_rank": 13, "kv_lora_rank": 11, "qk_nope_head_dim": 6,
                  "qk_rope_head_dim": 4, "v_head_dim": 7, "n_routed_experts": 8, "n_group": 4, "topk_group": 2,
                  "num_experts_per_tok": 3, "n_shared_experts": 2, "moe_intermediate_size": 9, "first_k_dense_replace": 1,
                  "routed_scaling_factor": 2.5, "norm_topk_prob": True, "topk_method": "noaux_tc", "scoring_func": "sigmoid",
                  "num_nextn_predict_layers": 1, "rms_norm_eps": 1e-6, "rope_theta": 500.0,
                  "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 20, "beta_fast": 32,
                                   "beta_slow": 1, "mscale": 1.0, "mscale_all_dim": 1.0}}  # fmt: skip
OF_DEEPSEEK_V2 = {**OF_DEEPSEEK_V3, "kv_lora_rank": 10, "model_type": "deepseek_v2", "architectures": ["DeepseekV2ForCausalLM"], "num_hidden_layers": 2,
                  "n_routed_experts": 6, "n_group": 3, "topk_group": 2, "routed_scaling_factor": 1.5, "norm_topk_prob": False,
                  "topk_method": "group_limited_greedy", "scoring_func": "softmax", "rope_scaling": None, "num_nextn_predict_layers": None}  # fmt: skip
OF_MAMBA2 = {"model_type": "mamba2", "architectures": ["Mamba2ForCausalLM"], "hidden_size": 14, "num_hidden_layers": 3, "num_heads": 6,
             "head_dim": 7, "expand": 3, "state_size": 5, "n_groups": 2, "conv_kernel": 4, "use_bias": False, "use_conv_bias": True,
             "hidden_act": "silu", "layer_norm_epsilon": 1e-5, "chunk_size": 4, "tie_word_embeddings": True,
             "time_step_limit": [0.0, math.inf], "bos_token_id": 290, "eos_token_id": 290, "pad_token_id": 0}  # fmt: skip
OF_LFM2 = {**SMALL_ONE, "model_type": "lfm2", "architectures": ["Lfm2ForCausalLM"], "rms_norm_eps": None, "norm_eps": 1e-5, "head_dim": None,
           "attention_bias": None, "mlp_bias": None, "hidden_act": None, "num_hidden_layers": 4, "conv_L_cache": 3, "conv_bias": False,
           "block_auto_adjust_ff_dim": True, "block_ffn_dim_multiplier": 1.0, "block_multiple_of": 7, "intermediate_size": 23,
           "layer_types": ["conv", "conv", "full_attention", "conv"], "tie_word_embeddings": True, "rope_theta": 5000.0,
           "bos_token_id": 290, "eos_token_id": 290, "pad_token_id": 0}  # fmt: skip
OF_QWEN35 = {**SMALL_ONE, "model_type": "qwen3_5_text", "architectures": ["Qwen3_5ForCausalLM"], "rms_norm_eps": 1e-6, "mlp_bias": None,
             "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "linear_num_key_heads": 2, "linear_num_value_heads": 6,
             "linear_key_head_dim": 5, "linear_value_head_dim": 7, "linear_conv_kernel_dim": 4, "rope_theta": None,
             "layer_types": ["linear_attention", "full_attention", "linear_attention"], "tie_word_embeddings": True,
             "rope_parameters": {"rope_type": "default", "rope_theta": 5000.0, "partial_rotary_factor": 0.25, "mrope_section": [1, 0, 0],
                                 "mrope_interleaved": True},
             "mtp_num_hidden_layers": 1, "bos_token_id": 290, "eos_token_id": 290, "pad_token_id": 0}  # fmt: skip
OF_QWEN35_MOE = {**OF_QWEN35, "model_type": "qwen3_5_moe_text", "architectures": ["Qwen3_5MoeForCausalLM"], "num_hidden_layers": 2,
                 "layer_types": ["linear_attention", "full_attention"], "num_experts": 5, "num_experts_per_tok": 2, "moe_intermediate_size": 11,
                 "shared_expert_intermediate_size": 13, "intermediate_size": None, "tie_word_embeddings": False,
                 "mtp_num_hidden_layers": None}  # fmt: skip
OF_QWEN3_NEXT = {**MIXED, "model_type": "qwen3_next", "architectures": ["Qwen3NextForCausalLM"], "rms_norm_eps": 1e-6, "num_hidden_layers": 3,
                 "num_attention_heads": 4, "num_key_value_heads": 2, "linear_num_key_heads": 3, "linear_num_value_heads": 6,
                 "linear_key_head_dim": 5, "linear_value_head_dim": 7, "linear_conv_kernel_dim": 4, "rope_theta": 5000.0,
                 "partial_rotary_factor": 0.5, "layer_types": ["linear_attention", "full_attention", "linear_attention"], "num_experts": 5,
                 "moe_intermediate_size": 11, "shared_expert_intermediate_size": 13, "norm_topk_prob": True, "mlp_only_layers": [],
                 "decoder_sparse_step": 1, "attention_bias": False, "bos_token_id": 292, "eos_token_id": 292}  # fmt: skip
OF_NEMOTRON = {**SMALL_ONE, "model_type": "nemotron", "architectures": ["NemotronForCausalLM"], "rms_norm_eps": None, "norm_eps": 1e-5,
               "hidden_size": 24, "head_dim": None, "hidden_act": "relu2", "partial_rotary_factor": 0.5}  # fmt: skip
OF_OLMO = {**SMALL_ONE, "model_type": "olmo", "architectures": ["OlmoForCausalLM"], "rms_norm_eps": None, "mlp_bias": None, "hidden_size": 24,
           "head_dim": None, "clip_qkv": 1.5, "tie_word_embeddings": True, "bos_token_id": 290, "eos_token_id": 290, "pad_token_id": 1}  # fmt: skip
OF_ARCEE = {**SMALL_ONE, "model_type": "arcee", "architectures": ["ArceeForCausalLM"], "hidden_act": "relu2", "mlp_bias": True}
OF_APERTUS = {**SMALL_ONE, "model_type": "apertus", "architectures": ["ApertusForCausalLM"], "hidden_act": "xielu", "mlp_bias": None,
              "rope_theta": None, "pad_token_id": 3,
              "rope_parameters": {"rope_type": "llama3", "rope_theta": 12000.0, "factor": 4.0, "original_max_position_embeddings": 20,
                                  "low_freq_factor": 1.0, "high_freq_factor": 4.0}}  # fmt: skip
OF_ERNIE = {**SMALL_ONE, "model_type": "ernie4_5", "architectures": ["Ernie4_5ForCausalLM"], "attention_bias": None, "mlp_bias": None,
            "use_bias": True, "tie_word_embeddings": True, "rope_theta": 500.0, "pad_token_id": 0}  # fmt: skip
OF_EXAONE4 = {**SMALL_ONE, "model_type": "exaone4", "architectures": ["Exaone4ForCausalLM"], "attention_bias": None, "mlp_bias": None,
              "num_hidden_layers": 4, "hidden_size": 16, "num_attention_heads": 2, "head_dim": 8, "intermediate_size": 19, "sliding_window": 5,
              "sliding_window_pattern": "LLLG", "layer_types": ["sliding_attention"] * 3 + ["full_attention"],
              "bos_token_id": 290, "eos_token_id": 290, "pad_token_id": 0}  # fmt: skip
OF_GLM4 = {**SMALL_ONE, "model_type": "glm4", "architectures": ["Glm4ForCausalLM"], "mlp_bias": None, "attention_bias": True,
           "partial_rotary_factor": 0.5, "rms_norm_eps": 1.5625e-7, "bos_token_id": 290, "eos_token_id": [290], "pad_token_id": 0}  # fmt: skip
OF_GLM4_MOE = {**MIXED, "model_type": "glm4_moe", "architectures": ["Glm4MoeForCausalLM"], "attention_bias": True, "n_routed_experts": 6,
               "n_shared_experts": 1, "moe_intermediate_size": 9, "first_k_dense_replace": 1, "routed_scaling_factor": 1.5, "n_group": 1,
               "topk_group": 1, "norm_topk_prob": True, "use_qk_norm": True, "partial_rotary_factor": 0.5, "num_nextn_predict_layers": 1,
               "bos_token_id": 290, "eos_token_id": 290}  # fmt: skip
OF_HUNYUAN = {**SMALL_ONE, "model_type": "hunyuan_v1_dense", "architectures": ["HunYuanDenseV1ForCausalLM"], "mlp_bias": None,
              "tie_word_embeddings": True, "rope_theta": 300.0, "rope_scaling": {"type": "dynamic", "alpha": 5.0, "factor": 1.0},
              "bos_token_id": 290, "eos_token_id": 290, "pad_token_id": 0}  # fmt: skip
OF_HUNYUAN_MOE = {**OF_HUNYUAN, "model_type": "hunyuan_v1_moe", "architectures": ["HunYuanMoEV1ForCausalLM"], "num_experts": 5, "moe_topk": [2, 2],
                  "intermediate_size": 11, "tie_word_embeddings": False}  # fmt: skip
OF_MINIMAX_M2 = {**MIXED, "model_type": "minimax_m2", "architectures": ["MiniMaxM2ForCausalLM"], "num_local_experts": 6, "rms_norm_eps": 1e-6,
                 "intermediate_size": 11, "rotary_dim": 4, "num_experts_per_tok": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
                 "bos_token_id": 290, "eos_token_id": 290}  # fmt: skip
CODEGEN = {**GPTJ, "model_type": "codegen", "architectures": ["CodeGenForCausalLM"], "n_head": 4, "rotary_dim": 4, "n_ctx": 80}
OF_BAMBA = {**SMALL_ONE, "model_type": "bamba", "architectures": ["BambaForCausalLM"], "head_dim": None, "hidden_size": 24, "num_hidden_layers": 3,
            "attn_layer_indices": [1], "mamba_n_heads": 6, "mamba_d_head": "auto", "mamba_n_groups": 2, "mamba_d_state": 5, "mamba_d_conv": 4,
            "mamba_expand": 2, "mamba_chunk_size": 4, "pad_token_id": 0}  # fmt: skip
OF_GRANITE4 = {**OF_GRANITE, "model_type": "granitemoehybrid", "architectures": ["GraniteMoeHybridForCausalLM"], "mlp_bias": None,
               "num_hidden_layers": 3, "layer_types": ["mamba", "attention", "mamba"], "num_local_experts": 5, "num_experts_per_tok": 2,
               "intermediate_size": 11, "shared_intermediate_size": 13, "position_embedding_type": "nope", "mamba_n_heads": 6,
               "mamba_d_head": 9, "mamba_n_groups": 2, "mamba_d_state": 5, "mamba_d_conv": 3, "mamba_expand": 3, "mamba_chunk_size": 4}  # fmt: skip
OF_NEMOTRON_H = {**SMALL_ONE, "model_type": "nemotron_h", "architectures": ["NemotronHForCausalLM"], "rms_norm_eps": None, "rope_theta": None,
                 "hidden_act": None, "num_hidden_layers": 5, "hybrid_override_pattern": "MEM*-", "layer_norm_epsilon": 1e-5, "mlp_bias": False,
                 "ssm_state_size": 5, "mamba_num_heads": 6, "mamba_head_dim": 7, "n_groups": 2, "conv_kernel": 4, "chunk_size": 4,
                 "n_routed_experts": 6, "num_experts_per_tok": 3, "moe_intermediate_size": 11, "moe_shared_expert_intermediate_size": 13,
                 "routed_scaling_factor": 2.5, "mlp_hidden_act": "relu2", "pad_token_id": 0}  # fmt: skip
OF_LFM2_MOE = {**without_none(OF_LFM2), "model_type": "lfm2_moe", "architectures": ["Lfm2MoeForCausalLM"], "block_auto_adjust_ff_dim": None,
               "block_ffn_dim_multiplier": None, "block_multiple_of": None, "rms_norm_eps": None, "head_dim": None, "attention_bias": None, "mlp_bias": None,
               "hidden_act": None, "num_dense_layers": 1, "num_hidden_layers": 3, "layer_types": ["conv", "full_attention", "conv"], "num_experts": 6,
               "num_experts_per_tok": 3, "moe_intermediate_size": 11, "routed_scaling_factor": 1.5}  # fmt: skip
OF_LLAMA4 = {**SMALL_ONE, "model_type": "llama4_text", "architectures": ["Llama4ForCausalLM"], "mlp_bias": None, "num_hidden_layers": 3,
             "intermediate_size": 11, "intermediate_size_mlp": 23, "num_local_experts": 5, "num_experts_per_tok": 2, "interleave_moe_layer_step": 2,
             "no_rope_layer_interval": 3, "attention_chunk_size": 6, "attn_temperature_tuning": True, "floor_scale": 4, "attn_scale": 0.4,
             "rope_theta": 500.0}  # fmt: skip
SEES = {"hidden_size": 8, "intermediate_size": 11, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 8,
        "patch_size": 4, "head_dim": 4}  # fmt: skip
RECIPES = {
    # name: (tokenizer, stored as, config)
    "gpt2": ("gpt2", "f32, no prefix, masks", GPT2),
    "distilgpt2": ("gpt2", "f16", {**GPT2, "n_layer": 2, "n_head": 2, "n_inner": None, "_num_labels": 1}),
    "gpt2_scaled": ("gpt2", "f16", {**GPT2, "n_embd": 14, "n_head": 2, "n_layer": 2, "activation_function": "tanh",
                                    "scale_attn_by_inverse_layer_idx": True, "tie_word_embeddings": False}),
    "llama2": ("llama2", "f16, shards", llama(**OF_LLAMA2)),
    "llama3": ("llama3", "bf16", llama(
        rope_theta=500000.0, bos_token_id=291, eos_token_id=[292, 290], max_position_embeddings=96,
        rope_scaling={"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                      "original_max_position_embeddings": 40, "rope_type": "llama3"})),
    "llama3_saved": ("llama3", "f32, saved", llama(
        rope_theta=500000.0, num_key_value_heads=1, num_attention_heads=5, head_dim=8, tie_word_embeddings=True,
        rope_scaling={"factor": 3.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                      "original_max_position_embeddings": 30, "rope_type": "llama3"})),
    "llama_linear": ("llama2", "f16", scaled(type="linear", factor=2.5)),
    "llama_dynamic": ("llama2", "f16", {**scaled(type="dynamic", factor=5.0), "max_position_embeddings": 14}),
    "llama_yarn": ("llama2", "f16", scaled(rope_type="yarn", factor=4.0, original_max_position_embeddings=20)),
    "llama_longrope": ("llama2", "f16", llama(**OF_LONG)),
    "llama_biased": ("llama3", "f16", llama(attention_bias=True, mlp_bias=True, num_key_value_heads=3)),
    "mistral": ("llama2", "bf16", llama(**OF_MISTRAL, sliding_window=None)),
    "mistral_window": ("mistral", "f16", llama(**OF_MISTRAL, sliding_window=9)),
    "qwen2": ("qwen2", "bf16", llama(**{**OF_QWEN2, "tie_word_embeddings": True})),
    "qwen2_windows": ("qwen2", "bf16, no prefix", llama(**{
        **OF_QWEN2, "hidden_size": 24, "use_sliding_window": True, "tie_word_embeddings": True, "rope_theta": 77.0,
        "num_hidden_layers": 3, "max_window_layers": 1,
        "rope_parameters": {"rope_theta": 3000.0, "rope_type": "linear", "factor": 1.5}})),
    "smollm2": ("smollm2", "bf16", llama(**OF_SMOLLM2)),
    "qwen3": ("qwen2", "bf16", llama(**OF_QWEN3)),
    "smollm3": ("smollm2", "bf16", llama(**OF_SMOLLM3)),
    "ministral3": ("llama2", "bf16", llama(**OF_MINISTRAL3)),
    "mistral3": ("llama2", "bf16, saved", composite("mistral3", "Mistral3", {**OF_MISTRAL, "hidden_size": 18, "intermediate_size": 23}, pixtral=SEES)),
    "granite": ("llama2", "f16", llama(**OF_GRANITE)),
    "olmo2": ("qwen2", "f16", llama(**OF_OLMO2)),
    "olmo3": ("qwen2", "bf16", llama(**OF_OLMO3)),
    "phi3": ("llama2", "bf16", llama(**OF_PHI3)),
    "gemma": ("llama2", "bf16", llama(**OF_GEMMA)),
    "gemma2": ("llama2", "f16", llama(**OF_GEMMA2)),
    "gemma2_plain": ("llama2", "f16", llama(**{**OF_GEMMA2, "query_pre_attn_scalar": 8, "num_hidden_layers": 1})),
    "gemma3": ("llama2", "bf16", llama(**OF_GEMMA3)),
    "gemma3_both_ways": ("llama2", "bf16", llama(**{**OF_GEMMA3, "use_bidirectional_attention": True, "sliding_window": 8})),
    "gemma3_sees": ("llama2", "bf16, saved", composite("gemma3", "Gemma3", {**OF_GEMMA3, "num_hidden_layers": 2}, siglip_vision_model=SEES)),
    "gemma4": ("llama2", "bf16", llama(**OF_GEMMA4)),
    "gemma4_shared": ("llama2", "bf16", llama(**OF_GEMMA4_SHARED)),
    "gemma4_keys": ("llama2", "f16", llama(**OF_GEMMA4_KEYS)),
    "gemma4_moe": ("llama2", "bf16", llama(**OF_GEMMA4_MOE)),
    "gemma4_sees": ("llama2", "bf16, saved", composite("gemma4", "Gemma4", {
        **OF_GEMMA4, "num_hidden_layers": 2, "layer_types": ["sliding_attention", "full_attention"], "hidden_size_per_layer_input": 3},
        gemma4_vision={**SEES, "num_key_value_heads": 2, "position_embedding_size": 4, "pooling_kernel_size": 1})),
    "gemma4_unified": ("llama2", "bf16, saved", composite("gemma4_unified", "Gemma4Unified", {
        **{key: value for key, value in OF_GEMMA4.items() if "per_layer" not in key}, "model_type": "gemma4_unified_text", "architectures": None,
        "num_hidden_layers": 2, "layer_types": ["sliding_attention", "full_attention"]},
        gemma4_unified_vision={"mm_embed_dim": 14, "mm_posemb_size": 4, "patch_size": 2, "pooling_kernel_size": 1, "output_proj_dims": 14})),
    "idefics3": ("llama2", "bf16, saved", composite("idefics3", "Idefics3", {**SMALL_ONE, "tie_word_embeddings": False}, idefics3_vision=SEES)),
    "gpt_neox": ("gpt2", "f16", llama(**OF_NEOX)),
    "gpt_neox_in_turn": ("gpt2", "f16", llama(**{**OF_NEOX, "hidden_size": 24, "use_parallel_residual": False, "rotary_pct": 0.5})),
    "gptj": ("gpt2", "f16", GPTJ),
    "gpt_neo": ("gpt2", "f16", GPT_NEO),
    "opt": ("gpt2", "f16", OPT),
    "bloom": ("gpt2", "f16", BLOOM),
    "mpt": ("gpt2", "bf16", MPT),
    "falcon": ("gpt2", "bf16", FALCON),
    "falcon_new": ("gpt2", "bf16", {**FALCON, "new_decoder_architecture": True, "num_kv_heads": 2}),
    "phi": ("gpt2", "f16", llama(**OF_PHI)),
    "stablelm": ("gpt2", "f16", llama(**OF_STABLELM)),
    "stablelm_parallel": ("gpt2", "f16", llama(**{**OF_STABLELM, "use_parallel_residual": True, "hidden_size": 24, "partial_rotary_factor": 0.5})),
    "starcoder2": ("gpt2", "f16", llama(**OF_STARCODER2)),
    "cohere": ("gpt2", "f16", llama(**OF_COHERE)),
    "cohere2": ("gpt2", "f16", llama(**OF_COHERE2)),
    "nemotron": ("llama2", "bf16", llama(**OF_NEMOTRON)),
    "olmo": ("gpt2", "f16", llama(**OF_OLMO)),
    "arcee": ("llama2", "bf16", llama(**OF_ARCEE)),
    "apertus": ("llama2", "f16", llama(**OF_APERTUS)),
    "ernie4_5": ("llama2", "bf16", llama(**OF_ERNIE)),
    "exaone4": ("gpt2", "bf16", llama(**OF_EXAONE4)),
    "glm4": ("gpt2", "bf16", llama(**OF_GLM4)),
    "glm4_moe": ("gpt2", "bf16, hosted", llama(**OF_GLM4_MOE)),
    "hunyuan": ("gpt2", "f16", llama(**OF_HUNYUAN)),
    "hunyuan_moe": ("gpt2", "bf16, hosted", llama(**OF_HUNYUAN_MOE)),
    "minimax_m2": ("gpt2", "bf16, hosted", llama(**OF_MINIMAX_M2)),
    "codegen": ("gpt2", "f16", CODEGEN),
    "mixtral": ("llama2", "bf16, hosted", llama(**OF_MIXTRAL)),
    "qwen3_moe": ("qwen2", "bf16, hosted", llama(**OF_QWEN3_MOE)),
    "qwen3_moe_in_turn": ("qwen2", "bf16, hosted", llama(**{**OF_QWEN3_MOE, "num_hidden_layers": 4, "num_experts": 4, "num_experts_per_tok": 1,
                                                     "norm_topk_prob": False, "decoder_sparse_step": 2, "mlp_only_layers": [1]})),
    "qwen2_moe": ("qwen2", "bf16, hosted", llama(**OF_QWEN2_MOE)),
    "olmoe": ("gpt2", "bf16, hosted", llama(**OF_OLMOE)),
    "granitemoe": ("llama2", "bf16, hosted", llama(**OF_GRANITE_MOE)),
    "granitemoe_shared": ("llama2", "f16, hosted", llama(**OF_GRANITE_SHARED)),
    "gpt_oss": ("gpt2", "bf16, hosted", llama(**OF_GPT_OSS)),
    "gpt_oss_packed": ("gpt2", "bf16, hosted, mxfp4", llama(**OF_GPT_OSS_PACKED)),
    "deepseek_v2": ("gpt2", "bf16, hosted", {**llama(**OF_DEEPSEEK_V2), "q_lora_rank": None}),
    "deepseek_v2_greedy": ("gpt2", "bf16, hosted", llama(**{
        **OF_DEEPSEEK_V2, "topk_method": "greedy", "num_hidden_layers": 1, "first_k_dense_replace": 0,
        "rope_scaling": {**OF_DEEPSEEK_V3["rope_scaling"], "mscale": 0.707, "mscale_all_dim": 0.707}})),
    "deepseek_v3": ("gpt2", "bf16, hosted", llama(**OF_DEEPSEEK_V3)),
    "deepseek_v3_biased": ("gpt2", "bf16, hosted", llama(**{
        **OF_DEEPSEEK_V3, "attention_bias": True, "rope_interleave": False, "norm_topk_prob": False, "rope_scaling": None,
        "num_hidden_layers": 1, "first_k_dense_replace": 0, "topk_group": 4})),
    "mamba2": ("gpt2", "bf16", OF_MAMBA2),
    "mamba2_biased": ("gpt2", "f16", {**OF_MAMBA2, "num_hidden_layers": 1, "n_groups": 1, "use_bias": True, "use_conv_bias": False,
                                      "conv_kernel": 2, "tie_word_embeddings": False}),
    "lfm2": ("gpt2", "bf16", llama(**OF_LFM2)),
    "lfm2_moe": ("gpt2", "bf16, hosted", llama(**OF_LFM2_MOE)),
    "bamba": ("llama2", "bf16", llama(**OF_BAMBA)),
    "granite4": ("llama2", "bf16, hosted", llama(**OF_GRANITE4)),
    "granite4_dense": ("llama2", "f16", llama(**{**OF_GRANITE4, "num_local_experts": 0, "num_hidden_layers": 2, "position_embedding_type": "rope",
                                                 "layer_types": ["linear_attention", "full_attention"], "mamba_n_groups": 1})),
    "nemotron_h": ("llama2", "bf16, hosted", llama(**OF_NEMOTRON_H)),
    "llama4": ("llama2", "bf16", llama(**OF_LLAMA4)),
    "llama4_plain": ("llama2", "bf16", llama(**{**OF_LLAMA4, "num_hidden_layers": 2, "use_qk_norm": False, "attn_temperature_tuning": False,
                                                "no_rope_layers": [0, 1], "moe_layers": [0], "num_experts_per_tok": 1})),
    "qwen35": ("gpt2", "bf16", llama(**OF_QWEN35)),
    "qwen35_sees": ("gpt2", "bf16, saved", composite("qwen3_5", "Qwen3_5", {
        **OF_QWEN35, "layer_types": None, "full_attention_interval": 2, "num_hidden_layers": 2, "tie_word_embeddings": False},
        qwen3_5_vision={"hidden_size": 8, "intermediate_size": 11, "depth": 1, "num_heads": 2, "patch_size": 4, "out_hidden_size": 18,
                        "num_position_embeddings": 16})),
    "qwen3_vl": ("gpt2", "bf16, saved", composite("qwen3_vl", "Qwen3VL", {
        **OF_QWEN3, "model_type": "qwen3_vl_text", "num_hidden_layers": 2, "tie_word_embeddings": False, "bos_token_id": 290, "eos_token_id": 290,
        "rope_theta": None, "rope_scaling": {"rope_type": "default", "rope_theta": 5000.0, "mrope_section": [2, 1, 1], "mrope_interleaved": True}},
        qwen3_vl_vision={"hidden_size": 8, "intermediate_size": 11, "depth": 2, "num_heads": 2, "patch_size": 4, "out_hidden_size": 22,
                         "num_position_embeddings": 16, "deepstack_visual_indexes": [0]})),
    "qwen3_vl_moe": ("gpt2", "bf16, saved, columns", composite("qwen3_vl_moe", "Qwen3VLMoe", {
        **MIXED, "model_type": "qwen3_vl_moe_text", "architectures": None, "rms_norm_eps": 1e-6, "attention_bias": False, "num_experts": 6,
        "num_experts_per_tok": 3, "moe_intermediate_size": 11, "decoder_sparse_step": 1, "mlp_only_layers": [0], "bos_token_id": 290,
        "eos_token_id": 290, "rope_theta": None,
        "rope_scaling": {"rope_type": "default", "rope_theta": 5000.0, "mrope_section": [2, 1, 1], "mrope_interleaved": True}},
        qwen3_vl_moe_vision={"hidden_size": 8, "intermediate_size": 11, "depth": 2, "num_heads": 2, "patch_size": 4, "out_hidden_size": 18,
                             "num_position_embeddings": 16, "deepstack_visual_indexes": [0]})),
    "qwen25_vl": ("gpt2", "bf16, saved", composite("qwen2_5_vl", "Qwen2_5_VL", {
        **OF_QWEN2, **SMALL_ONE, "model_type": "qwen2_5_vl_text", "architectures": None, "head_dim": None, "hidden_size": 24, "num_hidden_layers": 2,
        "use_sliding_window": True, "bos_token_id": 290, "eos_token_id": 290, "rope_theta": 5000.0,
        "rope_scaling": {"type": "mrope", "mrope_section": [2, 1, 1]}},
        qwen2_5_vl_vision={"hidden_size": 8, "intermediate_size": 11, "depth": 1, "num_heads": 2, "patch_size": 4, "out_hidden_size": 24})),
    "qwen35_moe": ("gpt2", "bf16, hosted", llama(**OF_QWEN35_MOE)),
    "qwen35_moe_pairs": ("gpt2", "bf16", llama(**{**OF_QWEN35_MOE, "num_hidden_layers": 1, "layer_types": ["full_attention"]})),
    "qwen3_next": ("qwen2", "bf16, hosted", llama(**OF_QWEN3_NEXT)),
    "qwen3_next_in_turn": ("qwen2", "bf16, hosted", llama(**{
        **OF_QWEN3_NEXT, "layer_types": None, "full_attention_interval": 2, "num_hidden_layers": 4, "linear_num_value_heads": 9,
        "decoder_sparse_step": 2, "mlp_only_layers": [1], "norm_topk_prob": False, "num_experts_per_tok": 1, "num_experts": 3,
        "partial_rotary_factor": None, "attention_bias": True})),
    "lfm2_biased": ("gpt2", "f16", llama(**{**OF_LFM2, "num_hidden_layers": 2, "layer_types": None, "full_attn_idxs": [1], "conv_bias": True,
                                            "conv_L_cache": 4, "block_auto_adjust_ff_dim": False})),
    "bert": ("bert", "f16, gamma and beta", BERT),
    "minilm": ("bert", "f32, no prefix, positions", {**BERT, **OF_MINILM}),
    "distilbert": ("bert", "bf16", DISTILBERT),
    "roberta": ("roberta", "f16", {**BERT, **OF_ROBERTA}),
    "bert_text": ("bert", "f16", {**BERT, **OF_CLASSES, **THREE, "architectures": ["BertForSequenceClassification"]}),
    "bert_tokens": ("bert", "f16", {**BERT, **OF_CLASSES, **TAGS, "architectures": ["BertForTokenClassification"]}),
    "roberta_each": ("roberta", "f16", {
        **BERT, **OF_ROBERTA, **THREE, "architectures": ["RobertaForSequenceClassification"],
        "problem_type": "multi_label_classification"}),
    "distilbert_text": ("bert", "f16", {**DISTILBERT, **TAGS, "architectures": ["DistilBertForSequenceClassification"]}),
    "electra": ("bert", "f16", {**BERT, **OF_ELECTRA}),
    "electra_replaced": ("bert", "f16", {**BERT, **OF_ELECTRA, "architectures": ["ElectraForPreTraining"]}),
    "electra_score": ("bert", "f16", {
        **BERT, **OF_ELECTRA, "architectures": ["ElectraForSequenceClassification"], "embedding_size": 30,
        "id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}),
    "albert": ("bert", "f16", {**BERT, **OF_ALBERT}),
    "albert_text": ("bert", "f16", {**BERT, **OF_ALBERT, **THREE, "architectures": ["AlbertForSequenceClassification"]}),
    "modernbert": ("bert", "f16", MODERNBERT),
    "modernbert_body": ("bert", "bf16", {**MODERNBERT, "architectures": ["ModernBertModel"], "num_hidden_layers": 3}),
    "modernbert_text": ("bert", "f16", {**MODERNBERT, **THREE, "architectures": ["ModernBertForSequenceClassification"],
                                        "num_hidden_layers": 2, "classifier_pooling": "mean"}),
    "modernbert_tokens": ("bert", "f16", {**MODERNBERT, **TAGS, "architectures": ["ModernBertForTokenClassification"], "num_hidden_layers": 1}),
    "modernbert_answer": ("bert", "f16", {**MODERNBERT, "architectures": ["ModernBertForQuestionAnswering"], "num_hidden_layers": 1}),
    "bert_answer": ("bert", "f16", {**BERT, **OF_CLASSES, "architectures": ["BertForQuestionAnswering"], "num_hidden_layers": 1}),
    "nomic": ("bert", "bf16, hosted", NOMIC),
    "nomic_saved": ("bert", "f16", {**NOMIC, "architectures": ["NomicBertModel"], "num_hidden_layers": 2}),
    "deberta": ("bert", "f16", DEBERTA),
    "deberta_text": ("bert", "f16", {**DEBERTA, **THREE, "architectures": ["DebertaV2ForSequenceClassification"], "position_buckets": -1,
                                     "max_relative_positions": 9, "num_hidden_layers": 1}),
    "deberta_answer": ("bert", "f16", {**DEBERTA, "architectures": ["DebertaV2ForQuestionAnswering"], "num_hidden_layers": 1}),
    "deberta_first": ("bert", "f16", {**DEBERTA_FIRST, "architectures": ["DebertaForMaskedLM"]}),
    "deberta_first_text": ("bert", "f16", {**DEBERTA_FIRST, **THREE, "architectures": ["DebertaForSequenceClassification"],
                                           "max_relative_positions": 9, "num_hidden_layers": 1}),
    "nomic_text": ("bert", "f16", {**NOMIC, **THREE, "architectures": ["NomicBertForSequenceClassification"], "num_hidden_layers": 1}),
    "mpnet": ("roberta", "f16", without_none({**BERT, **OF_MPNET})),
    "mpnet_body": ("roberta", "f16, no prefix", without_none({**BERT, **OF_MPNET, "architectures": ["MPNetModel"]})),
    "marian": ("marian", "f16, no sines", MARIAN),
    "bart": ("roberta", "bf16", without_none({**MARIAN, **OF_BART})),
    "bart_untied": ("roberta", "bf16", without_none({
        **MARIAN, **OF_BART, "d_model": 12, "encoder_layers": 1, "decoder_layers": 1, "tie_word_embeddings": False})),
    "m2m": ("roberta", "bf16", without_none({**MARIAN, **OF_M2M})),
    "mbart": ("roberta", "bf16", without_none({**MARIAN, **OF_MBART})),
    "pegasus": ("marian", "bf16", {**MARIAN, **OF_PEGASUS}),
    "t5": ("t5", "bf16, twice", T5),
    "t5_gated": ("t5", "f16, own output", {**T5, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}),
    "t5_encoder": ("t5", "f16", {**T5, **OF_GGUF, "architectures": ["T5EncoderModel"], "num_layers": 2}),
    "umt5": ("t5", "bf16", {**T5, **OF_GGUF, "model_type": "umt5", "architectures": ["UMT5ForConditionalGeneration"],
                            "feed_forward_proj": "gated-gelu", "num_layers": 2}),
    "rnn": ("smollm2", "f32", RNN),
    "rnn_relu": ("smollm2", "f16", {**RNN, "nonlinearity": "relu", "n_layers": 1}),
    "gru": ("smollm2", "f16", {**RNN, "model_type": "gru", "d_embed": 17, "tied": True}),
    "lstm": ("smollm2", "bf16", {**RNN, "model_type": "lstm"}),
}  # fmt: skip

QUANTISED = {
    # name: (tokenizer, config); written as GGUF alone
    "quants_32": ("llama2", llama(hidden_size=64, num_attention_heads=2, num_key_value_heads=1, head_dim=32,
                                  intermediate_size=96)),
    "quants_256": ("llama3", llama(hidden_size=256, num_attention_heads=2, num_key_value_heads=1, head_dim=16,
                                   intermediate_size=48, tie_word_embeddings=True, num_hidden_layers=1,
                                   bos_token_id=291, eos_token_id=292)),
}  # fmt: skip


# --- Weights ---


def scramble(model: nn.Module, seed: int) -> None:
    """Random numbers of such a scale that attention has opinions and no norm or bias is neutral."""
    torch.manual_seed(seed)
    for name, weight in sorted(model.named_parameters()):
        if not weight.requires_grad:  # sines and cosines
            continue
        noise = torch.randn_like(weight)
        if weight.ndim == 1:
            is_gain = name.endswith(("weight", "scale"))
            weight.data = 1 + 0.3 * noise if is_gain else 0.4 * noise
            if name.endswith("A_log"):  # states that outlive a word
                weight.data -= 1
        elif "position" in name or "wpe" in name:
            weight.data = 0.5 * noise
        elif isinstance(model.get_submodule(name.rpartition(".")[0]), nn.Embedding):
            weight.data = (0.2 if getattr(model.config, "scale_embedding", False) else 0.8) * noise
        else:
            weight.data = 1.6 * noise / weight.shape[-1] ** 0.5
    for name, buffer in model.named_buffers():
        if name.endswith("layer_scalar"):
            buffer.uniform_(0.6, 1.2)
        if name.endswith(("e_score_correction_bias", "expert_bias")):
            buffer.normal_(0, 0.3)
    if hasattr(model, "final_logits_bias"):
        model.final_logits_bias.normal_(0, 0.5)


def stored(model: nn.Module, how: str) -> dict[str, Tensor]:
    """What the file holds: tied weights once, in the file's precision."""
    dtype = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}[how.split(",")[0]]
    tied = set(getattr(model, "all_tied_weights_keys", {}))
    tied -= {"lm_head.weight"} if "own output" in how else set()
    tied -= {"encoder.embed_tokens.weight", "decoder.embed_tokens.weight"} if "twice" in how else set()
    if "hosted" in how:
        tensors = as_hosted(model, dtype)
        return packed(tensors) if "mxfp4" in how else tensors
    tensors = {k: w.to(dtype).contiguous().clone() for k, w in model.state_dict().items() if k not in tied}
    if "no sines" in how:
        tensors = {key: w for key, w in tensors.items() if "embed_positions" not in key}
    if "no prefix" in how:
        tensors = {key.removeprefix(f"{model.base_model_prefix}."): w for key, w in tensors.items()}
    if "gamma" in how:  # as in the first BERT
        named = {key.replace("LayerNorm.weight", "LayerNorm.gamma"): w for key, w in tensors.items()}
        tensors = {key.replace("LayerNorm.bias", "LayerNorm.beta"): w for key, w in named.items()}
    if "positions" in how:
        tensors["embeddings.position_ids"] = torch.arange(model.config.max_position_embeddings)[None]
    if "masks" in how:  # as in the first GPT-2
        n = model.config.n_positions
        tensors["h.0.attn.bias"] = torch.ones(n, n).tril().view(1, 1, n, n).to(torch.uint8)
    return tensors


def as_hosted(model: nn.Module, dtype: torch.dtype) -> dict[str, Tensor]:
    """The names that the library saves under, where it computes with others: experts one by one."""
    with tempfile.TemporaryDirectory() as folder:
        copy.deepcopy(model).to(dtype).save_pretrained(folder)
        return load_file(Path(folder) / "model.safetensors")


def packed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Experts (expert, in, out) as blocks of 32 numbers of four bits along `in`, pair by pair, and a scale for each."""
    made = {}
    for name, weight in tensors.items():
        if not name.endswith(("experts.gate_up_proj", "experts.down_proj")):
            made[name] = weight
            continue
        of_gguf = quantize(weight.float().transpose(1, 2).contiguous().numpy(), GGMLQuantizationType.MXFP4)
        blocks = torch.from_numpy(of_gguf).unflatten(-1, (-1, 17))  # a scale, then halves of bytes 16 numbers apart
        halves = torch.cat([blocks[..., 1:] & 15, blocks[..., 1:] >> 4], -1)
        made[f"{name}_scales"] = blocks[..., 0].contiguous()
        made[f"{name}_blocks"] = (halves[..., ::2] | halves[..., 1::2] << 4).contiguous()
    return made


def unpacked(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """As the library itself unpacks them."""
    made = {name: w.float() for name, w in tensors.items() if not name.endswith(("_blocks", "_scales"))}
    for name in (name.removesuffix("_blocks") for name in tensors if name.endswith("_blocks")):
        both = tensors[f"{name}_blocks"], tensors[f"{name}_scales"]
        made[name] = convert_moe_packed_tensors(*both, dtype=torch.float32)
    return made


def write_weights(tensors: dict[str, Tensor], how: str, folder: Path) -> None:
    if "shards" not in how:
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})
        return
    names = sorted(tensors)
    where = {name: f"model-0000{1 + i * 3 // len(names)}-of-00003.safetensors" for i, name in enumerate(names)}
    for file in sorted(set(where.values())):
        save_file({n: tensors[n] for n in names if where[n] == file}, folder / file, {"format": "pt"})
    size = sum(w.numel() * w.element_size() for w in tensors.values())
    index = {"metadata": {"total_size": size}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")


# --- References ---


def sampled(value: Tensor) -> Tensor:
    flat = value.flatten()
    if len(flat) <= SMALL:
        return value.clone()
    finite = flat[flat.isfinite()].double()
    sums = torch.stack([finite.sum(), finite.abs().sum()]).float()
    return torch.cat([flat[torch.arange(SAMPLE) * STRIDE % len(flat)], sums])


@torch.no_grad()
def written(model: nn.Module, ids: list[int]) -> tuple[list[int], Tensor]:
    """What the model writes after a text, or of it; and the scores of all tokens at every step."""
    if isinstance(model, rnn.RecurrentLM):
        read, scores = list(ids), []
        for _ in range(LENGTH):
            scores.append(model(torch.tensor([read]))[:, -1])
            read.append(int(scores[-1].argmax()))
        return read[len(ids) :], torch.cat(scores)
    translates = model.config.is_encoder_decoder
    no_end = {} if translates else {"eos_token_id": None, "pad_token_id": 0}
    found = model.generate(
        torch.tensor([ids]), max_new_tokens=LENGTH, do_sample=False, num_beams=1, output_scores=True,
        return_dict_in_generate=True, **no_end,
    )  # fmt: skip
    return found.sequences[0, 1 if translates else len(ids) :].tolist(), torch.cat(found.scores)


def greedy(model: nn.Module, tokenizer: Tokenizer) -> dict:
    """Of the first prompt whose continuation does not hang on rounding."""
    best = {"lead": -1.0}
    for text in PROMPTS:
        ids = tokenizer.encode(text).ids
        wrote, scores = written(model, ids)
        first, second = scores.topk(2, 1).values.unbind(1)
        lead = float((first - second).min())
        if lead > best["lead"]:
            best = {"text": text, "ids": ids, "wrote": wrote, "lead": lead}
        if lead > 10 * MARGIN:
            break
    assert best["lead"] > MARGIN, f"lead {best['lead']}: another seed or other prompts"
    return best


def top(logits: Tensor) -> list[list[int]]:
    """The likeliest tokens at every position, as many of five as do not hang on rounding."""
    values, ids = logits.topk(6, 1)
    led = ((values[:, :-1] - values[:, 1:]) > MARGIN).cumprod(1).sum(1)
    return [row[:n].tolist() for row, n in zip(ids, led)]


def sites_in(model: nn.Module, sentence: dict) -> Sites:
    if isinstance(model, rnn.RecurrentLM):
        return rnn.sites_of(model, sentence["ids"])
    target = {"decoder_input_ids": sentence["target"]} if "target" in sentence else {}
    types = {"token_type_ids": sentence["types"]} if "types" in sentence and getattr(model.config, "type_vocab_size", 0) > 1 else {}
    return sites_of(model, input_ids=sentence["ids"], **target, **types)


def write_golden(path: Path, sentences: dict[str, dict], sites: dict[str, Sites], more: dict) -> None:
    tensors = {f"{key}/{site}": sampled(v) for key, of in sites.items() for site, v in of.items()}
    shapes = {key: {site: list(v.shape) for site, v in of.items()} for key, of in sites.items()}
    said = {"sentences": sentences, "shapes": shapes, "stride": STRIDE, **more}
    save_file(tensors, path, {key: json.dumps(value, ensure_ascii=False) for key, value in said.items()})


def sentences_for(tokenizer: Tokenizer, masks_too: bool, has_pairs: bool) -> dict[str, dict]:
    texts = {"short": tiny.cut(tokenizer, "is it so old", SHORT), "long": tiny.cut(tokenizer, TEXT, LONG)}
    masks = [mask for mask in ("[MASK]", "<mask>") if masks_too and tokenizer.token_to_id(mask) is not None]
    texts |= {"masked": f"the {mask} runs {mask} slowly" for mask in masks}
    if has_pairs:
        texts["pair"] = "is it so old [SEP] the winter birds sleep"
    sentences = {key: {"text": text, "ids": tokenizer.encode(text).ids} for key, text in texts.items()}
    if (separator := tokenizer.token_to_id("[SEP]")) is not None:
        for sentence in sentences.values():
            first = sentence["ids"].index(separator)
            sentence["types"] = [int(i > first) for i in range(len(sentence["ids"]))]
    return sentences


def with_targets(sentences: dict[str, dict], tokenizer: Tokenizer, start: int) -> None:
    """What the decoder is given to read, not as long as the source."""
    ids = tokenizer.encode("stone doors sang so long", add_special_tokens=False).ids
    for sentence, n in zip(sentences.values(), (3, 11, 5)):
        sentence["target"] = [start, *ids[:n]]


def write_checkpoint(name: str, out: Path) -> None:
    kind, how, config = RECIPES[name]
    folder = out / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tokenizer = tiny.ALL[kind]()
    tiny.save(tokenizer, folder)
    sizes = {"vocab_size": tokenizer.get_vocab_size()}
    if config.get("text_config", config).get("hidden_size_per_layer_input"):
        sizes["vocab_size_per_layer_input"] = sizes["vocab_size"]
    config = {**config, "text_config": config["text_config"] | sizes} if "text_config" in config else {**config, **sizes}
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    if name in GENERATION_CONFIGS:
        (folder / "generation_config.json").write_text(json.dumps(GENERATION_CONFIGS[name], indent=1) + "\n")
    is_recurrent = config["model_type"] in rnn.KINDS
    settings = None if is_recurrent else AutoConfig.from_pretrained(folder)
    if hasattr(settings, "quantization_config"):
        del settings.quantization_config
    model = rnn.RecurrentLM(config) if is_recurrent else kind_of(config)(settings)
    if "own output" in how:
        model.lm_head.weight = nn.Parameter(torch.empty_like(model.lm_head.weight))
    scramble(model, seed=sum(map(ord, name)))
    if "saved" in how:  # as the library itself writes it, config.json too
        model.save_pretrained(folder)
        folder.joinpath("generation_config.json").unlink(missing_ok=True)
        if "columns" in how:  # as it was hosted first
            turned = lambda name, w: w.transpose(1, 2).contiguous() if ".experts." in name else w
            saved = load_file(folder / "model.safetensors")
            save_file({name: turned(name, w) for name, w in saved.items()}, folder / "model.safetensors", {"format": "pt"})
    else:
        write_weights(stored(model, how), how, folder)
    if name in checkpoint_gguf.FILES:
        made = json.loads(tokenizer.to_str())
        checkpoint_gguf.write(out / f"{name}.gguf", kind, config, stored(model, how), made)
        if older := checkpoint_gguf.OLDER.get(name):
            checkpoint_gguf.write(out / f"{name}_{older}.gguf", kind, config, stored(model, how), made, is_older=True)
        if name in checkpoint_gguf.PAIRED:
            checkpoint_gguf.write(out / f"{name}_paired.gguf", kind, config, stored(model, how), made, is_paired=True)


def quantised(name: str, out: Path) -> None:
    """A GGUF file, and the reference from its decoded weights."""
    kind, config = QUANTISED[name]
    tokenizer = tiny.ALL[kind]()
    config = {**config, "vocab_size": tokenizer.get_vocab_size()}
    settings = {key: value for key, value in config.items() if key not in ("model_type", "architectures")}
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**settings, attn_implementation="eager")).eval()
    scramble(model, seed=sum(map(ord, name)))
    path = out / f"{name}.gguf"
    checkpoint_gguf.write(path, kind, config, stored(model, "f32"), json.loads(tokenizer.to_str()))
    model.load_state_dict(checkpoint_gguf.decoded(path, model, config))
    write_reference(name, out, model, tokenizer, [f"{name}.gguf"])


def kind_of(config: dict) -> type[nn.Module]:
    return getattr(transformers, config["architectures"][0])


def opened(folder: Path) -> nn.Module:
    """The checkpoint as transformers reads it, all of it found; or as PyTorch does."""
    config = json.loads((folder / "config.json").read_text())
    if config["model_type"] in rnn.KINDS:
        return rnn.opened(folder, config)
    if "quantization_config" in config:
        return opened_packed(folder)
    how = {"dtype": torch.float32, "attn_implementation": "eager", "output_loading_info": True}
    if any("experts" in key for key in config.get("text_config", config)):
        how["experts_implementation"] = "eager"
    model, said = kind_of(config).from_pretrained(folder, **how)
    assert not said["missing_keys"] and not said["mismatched_keys"], said
    return model


def opened_packed(folder: Path) -> nn.Module:
    """The same of packed experts, without the kernels that the library wants for them."""
    config = AutoConfig.from_pretrained(folder, attn_implementation="eager", experts_implementation="eager")
    del config.quantization_config
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.load_state_dict(unpacked(load_file(folder / "model.safetensors")))
    return model.eval()


def reference(name: str, out: Path) -> None:
    tokenizer = Tokenizer.from_file(str(out / name / "tokenizer.json"))
    also = [f"{name}.gguf"] if name in checkpoint_gguf.FILES else []
    also += [f"{name}_{older}.gguf"] if (older := checkpoint_gguf.OLDER.get(name)) else []
    also += [f"{name}_paired.gguf"] if name in checkpoint_gguf.PAIRED else []
    model = opened(out / name)
    if name in checkpoint_gguf.TILED:  # its heads stand in another order
        arranged = lambda sites: checkpoint_mixers.tiled(sites, model.config)
        write_reference(name, out, model, tokenizer, also, f"{name}_tiled", arranged)
        also = []
    write_reference(name, out, model, tokenizer, [name, *also])


def write_reference(
    name: str, out: Path, model: nn.Module, tokenizer: Tokenizer, files: list[str], to: str | None = None, arranged=lambda sites: sites
) -> None:
    has_pairs = name in ("bert_text", "bert_answer", "deberta_answer", "modernbert_answer")
    sentences = sentences_for(tokenizer, masks_too=is_encoder(model), has_pairs=has_pairs)
    if model.config.is_encoder_decoder and not is_encoder(model):
        with_targets(sentences, tokenizer, model.config.decoder_start_token_id)
    looks_both_ways = getattr(model.config, "use_bidirectional_attention", False)
    if looks_both_ways:  # it writes nothing: the last norm's rows become one vector
        arranged = pooled
    sites = {key: arranged(sites_in(model, s)) for key, s in sentences.items()}
    kind = {**RECIPES, **QUANTISED}[name][0]
    more = {"files": files, "tokenizer": kind}
    if not (is_encoder(model) or looks_both_ways):
        more["greedy"] = greedy(model, tokenizer)
    elif "logits" in sites["long"]:
        more["top"] = {key: top(of["logits"]) for key, of in sites.items()}
    write_golden(out / f"{to or name}.golden.safetensors", sentences, sites, more)
    lengths = {key: len(s["ids"]) for key, s in sentences.items()}
    lead = f", lead {more['greedy']['lead']:.3f}" if "greedy" in more else ""
    print(f"{name}: {len(sites['long'])} sites, {lengths}{lead}")


def pooled(sites: Sites) -> Sites:
    kept = {path: value for path, value in sites.items() if path not in ("raw_logits", "logits", "probs")}
    return kept | checkpoint_sites.pooled(sites["final_norm.out"])


def readme(out: Path) -> None:
    rows = [f"| `{name}` | {kind} | {how} |" for name, (kind, how, _) in RECIPES.items()]
    rows += [f"| `{name}.gguf` | {kind} | GGUF alone, quantised |" for name, (kind, _) in QUANTISED.items()]
    twins = ", ".join(f"`{name}.gguf`" for name in checkpoint_gguf.FILES)
    numbers = f"SMALL {SMALL}, SAMPLE {SAMPLE}, STRIDE {STRIDE}, MARGIN {MARGIN}."
    head = "# Tiny checkpoints\n\nMade by `assets/training/checkpoints.py`; never edited.\n\n"
    table = "| checkpoint | tokenizer | stored as |\n| --- | --- | --- |\n" + "\n".join(rows)
    about = __doc__.split("\n", 2)[2].strip()
    text = f"{head}{about}\n\n{numbers}\n\n{table}\n\nThe same numbers again as GGUF: {twins}.\n"
    out.joinpath("README.md").write_text(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("names", nargs="*", help="all, if none is named")
    args = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for name in args.names or [*RECIPES, *QUANTISED]:
        if name in QUANTISED:
            quantised(name, args.out)
        else:
            write_checkpoint(name, args.out)
            reference(name, args.out)
    readme(args.out)


if __name__ == "__main__":
    main()
