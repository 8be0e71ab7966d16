"""Everyday English-French pairs from the Tatoeba project, read, cleaned and made consistent.

The file is `fra.txt` of https://www.manythings.org/anki/fra-eng.zip: a pair a line, English, tab, French (later columns
are ignored; a .gz is read too). Licence of the sentences: CC BY 2.0 FR, attribution to tatoeba.org and
manythings.org/anki. They are read here and never stored in the repository.

`load(path)` returns a list of `Sentence`: one English sentence with all its French ones, filtered and normalized, and
the one French sentence it is trained on.
"""

from __future__ import annotations

import gzip
import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import french

# Stems that a program for classrooms leaves out: insults, sex, violence against people, drugs, suicide.
UNFIT_ENGLISH = """
fuck\\w* shit\\w* bitch\\w* bastard\\w* asshole\\w* ass arse damn\\w* dammit goddamn\\w* crap crappy piss\\w* dick cock cunt\\w* whore\\w* slut\\w*
prostitut\\w* sex\\w* porn\\w* nude naked orgasm\\w* masturbat\\w* erotic penis vagina breasts? boobs? tits? horny condoms? virgin\\w* rape\\w* rapist
brothel\\w* strip(?:per|tease)\\w* pervert\\w* lesbians? homosexual\\w* faggot\\w* gay nazi\\w* hitler nigg\\w* kill\\w* murder\\w* stab\\w* strangl\\w*
tortur\\w* suicid\\w* hang(?:ed)\\s(?:him|her|my|your|them)\\w* corpse\\w* behead\\w* terroris\\w* massacre\\w* cocaine heroin marijuana weed drugs?
addict\\w* junkie\\w* moron\\w* idiot\\w* jerk jerks imbecile\\w* retard\\w* hell bloody gun guns shoot\\w* shot bomb\\w* slave\\w* fart\\w* poop\\w* pee
toilet\\s?paper drunk\\w* booze seduc\\w* sperm menstruat\\w* pregnan\\w* abortion\\w* kiss(?:ed)?\\sme\\son
"""
UNFIT_FRENCH = """
merde\\w* putain\\w* pute\\w* con conne connes cons connard\\w* connasse\\w* salop\\w* salaud\\w* encul\\w* foutre foutu\\w* fous fout fiche chier chié
chiant\\w* bordel\\w* bite cul couille\\w* nichon\\w* nique\\w* baise\\w* baisé\\w* sexe\\w* sexuel\\w* porno\\w* orgasme\\w* masturb\\w* pénis vagin
seins? préservatif\\w* viol violé\\w* violeur\\w* prostitu\\w* nazi\\w* hitler nègre\\w* tu[eé]r\\w* tuerai\\w* meurtr\\w* assassin\\w* suicid\\w* poignard\\w* étrangl\\w*
tortur\\w* cadavre\\w* terroris\\w* massacr\\w* cocaïne héroïne drogue\\w* idiot\\w* crétin\\w* abruti\\w* imbécile\\w* débile\\w* enfoiré\\w* pisser gueule\\w*
nu nue nus nues bourré\\w* ivre\\w* soûl\\w* saoul\\w* flingue\\w* pédé\\w* gay bon\\ssang pistolet\\w* esclave\\w* péter pété\\w* crève\\w* crever garce\\w* enceinte
"""
ENGLISH_LETTERS = re.compile(r"[A-Za-zéèêçàïñöüÉ0-9 .,?!;:'\"$%&+/()-]+")
FRENCH_LETTERS = re.compile(r"[A-Za-z0-9ÀÂÇÈÉÊËÎÏÔÙÛŒàâæçèéêëîïôùûüœñöÖ .,?!;:'\"$%&+/()€°-]+")
UNTRANSLATED = re.compile(r"\b(the|and|you|is|are|was|were|this|that|with|have|they|she|what|don't|it's|i'm)\b", re.I)
FRENCH_NAMES = {"Mary": "Marie", "John": "Jean", "Peter": "Pierre", "Jane": "Jeanne"}
MOST_WORDS = 60
NOT_LITERAL = 0.04  # the share of sentences whose best French is hardly a translation word by word, left out of training


def stems(text: str) -> re.Pattern[str]:
    return re.compile(r"\b(?:" + "|".join(text.split()) + r")\b", re.I)


UNFIT = stems(UNFIT_ENGLISH), stems(UNFIT_FRENCH)


@dataclass
class Sentence:
    """`french`: every translation as found; `target`: the one trained on (None: evaluation only)."""

    english: str
    french: list[str] = field(default_factory=list)
    target: str | None = None

    @property
    def n_words(self) -> int:
        return len(self.english.split())


def key(english: str) -> str:
    """What decides whether two English sentences are the same: letters and digits, lower case."""
    return "".join(c for c in english.lower() if c.isalnum())


