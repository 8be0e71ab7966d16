"""Texts that tokenizers stumble over, and what the `tokenizers` library makes of them.

Writes `tests/goldens/tokenization.jsonl`: a line a text, `{"text": ..., "ids": {checkpoint: [...]}}`, ids with
special tokens, by the tokenizer.json of every tiny checkpoint that has a tokenizer of its own
(`checkpoint_tokenizers.py`), padding and truncation off.
"""

import argparse
import json
from pathlib import Path

import checkpoint_tokenizers as tiny

OUT = Path(__file__).parent.parent.parent / "tests" / "goldens" / "tokenization.jsonl"

TEXTS = [
    "", " ", "   ", "\n", "\t", "a", " a", "a ", "  two  spaces  ", "The river", " The river runs ", "THE RIVER",
    # whitespace
    "tabs\tbetween\twords", "\tone tab before", "line\nbreak", "line\n\nbreaks\n", "windows\r\nlines\r\n", "old\rmac",
    "many          spaces", "trailing   \n   leading", "non\u00a0breaking\u00a0space", "\u00a0", "wide\u3000space",
    "thin\u2009space", "zero\u200bwidth\u200bspace", "a\u2028line\u2029paragraph", "\ufeffbyte order mark",
    "form\x0cfeed and \x0bvertical tab", "next\x85line", "    def f(x):\n        return x  # 4 and 8 spaces\n",
    # marks and letters
    "café", "cafe\u0301", "Å Å A\u030a", "ﬁne ﬂag ﬀ", "e\u0301\u0301\u0301\u0301", "Z\u0351\u036b\u0343a\u0323\u0308lgo",
    "naïve façade Straße ẞ İstanbul ıI", "ΑΒΓ αβγ ς σ", "Ǆ ǅ ǆ", "½ ² ³ ① Ⅳ ℌ ™ …", "“quotes” ‘single’ «French» „low“",
    "em—dash en–dash hyphen-minus ‐ − ­soft", "ａｂｃ１２３（full）", "ｶﾀｶﾅ ﾊﾟ",
    # scripts
    "这是一个句子。", "東京都に住んでいます。", "한국어 문장입니다", "한", "ภาษาไทยไม่มีช่องว่าง", "हिन्दी में वाक्य क्षत्रिय",
    "العربية من اليمين", "مُشَكَّل", "עברית שלום", "עִבְרִית", "Русский язык ё е\u0308", "Ελληνικά ά α\u0301", "የኢትዮጵያ", "ಕನ್ನಡ", "မြန်မာ",
    "mixed 混合 смесь مزيج mix", "\u202eright to left\u202c", "\u2066isolated\u2069", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟘𝟙𝟚", "𠜎𠜱𠝹 rare", "𐍈𐌰 Gothic",
    # emoji
    "😀", "two 😀😀", "👨‍👩‍👧‍👦 family", "👍🏽 tone", "🏳️‍🌈 flag", "🇫🇷🇯🇵", "❤️ ❤", "1️⃣ #️⃣", "☺︎ text", "🧑🏿‍🚀 to 🌕",
    # controls and strange ones
    "nul\x00inside", "\x00", "bell\x07 escape\x1b[31mred\x1b[0m", "del\x7f", "\x80\x9f c1", "\ufffd replacement", "\ue000\uf8ff private",
    "\U000f0000 plane 15", "noncharacter \uffff \ufdd0", "zwj\u200djoin zwnj\u200cnon", "word\u2060joiner", "tag\U000e0041\U000e007f", "var\ufe0f\ufe0e",
    # numbers
    "0", "7", "42", "123", "1234", "12345678901234567890", "1,234,567.89", "1 234 567", "3.14159", "-5 +5 ±5", "1e-10 0x1F 1_000", "50%",
    "$1,000 €20 £3 ¥400", "12:34:56", "2024-02-29", "192.168.0.1", "٠١٢٣ ०१२ ０１２", "10th 2nd", "v1.2.3-rc4", "a1b2c3",
    # contractions
    "don't can't won't", "DON'T CAN'T", "Don'T", "I'm you're we've they'll he'd it's", "I'M YOU'RE WE'VE THEY'LL HE'D IT'S", "I’m don’t", "'tis 'twas",
    "rock 'n' roll", "o'clock O'Brien", "the dogs' bones", "''s 's 't", "'", "''", "y'all'd've", "'Sup 're", "ſ's 'ſ it'ſ",
    # punctuation
    "!", "!!!", "?!?!", "...", ". . .", "(a)(b)[c]{d}", "a,b;c:d", "--- *** ___ ===", "\"", "\\n \\t \\\\", "a/b\\c|d", "@user #tag", "~`^", "<a href=\"x\">b</a>", "&amp; &lt;",
    "x.y", "x . y", "end.", "end .Start", "Hello,World", " ,", ", ", "a\n,b", "\n!", " !\n\n x",
    # addresses and code
    "https://example.org/a/b?q=1&r=%20#top", "user.name+tag@example.co.uk", "C:\\Users\\me\\file.txt", "/usr/local/bin", "fn main() { println!(\"{}\", x[0]); }",
    "for (int i = 0; i < n; ++i) { a[i] *= 2; }", "snake_case camelCase PascalCase SCREAMING_CASE kebab-case", "if x==1:\n\treturn\n", "SELECT * FROM t WHERE a='b';", "{\"k\": [1, null, true]}",
    # long ones
    "a" * 300, "ab" * 150, "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft", "the" * 60, "!" * 100, " " * 50 + "x", "\n" * 20, "9" * 77, "😀" * 12, "字" * 40,
    # what looks like special tokens
    "<s>", "</s>", "a <s> b", "a</s>b", "<unk>", "<pad> x", "[MASK]", "a [MASK] b", "[mask]", "[CLS] [SEP]", "the[MASK]river", "<mask>", "the <mask> runs", "the<mask>runs", "  <mask>  ", "<|endoftext|>",
    "end<|endoftext|>start", "<|begin_of_text|>", "<|im_start|>user\nhi<|im_end|>", "<|end_of_text|> ", "<0x41>", "<0x0A>", "▁", "▁▁word", "a▁b", "Ġword", "Ċ", "##ing", "a ##b", "<extra_id_0>", "< s >", "<S>", "<|ENDOFTEXT|>",
    "the <extra_id_1> runs", "[UNK]", "[PAD]", "<unk><unk>", "</s></s>",
]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT)
    out = parser.parse_args().out
    tokenizers = {name: make() for name, make in tiny.ALL.items()}
    ids = lambda text: {name: t.encode(text).ids for name, t in tokenizers.items()}
    lines = [json.dumps({"text": text, "ids": ids(text)}, ensure_ascii=False, separators=(",", ":")) for text in TEXTS]
    out.write_text("\n".join(lines) + "\n")
    print(f"{len(lines)} texts, {len(tokenizers)} tokenizers")


if __name__ == "__main__":
    main()
