"""Tiny tokenizers in the forms that real checkpoints have, trained on a few sentences of our own."""

import json
import math
import re
from collections import Counter
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

TEXT = [
    "The river runs slowly under the old stone bridge, and the children count the boats.",
    "A small lamp burned in the window of the house where the baker lived.",
    "She didn't know that the winter would be so long, but she'd kept enough wood.",
    "In the morning the birds sang and the market opened its wooden doors.",
    "Nobody could say whether the storm or the silence was stranger.",
    "They're counting 12 apples, 345 pears and 6,789 walnuts.",
]

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")


def byte_level(size: int, special: list[str], split=None, normalizer=None, by_gpt2=False, **how) -> Tokenizer:
    """BPE over bytes, as GPT-2 has it; words are cut by `split`, by GPT-2's rule, or by both."""
    made = Tokenizer(models.BPE(**how))
    made.normalizer = normalizer
    whole = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=by_gpt2 or split is None)
    made.pre_tokenizer = pre_tokenizers.Sequence([split, whole]) if split else whole
    made.decoder = decoders.ByteLevel()
    made.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(special),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    made.train_from_iterator(TEXT, trainer)
    made.add_special_tokens(special)
    return made


def gpt2() -> Tokenizer:
    return byte_level(291, ["<|endoftext|>"])


def framed(tokenizer: Tokenizer, template: str) -> Tokenizer:
    names = [piece for piece in template.split() if piece != "$A"]
    special = [(name, tokenizer.token_to_id(name)) for name in names]
    tokenizer.post_processor = processors.TemplateProcessing(single=template, special_tokens=special)
    return tokenizer


def llama3() -> Tokenizer:
    split = pre_tokenizers.Split(Regex(LLAMA3), "isolated")
    made = byte_level(293, ["<|begin_of_text|>", "<|end_of_text|>"], split, ignore_merges=True)
    return framed(made, "<|begin_of_text|> $A")


def qwen2() -> Tokenizer:
    split = pre_tokenizers.Split(Regex(QWEN2), "isolated")
    return byte_level(295, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], split, normalizers.NFC())


def smollm2() -> Tokenizer:
    split = pre_tokenizers.Digits(individual_digits=True)
    return byte_level(292, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], split, by_gpt2=True)


def roberta() -> Tokenizer:
    """Special tokens stand first; `<mask>` takes the space before it."""
    trained = json.loads(byte_level(286, []).to_str())["model"]
    first = ["<s>", "<pad>", "</s>", "<unk>"]
    vocab = {token: i for i, token in enumerate(first)}
    vocab |= {token: i + len(first) for token, i in trained["vocab"].items()}
    vocab["<mask>"] = len(vocab)
    made = Tokenizer(models.BPE(vocab, [tuple(pair) for pair in trained["merges"]]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([*first, AddedToken("<mask>", lstrip=True, special=True)])
    made.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    return made


def pieces(size: int, newer: bool) -> Tokenizer:
    """BPE over characters with bytes for the rest, as converted from SentencePiece: Llama 2 and Mistral."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    trained.train_from_iterator(TEXT, trainers.BpeTrainer(vocab_size=size - 259, show_progress=False))
    model = json.loads(trained.to_str())["model"]
    names = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    merged = [left + right for left, right in model["merges"]]
    letters = [token for token in model["vocab"] if token not in set(merged)]
    vocab = {token: i for i, token in enumerate([*names, *dict.fromkeys(merged), *letters])}
    made = Tokenizer(models.BPE(vocab, all_merges(vocab, merged), unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    if newer:
        made.pre_tokenizer = pre_tokenizers.Metaspace("▁", prepend_scheme="first", split=False)
    else:
        made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    made.add_special_tokens([AddedToken(name, normalized=False, special=True) for name in names[:3]])
    return framed(made, "<s> $A")


def all_merges(vocab: dict[str, int], merged: list[str]) -> list[tuple[str, str]]:
    """Every way to a piece from two others, the pieces in their order: SentencePiece knows no other rule."""
    ways = lambda piece: [(piece[:i], piece[i:]) for i in range(1, len(piece))]
    known = lambda way: all(part in vocab for part in way)
    by_id = lambda way: tuple(vocab[part] for part in way)
    return [way for piece in dict.fromkeys(merged) for way in sorted(filter(known, ways(piece)), key=by_id)]


def llama2() -> Tokenizer:
    return pieces(331, newer=False)


def mistral() -> Tokenizer:
    return pieces(333, newer=True)


def bert() -> Tokenizer:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = Counter(word for line in TEXT for word in re.findall("[a-z]+|[^a-z ]", line.lower()))
    letters = sorted(set("".join(words)))
    ends = ["##ed", "##er", "##ing", "##n't", "##s"]
    vocab = [*special, *letters, *(f"##{c}" for c in letters if c.isalnum()), *ends]
    vocab += [word for word, n in words.most_common() if len(word) > 1][:40]
    made = Tokenizer(models.WordPiece({token: i for i, token in enumerate(dict.fromkeys(vocab))}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    made.add_special_tokens(special)
    return framed(made, "[CLS] $A [SEP]")


def unigram(size: int, special: list[str], scheme: str) -> Tokenizer:
    """Pieces of one to four characters, each with the logarithm of how often it stands in the text. (The
    library's own trainer rounds differently from run to run.)"""
    words = [f"▁{word}" for line in TEXT for word in line.split()]
    found = Counter(w[i : i + n] for w in words for n in (1, 2, 3, 4) for i in range(len(w) - n + 1))
    letters = sorted(piece for piece in found if len(piece) == 1)
    longer = sorted((p for p in found if len(p) > 1), key=lambda p: (-found[p] * len(p), p))
    chosen = letters + longer[: size - len(special) - len(letters)]
    scores = [(p, round(math.log(found[p] / found.total()), 4)) for p in chosen]
    vocab = [*((name, 0.0) for name in special), *scores]
    made = Tokenizer(models.Unigram(vocab, unk_id=special.index("<unk>"), byte_fallback=False))
    spaces = normalizers.Replace(Regex(" {2,}"), " ")
    made.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), spaces])
    made.pre_tokenizer = pre_tokenizers.Metaspace("▁", prepend_scheme=scheme)
    made.decoder = decoders.Metaspace("▁", prepend_scheme=scheme)
    made.add_special_tokens(special)
    return framed(made, "$A </s>")


def t5() -> Tokenizer:
    made = unigram(128, ["<pad>", "</s>", "<unk>"], "always")
    made.add_special_tokens(["<extra_id_1>", "<extra_id_0>"])
    return made


def marian() -> Tokenizer:
    return unigram(117, ["</s>", "<unk>", "<pad>"], "always")


ALL = {f.__name__: f for f in (gpt2, llama3, qwen2, smollm2, llama2, mistral, roberta, bert, t5, marian)}


def save(tokenizer: Tokenizer, folder: Path) -> None:
    """In the file's short form; ids have no gaps."""
    assert set(tokenizer.get_vocab().values()) == set(range(tokenizer.get_vocab_size()))
    (folder / "tokenizer.json").write_text(tokenizer.to_str(pretty=False))


def cut(tokenizer: Tokenizer, text: str, at_least: int) -> str:
    """The fewest first words of the text that are so many tokens, special ones included."""
    words = text.split()
    for n in range(1, len(words) + 1):
        if len(tokenizer.encode(" ".join(words[:n])).ids) >= at_least:
            return " ".join(words[:n])
    return text
