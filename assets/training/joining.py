"""Long sentences made of short ones: `joined(pairs, rng, n_words)` returns an (English, French) pair.

Sentences follow one another, or become clauses with and, but, because, so, when, while or `I know that`.
"""

from __future__ import annotations

import random
import re

LINKS = [
    (", and ", " et "), (" and ", " et "), (", but ", ", mais "), (" because ", " parce que "), (", so ", ", donc "), (" when ", " quand "),
    (", and then ", ", et ensuite "), (" while ", " tandis que "),
]  # fmt: skip
OPENINGS = [("I know that ", "Je sais que "), ("I think that ", "Je pense que "), ("They say that ", "On dit que "), ("He said that ", "Il a dit que "), ("Everyone knows that ", "Tout le monde sait que ")]
STATEMENT = re.compile(r"[A-Z][^.?!:;\"]*\.")
QUESTION_WORDS = ("Yes", "No", "Oh", "Well", "Please", "Thank", "Let", "Hello", "Sorry", "Don't")
KEEPS_CAPITAL = re.compile(r"(I|I'\w+|Tom|Mary|John|Mr|Mrs|Dr|French|English|Japan|America|Boston|Japanese|Monday|Sunday|Christmas|God|TV)\b")


class Joiner:
    """`pairs`: sentences of any kind; `names`: words that keep their capital inside a sentence."""

    def __init__(self, pairs: list[tuple[str, str]], names: set[str]):
        self.all = [(e, f) for e, f in pairs if e[-1] in ".?!" and f[-1] in ".?!"]
        self.statements = [(e, f) for e, f in pairs if STATEMENT.fullmatch(e) and f.endswith(".") and not e.startswith(QUESTION_WORDS) and "," not in e[:8]]
        self.names = names

    def sample(self, rng: random.Random, n_words: int) -> tuple[str, str]:
        """About n_words English words."""
        english, french = self.sentence(rng, n_words)
        while len(english.split()) < n_words - 2:
            e, f = self.sentence(rng, n_words - len(english.split()))
            english, french = f"{english} {e}", f"{french} {f}"
        return english, french

    def sentence(self, rng: random.Random, n_words: int) -> tuple[str, str]:
        if rng.random() < 0.35:
            return rng.choice(self.all)
        english, french = (text[:-1] for text in rng.choice(self.statements))
        if rng.random() < 0.12:
            opening = rng.choice(OPENINGS)
            english, french = opening[0] + self.inside(english), opening[1] + self.inside(french)
        for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
            if len(english.split()) >= n_words - 2:
                break
            link, (e, f) = rng.choice(LINKS), rng.choice(self.statements)
            english, french = english + link[0] + self.inside(e[:-1]), french + link[1] + self.inside(f[:-1])
        return english + ".", elided(french) + "."

    def inside(self, text: str) -> str:
        """The sentence as it stands after another word: its first letter small unless it is a name."""
        first = re.split(r"[ ',]", text, maxsplit=1)[0]
        if first in self.names or KEEPS_CAPITAL.match(text):
            return text
        return text[0].lower() + text[1:]


def elided(french: str) -> str:
    return re.sub(r"\b([Qq]u)e (?=[aeiouéêàâhAEIOUÉÊ](?!aut|éros|asard|uit|nze))", elide, french)


def elide(found: re.Match[str]) -> str:
    return found[1] + "'"
