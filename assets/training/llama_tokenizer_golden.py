"""Golden ids of transformers' `LlamaTokenizer`, which takes the vocabulary alone from a file.

    python assets/training/llama_tokenizer_golden.py

reads two files of `tokenizers_golden.py` and `older_tokenizers_golden.py` with the settings that it follows, and writes
`llama_class.jsonl` beside them: file, type of model, settings, text, ids. Needs `pip install protobuf`.
"""

import json
import tempfile
from pathlib import Path

from transformers import AutoTokenizer

from tokenizers_golden import NASTY, OUT

TEXTS = ["the</s>old", "the</s> old <s>x", "the river <s> runs  ", *NASTY]
NAMES = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
LLAMA, FAST = {"tokenizer_class": "LlamaTokenizer"}, {"tokenizer_class": "LlamaTokenizerFast"}
CASES = [
    ("llama2.json", "tokenizer.json", "llama", LLAMA),
    ("llama2.json", "tokenizer.json", "llama", FAST | {"legacy": True}),
    ("llama2.json", "tokenizer.json", "llama", LLAMA | {"legacy": None, "add_prefix_space": False, "add_bos_token": False}),
    ("llama2.json", "tokenizer.json", "mistral", LLAMA | {"add_prefix_space": False}),
    ("llama2.json", "tokenizer.json", "llama", {"tokenizer_class": "PreTrainedTokenizerFast", "add_prefix_space": False}),
    ("bpe.model", "tokenizer.model", "llama", LLAMA | {"add_bos_token": True}),
    ("bpe.model", "tokenizer.model", "llama", LLAMA | {"add_bos_token": True, "legacy": True}),
    ("bpe.model", "tokenizer.model", "llama", LLAMA | {"add_bos_token": True, "add_prefix_space": False}),
]


def tokenizer(file, name, model_type, config):
    with tempfile.TemporaryDirectory() as folder:
        text = (OUT / file).read_bytes()
        (Path(folder) / name).write_bytes(text)
        (Path(folder) / "config.json").write_text(json.dumps({"model_type": model_type}))
        (Path(folder) / "tokenizer_config.json").write_text(json.dumps(config))
        made = AutoTokenizer.from_pretrained(folder)
    # Settings of training that the program switches off.
    made.backend_tokenizer.no_truncation()
    made.backend_tokenizer.no_padding()
    return made


def main():
    with open(OUT / "llama_class.jsonl", "w", encoding="utf-8") as out:
        for file, name, model_type, config in CASES:
            config = config | NAMES
            made = tokenizer(file, name, model_type, config)
            for text in TEXTS:
                ids = made.encode(text)
                line = {"file": file, "model_type": model_type, "config": config, "text": text, "ids": ids}
                out.write(json.dumps(line | {"decoded": made.decode(ids, skip_special_tokens=True)}, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    main()
