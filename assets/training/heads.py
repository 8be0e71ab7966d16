"""What each attention head of a Transformer looks at, over test sentences.

`table(model, tokenizer, lines)` returns a row a head: how often it rests on one column of the sentence (`sink`: the mean
share of a sentence's rows whose largest weight is in the commonest column, sentences of 6 tokens and more), and how
often its largest weight is on the previous, the next or the same token, on the noun of an article or adjective, on the
subject of a verb. A cross-attention's query is the token before the one it helps to write.
"""

from __future__ import annotations

from collections import Counter, defaultdict

import torch
from tokenizers import Tokenizer

from grammar import COUNTS, OWNERS, PRONOUNS
from lexicon import Lexicon
from models import Transformer, keep_weights

LEAST = 6  # tokens


class Kinds:
    """Word classes of the grammar's English."""

    def __init__(self) -> None:
        lexicon = Lexicon()
        self.nouns = {f for ns in lexicon.nouns.values() for n in ns for f in n.en} | {n.en.lower() for n in lexicon.names}
        self.determiners = {"the", "a", "an", "this", "these", "some", "every", *(o[0] for o in OWNERS.values()), *(c[0] for c in COUNTS)}
        self.before_noun = self.determiners | {a.en for a in lexicon.adjectives}
        verbs = [*lexicon.intransitive, *lexicon.transitive, *lexicon.giving, *lexicon.placed]
        self.verbs = {f for v in verbs for f in (v.base, v.third, v.past)} - self.nouns
        self.pronouns = {p[0].lower() for p in PRONOUNS} | {"it", "they"}

    def targets(self, words: list[str]) -> dict[str, dict[int, int]]:
        """{role: {word: the word it should look at}}"""
        low = [w.lower() for w in words]
        noun, subject = {}, {}
        for i, word in enumerate(low):
            if word in self.before_noun:
                following = next((j for j in range(i + 1, min(i + 4, len(low))) if low[j] in self.nouns), None)
                if following is not None and all(w in self.before_noun for w in low[i + 1 : following]):
                    noun[i] = following
            if word in self.verbs:
                before = [j for j in range(max(0, i - 4), i) if low[j] in self.nouns or low[j] in self.pronouns]
                if before:
                    subject[i] = before[-1]
        return {"to its noun": noun, "verb to subject": subject}


def weights_of(model: Transformer, source: list[int], target: list[int]) -> dict[str, torch.Tensor]:
    """{module: (head, query, key)} for one pair."""
    with torch.no_grad():
        memory = model.encode(torch.tensor([source]), torch.tensor([len(source)]))
        model.decode(memory, torch.tensor([[1, *target]]))
    return {name: module.weights[0] for name, module in model.attentions()}


def table(model: Transformer, tokenizer: Tokenizer, lines: list[dict]) -> list[dict]:
    keep_weights(model, True)
    kinds, tallies = Kinds(), defaultdict(lambda: defaultdict(list))
    for line in lines:
        en, fr = tokenizer.encode(line["en"]), tokenizer.encode(line["fr"][0])
        if len(en.ids) < LEAST:
            continue
        for name, weights in weights_of(model, en.ids, fr.ids).items():
            for head, rows in enumerate(weights.argmax(2).tolist()):
                note(tallies[name, head], rows, name)
                if name.startswith("encoder"):
                    note_roles(tallies[name, head], rows, en, line, kinds)
    return [{"head": f"{name} {head}", **{k: sum(v) / len(v) for k, v in tally.items()}} for (name, head), tally in tallies.items()]


def note(tally: dict[str, list], rows: list[int], name: str) -> None:
    tally["sink"].append(Counter(rows).most_common(1)[0][1] / len(rows))
    if "self_attn" in name:
        tally["previous"] += [k == q - 1 for q, k in enumerate(rows)][1:]
        tally["same"] += [k == q for q, k in enumerate(rows)]
        if name.startswith("encoder"):
            tally["next"] += [k == q + 1 for q, k in enumerate(rows)][:-1]


def note_roles(tally: dict[str, list], rows: list[int], en, line: dict, kinds: Kinds) -> None:
    """Roles are measured where every word of the sentence is one token."""
    words = [t.strip() for t in en.tokens]
    for role, targets in kinds.targets(words).items():
        tally[role] += [rows[query] == key for query, key in targets.items()]
    if line.get("coref") and len(words) == len(line["pieces"][0]):
        tally["pronoun to noun"].append(rows[line["coref"][0]] == line["coref"][1])
