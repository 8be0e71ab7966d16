"""Golden ids for tokenizers of every kind, from the reference implementations.

    python assets/training/tokenizers_golden.py

trains tiny tokenizers on a few lines of our own and writes to tests/goldens/tokenization/, for each:
`NAME.json`, a tokenizer.json; where a GGUF could hold the same vocabulary, `NAME.gguf.json`, its
metadata as converters write them; and in `goldens.jsonl` what the reference makes of every line of the
corpus. The reference is the `tokenizers` library; for the SentencePiece vocabulary it is SentencePiece
itself, which wrote it.
"""

import io
import json
import math
import re
from collections import Counter, namedtuple
from pathlib import Path

import sentencepiece
from tokenizers import (
    AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers,
)

OUT = Path(__file__).parents[2] / "tests/goldens/tokenization"

TEXT = [
    "The river runs slowly under the old stone bridge, and the children count the boats.",
    "She didn't know that the winter would be so long, but she'd kept enough wood; they're all here.",
    "In the morning the birds sang and the market opened its wooden doors at 7:30.",
    "They're counting 12 apples, 345 pears and 6,789 walnuts in the year 2024.",
    "def count(boats):\n    return sum(1 for boat in boats if boat.old)\n\n\nprint(count([]))",
    "Où est la bibliothèque ? Là-bas, près de l'église. Größe, naïve, señor, Łódź.",
    "Привет, мир. 今日は天気がいいですね。 猫は黒い。",
] * 4

NASTY = [
    "Hello world", " Hello world", "  two  spaces   three ", "trailing space ", " ", "   ", "tab\tand\ttabs\t",
    "line\nbreak", "two\n\nbreaks\n", "\n", "\r\nwindows\r\nlines", "   \n  \n x", "a\u00a0no-break\u2003em space",
    "don't DON'T Don't they'LL we've I'm 's 'S 'ſ", "’tis “quoted” — dashes – and… dots...",
    "1 12 123 1234 12345 1234567890 3.14159 1,000,000 ½ ² ٣ 一二三", "a1b2c3 x86_64 v1.2.3-rc4",
    "naïve café Å e\u0301 n\u0303 \u1e9b\u0323", "ﬁ ﬂ ﬃ ligatures Ⅻ ㎏ ①", "İstanbul ıI ß ẞ ς Σ",
    "Привет мир", "你好，世界", "日本語のテキスト カタカナ ﾊﾝｶｸ", "한국어 문장", "עברית مرحبا بالعالم", "हिन्दी ไทย",
    "🙂 👍🏽 👨‍👩‍👧‍👦 🇫🇷 ☕️", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐐷 𒀀", "zero\u200bwidth\u200djoin\ufeff", "\u202eright to left\u202c", "\x00nul \x01\x1b[31m\x7f",
    "\u2028\u2029\u0085", "\ufffd replacement \uffff", "a" * 300, "ab" * 150, " " * 70 + "x", "!?" * 40, "\n" * 20,
    "<s>hello</s>", "[CLS] a [MASK] b [SEP]", "a<mask>b <mask> c", "<|endoftext|>x<|im_start|>user\n", "<unk> <pad> [UNK]",
    "< s > <|endoftext |> <0x0A> <0x41>", "▁ ▁▁under▁score ▁the", "Ġthe Ċ ĠĠ", "##ing ##", "·dot ·the",
    "https://example.org/a?b=c&d=%20#e", "if (x>=0 && y!=1) { return a[i]->b::c; } // 100%", "$\\alpha_{i}^2 + \\frac{1}{2}$",
    "CamelCaseWord snake_case_word kebab-case-word SHOUTING", "the the the THE The tHe", "e.g. i.e. U.S.A. Mr. O'Neil's", "",
    "q̃ Z͑ͫa̴l͢g͟o҉", "word\u00adsoft hyphen", "＂ｆｕｌｌ　ｗｉｄｔｈ＂！", "a/b\\c|d`e~f^g", "The dog\u3000sleeps. 12\u202f345",
]

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
Piece = namedtuple("Piece", "piece score type")
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE = 1, 2, 3, 4, 6


def byte_level(special, stages, normalizer=None, **how):
    made = Tokenizer(models.BPE(**how))
    if normalizer:
        made.normalizer = normalizer
    made.pre_tokenizer = pre_tokenizers.Sequence(stages) if len(stages) > 1 else stages[0]
    made.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made.train_from_iterator(TEXT, trainers.BpeTrainer(vocab_size=700, initial_alphabet=alphabet, show_progress=False))
    made.add_special_tokens(special)
    return made


def whole(use_regex):
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)


