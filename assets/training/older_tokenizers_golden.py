"""Golden ids for SentencePiece models without a tokenizer.json, from SentencePiece itself.

    python assets/training/older_tokenizers_golden.py

trains four tiny models on the lines of `tokenizers_golden.py` and writes to tests/goldens/tokenization/:
`unigram.model` (as T5's: characters replaced, extra spaces removed), `bpe.model` (as Llama 2's: bytes, spaces kept),
`fairseq.model` (as CamemBERT's and mBART's: unknown, begin and end before all others), `deberta.model` (its special tokens),
and `older.jsonl`, the ids of every line of the corpus. Needs `pip install sentencepiece==0.2.3`.
"""

import io
import json
import tempfile

import sentencepiece

from tokenizers_golden import NASTY, OUT, TEXT


# Part of NFKC and of SentencePiece's own rules, in their form: all of them take 240 kB.
RULES = {
    "\t": " ", "\n": " ", "\r": " ", "\u00a0": " ", "\u2003": " ", "\u3000": " ", "\u200b": "", "\ufeff": "", "ﬁ": "fi", "ﬃ": "ffi",
    "½": "1⁄2", "①": "1", "㎏": "kg", "Ⅻ": "XII", "…": "...", "e\u0301": "é", "n\u0303": "ñ",
    **{chr(0xFF01 + i): chr(0x21 + i) for i in range(94)},
}


def rules():
    spelled = lambda text: " ".join(f"{ord(c):X}" for c in text)
    return "".join(f"{spelled(a)}\t{spelled(b)}\n" for a, b in RULES.items())


def trained(**settings):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(line for text in TEXT for line in text.split("\n") if line),
        model_writer=model, character_coverage=1.0, num_threads=1, minloglevel=2, **settings,
    )
    return model.getvalue()


def main():
    with tempfile.NamedTemporaryFile("w", suffix=".tsv", delete=False) as file:
        file.write(rules())
    kinds = {
        "unigram": trained(
            model_type="unigram", vocab_size=140, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, normalization_rule_tsv=file.name,
        ),
        "bpe": trained(
            model_type="bpe", vocab_size=440, byte_fallback=True, normalization_rule_name="identity",
            remove_extra_whitespaces=False, split_digits=True, allow_whitespace_only_pieces=True,
        ),
        "fairseq": trained(model_type="unigram", vocab_size=140, normalization_rule_tsv=file.name),
        "deberta": trained(
            model_type="unigram", vocab_size=140, pad_id=0, bos_id=1, eos_id=2, unk_id=3, pad_piece="[PAD]", bos_piece="[CLS]",
            eos_piece="[SEP]", unk_piece="[UNK]", normalization_rule_tsv=file.name,
        ),
    }
    with open(OUT / "older.jsonl", "w", encoding="utf-8") as out:
        for name, model in kinds.items():
            (OUT / f"{name}.model").write_bytes(model)
            reference = sentencepiece.SentencePieceProcessor(model_proto=model)
            for text in NASTY + TEXT[:7]:
                line = {"name": name, "text": text, "ids": reference.encode(text)}
                out.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