def plain(text: str) -> str:
    """One form of apostrophes, quotes, dashes and spaces, for either language."""
    text = unicodedata.normalize("NFC", text)
    text = re.sub(r"[\u2018\u2019\u02bc]", "'", text)
    text = re.sub(r"\s*[«»“”\u201e]\s*", lambda m: m[0].replace("\u202f", " ").replace("\xa0", " "), text)
    text = re.sub(r"« *| *»|[“”\u201e]", '"', text)
    text = re.sub(r"[\u00ad\u200b\u200c\ufeff]", "", text)
    text = text.replace("…", "...").replace("‐", "-").replace("–", "-").replace("—", "-")
    return " ".join(text.split())


def normalized_french(text: str) -> str:
    """`plain`, a space before ? ! : ;, ligatures and capital accents."""
    text = re.sub(r"\s*([?!;]+|:(?!\d))", r" \1", plain(text))
    text = re.sub(r'" +([?!])', r'" \1', text)
    text = re.sub(r"(\d) ?: ?(\d)", r"\1:\2", text)
    text = re.sub(r"\b([CcSs]|[Bb]|[NnVvMm]|[Mm]an|)[oO]e(ur|uf|il|uvre|ud|u|urs)(s?)\b", oe, text)
    text = re.sub(r"^Ca\b", "Ça", text)
    text = re.sub(r"^A (?=[a-zà-ÿ])", "À ", text)
    text = re.sub(r"^E(tes|tais|tait|tes-vous)\b", r"Ê\1" if text.startswith("Etes") else r"É\1", text)
    text = re.sub(r"\b(s'il (?:te|vous)) plait\b", r"\1 plaît", text)
    return text.strip()


def oe(found: re.Match[str]) -> str:
    head = found[1]
    return (head + "œ" if head else ("Œ" if found[0][0] == "O" else "œ")) + found[2] + found[3]


def is_fit(english: str, translation: str) -> bool:
    """True if both sides suit a classroom and look like a pair without errors."""
    if UNFIT[0].search(english) or UNFIT[1].search(translation):
        return False
    if not ENGLISH_LETTERS.fullmatch(english) or not FRENCH_LETTERS.fullmatch(translation):
        return False
    n, m = len(english.split()), len(re.sub(r" [?!:;]", "", translation).replace("'", "' ").split())
    if max(n, m) > MOST_WORDS or m > 2.4 * n + 3 or n > 2.2 * m + 2:
        return False
    if english == translation and n > 1 or UNTRANSLATED.search(translation):
        return False
    return english.count('"') % 2 == 0 and translation.count('"') % 2 == 0 and "  " not in english


def read(path: Path) -> list[tuple[str, str]]:
    """All pairs of the file, normalized."""
    opened = gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")
    with opened as lines:
        columns = [line.rstrip("\n").split("\t") for line in lines]
    return [(plain(c[0]), normalized_french(c[1])) for c in columns if len(c) >= 2]


def load(path: Path) -> list[Sentence]:
    """Every usable English sentence, in the file's order, with its French ones and the one to train on."""
    found: dict[str, Sentence] = defaultdict(lambda: Sentence(""))
    for english, translation in read(path):
        if is_fit(english, translation):
            sentence = found[english]
            sentence.english = english
            if translation not in sentence.french:
                sentence.french.append(translation)
    sentences = list(found.values())
    choose_targets(sentences)
    return sentences


def choose_targets(sentences: list[Sentence]) -> None:
    """Sets each `target`: `vous` for you, passé composé for the past, then what is most literal (IBM model 1, both ways)."""
    from aligner import Literalness, words

    to_vous = french.Register(sentences)
    candidates = [[one_form(to_vous, s.english, t) for t in s.french] for s in sentences]
    pairs = [(words(s.english), words(t)) for s, c in zip(sentences, candidates) for t in dict.fromkeys(c)]
    literal = Literalness(pairs)
    best = []
    for sentence, forms in zip(sentences, candidates):
        english = words(sentence.english)
        scored = {t: literal.score(english, words(t)) - french.penalty(t) for t in dict.fromkeys(forms)}
        sentence.target = max(scored, key=lambda t: scored[t])
        best.append(scored[sentence.target])
    lowest = sorted(best)[int(NOT_LITERAL * len(best))]
    for sentence, score in zip(sentences, best):
        if score < lowest:
            sentence.target = None


def one_form(to_vous: "french.Register", english: str, translation: str) -> str:
    """The translation with `vous`, passé composé, and names as they are in English."""
    for name, other in FRENCH_NAMES.items():
        if re.search(rf"\b{name}\b", english):
            translation = re.sub(rf"\b{other}\b", name, translation)
    return french.composed(to_vous.polite(translation))