def split(pattern):
    return pre_tokenizers.Split(Regex(pattern), "isolated")


def begun(tokenizer, begin=None, end=None):
    names = [name for name in (begin, end) if name]
    template = " ".join(([begin] if begin else []) + ["$A"] + ([end] if end else []))
    special = [(name, tokenizer.token_to_id(name)) for name in names]
    tokenizer.post_processor = processors.TemplateProcessing(single=template, special_tokens=special)
    return tokenizer


def gpt2():
    return byte_level(["<|endoftext|>"], [whole(True)])


def llama3():
    special = ["<|begin_of_text|>", "<|end_of_text|>"]
    return begun(byte_level(special, [split(LLAMA3), whole(False)], ignore_merges=True), "<|begin_of_text|>")


def qwen2():
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    return byte_level(special, [split(QWEN2), whole(False)], normalizers.NFC())


def smollm2():
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    return byte_level(special, [pre_tokenizers.Digits(individual_digits=True), whole(True)])


def roberta():
    made = byte_level(["<s>", "<pad>", "</s>", "<unk>"], [whole(True)])
    made.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    ends = [(name, made.token_to_id(name)) for name in ("</s>", "<s>")]
    made.post_processor = processors.RobertaProcessing(*ends, trim_offsets=True, add_prefix_space=False)
    return made


def bert():
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = Counter(word for line in TEXT for word in re.findall("[a-z]+|[^a-z ]", line.lower()))
    letters = sorted(set("".join(words)))
    vocab = [*special, *letters, *(f"##{c}" for c in letters if c.isalnum()), "##ed", "##er", "##ing"]
    vocab += [word for word in sorted(words, key=lambda w: (-words[w], w)) if len(word) > 1][:60]
    made = Tokenizer(models.WordPiece({token: i for i, token in enumerate(vocab)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    # The library's own trainer differs from run to run.
    made.add_special_tokens(special)
    return begun(made, "[CLS]", "[SEP]")


def unigram():
    """T5 and Marian alike."""
    found = {}
    for line in TEXT:
        for word in line.split():
            word = "▁" + word
            for n in (1, 2, 3, 4):
                for i in range(len(word) - n + 1):
                    found[word[i : i + n]] = found.get(word[i : i + n], 0) + 1
    best = sorted(found, key=lambda piece: (len(piece) > 1, -found[piece] * len(piece), piece))[:400]
    total = sum(found.values())
    vocab = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *((p, round(math.log(found[p] / total), 4)) for p in best)]
    made = Tokenizer(models.Unigram(vocab, unk_id=2, byte_fallback=False))
    spaces = normalizers.Replace(Regex(" {2,}"), " ")
    made.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), spaces])
    made.pre_tokenizer = pre_tokenizers.Metaspace("▁", prepend_scheme="always")
    made.decoder = decoders.Metaspace("▁", prepend_scheme="always")
    made.add_special_tokens(["<pad>", "</s>", "<unk>", "<extra_id_0>"])
    return begun(made, end="</s>")


def sentencepieces():
    """A model of SentencePiece itself: BPE with bytes for the rest, as Llama 2's."""
    wrote = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT), model_writer=wrote, model_type="bpe", vocab_size=460, byte_fallback=True,
        normalization_rule_name="identity", remove_extra_whitespaces=False, split_digits=True,
        allow_whitespace_only_pieces=True, add_dummy_prefix=True, num_threads=1, minloglevel=2,
        user_defined_symbols=["<tool>"],
    )
    model = sentencepiece.SentencePieceProcessor(model_proto=wrote.getvalue())
    return model, [Piece(model.id_to_piece(i), model.get_score(i), kind(model, i)) for i in range(len(model))]


def kind(model, i):
    """Of a piece, as a GGUF counts them."""
    kinds = {UNKNOWN: model.is_unknown(i), CONTROL: model.is_control(i), BYTE: model.is_byte(i)}
    kinds[USER_DEFINED] = model.id_to_piece(i) == "<tool>"
    return next((k for k, is_so in kinds.items() if is_so), NORMAL)


def llama2(pieces):
    """The same as transformers converts it, with the merges ordered by score."""
    vocab = {piece.piece: i for i, piece in enumerate(pieces)}
    merges = []
    for piece in pieces:
        cuts = [(piece.piece[:i], piece.piece[i:]) for i in range(1, len(piece.piece))]
        cuts = sorted((vocab[a], vocab[b], a, b) for a, b in cuts if a in vocab and b in vocab)
        merges += [(piece.score, len(a), len(b), a, b) for _, _, a, b in cuts]
    merges = [(a, b) for *_, a, b in sorted(merges, key=lambda m: m[:3], reverse=True)]
    made = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    made.add_special_tokens([AddedToken(name, normalized=False, special=True) for name in ("<unk>", "<s>", "</s>")])
    made.add_tokens([AddedToken("<tool>", normalized=False)])
    return begun(made, "<s>")


def in_gguf(tokenizer, pre):
    """A byte-level vocabulary as a GGUF has it."""
    model = json.loads(tokenizer.to_str())["model"]
    added = tokenizer.get_added_tokens_decoder()
    n = tokenizer.get_vocab_size()
    return {
        "model": "gpt2", "pre": pre, "tokens": [tokenizer.id_to_token(i) for i in range(n)],
        "token_types": [CONTROL if i in added else NORMAL for i in range(n)],
        "merges": [" ".join(pair) for pair in model["merges"]],
    }


def pieces_in_gguf(pieces):
    return {
        "model": "llama", "pre": "default", "tokens": [p.piece for p in pieces], "scores": [p.score for p in pieces],
        "token_types": [p.type for p in pieces], "bos": 1, "eos": 2, "unk": 0, "add_bos": True,
    }


def bert_in_gguf(tokenizer):
    """`▁` before beginnings of words instead of `##` before the rest."""
    def spelled(token):
        if token.startswith("[") and token.endswith("]"):
            return token
        return token[2:] if token.startswith("##") else "▁" + token

    tokens = [tokenizer.id_to_token(i) for i in range(tokenizer.get_vocab_size())]
    added = tokenizer.get_added_tokens_decoder()
    return {
        "model": "bert", "tokens": [spelled(t) for t in tokens], "pad": 0, "unk": 1, "cls": 2, "sep": 3, "mask": 4,
        "token_types": [CONTROL if i in added else NORMAL for i in range(len(tokens))],
    }


def golden(name, tokenizer, text):
    ids = tokenizer.encode(text).ids
    return {"name": name, "text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=True)}


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    made = {f.__name__: f() for f in (gpt2, llama3, qwen2, smollm2, roberta, bert, unigram)}
    reference, pieces = sentencepieces()
    made["llama2"] = llama2(pieces)
    gguf = {name: in_gguf(made[name], pre) for name, pre in
            {"gpt2": "gpt-2", "llama3": "llama-bpe", "qwen2": "qwen2", "smollm2": "smollm"}.items()}
    gguf["llama3"] |= {"bos": made["llama3"].token_to_id("<|begin_of_text|>")}
    gguf |= {"llama2": pieces_in_gguf(pieces), "bert": bert_in_gguf(made["bert"])}
    rows = [golden(name, tokenizer, text) for name, tokenizer in made.items() for text in NASTY]
    for row in rows:
        plain = row["name"] == "llama2" and not any(s in row["text"] for s in ("<s>", "</s>", "<unk>", "\x00"))
        if plain and row["text"]:
            assert row["ids"] == [1, *reference.encode(row["text"])], row
    for name, tokenizer in made.items():
        # Settings of training that the program switches off.
        tokenizer.enable_padding(length=128)
        tokenizer.enable_truncation(max_length=8)
        (OUT / f"{name}.json").write_text(tokenizer.to_str() + "\n")
    for name, vocab in gguf.items():
        (OUT / f"{name}.gguf.json").write_text(json.dumps(vocab, ensure_ascii=False) + "\n")
    lines = [json.dumps(row, ensure_ascii=True) for row in rows]
    (OUT / "goldens.jsonl").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
