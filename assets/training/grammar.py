"""A grammar of English declarative sentences with their French translations.

What it is: a generator. `Grammar().sample(rng, length)` builds one sentence of exactly `length` English tokens (3..40, the final
period included) together with its French and the word alignment. Both sides grow as one tree: every constituent is asked for
an exact number of English tokens and spends them on its parts; where that cannot be done (`Stuck`), the nearest caller tries again.

What it promises: one English sentence has one French one (tense, gender, order are fixed by rule: past of states and of `be` =
imparfait, of every other verb = passé composé; `big` = grand; `I`, `we` agree in the masculine; a noun has one gender);
`it` and `they` have exactly one antecedent that fits, so their French gender is determined. In a coreference sentence
(`coref` not None) two nouns of the same number compete and only the adjective decides: ... because it was too tired / too wide.

What is absent: object pronouns (him, them), `you`, questions, orders, future, other tenses, passives, reflexives, modal verbs,
comparison, infinitives, `whose`/`where`, stranded prepositions (other than look for, wait for), feminines of nouns such as
teacher, mass nouns, two adjectives before the French noun, relatives nested more than twice, past `often`/`always`, frequency
with negation, negated `some`/`many`/`two`. A relative clause belongs to the nearest noun, a coordinated verb to the subject of its clause.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from functools import lru_cache

from lexicon import (
    ADVERBS, ASPIRATED, AVOIR, ETRE, FREQUENCY, OPENERS, Adjective, Lexicon, Noun, Place, Verb, entries, expand, sections,
)

ALIVE = expand("alive")
PERSON = frozenset({"person"})
PLACE = expand("place")
MAX_RELATIVES = 2
MAX_DEPTH = 3


class Stuck(Exception):
    """No constituent of that size fits here; the caller tries another."""


class Word:
    """An English token; a noun knows what it is, for the search of antecedents."""

    __slots__ = ("text", "noun", "plural")

    def __init__(self, text: str, noun: Noun | None = None, plural: bool = False):
        self.text, self.noun, self.plural = text, noun, plural


class Mot:
    """A French token, the English words it stands for, and its form before a vowel if that differs."""

    __slots__ = ("text", "src", "liaison")

    def __init__(self, text: str, *src: Word, liaison: str | None = None):
        self.text, self.src, self.liaison = text, src, liaison


Both = tuple[list[Word], list[Mot]]


@dataclass(frozen=True)
class Phrase:
    """A noun phrase and what agrees with it. `person` counts je, il, nous, ils."""

    en: list[Word]
    fr: list[Mot]
    gender: str
    plural: bool
    person: int = 1
    cls: str = "person"
    head: Word | None = None
    noun: Noun | None = None
    pronoun: bool = False


@dataclass(frozen=True)
class Pair:
    en: list[str]
    fr: list[str]
    align: list[tuple[int, int]]
    coref: tuple[int, int, int, int] | None = None
    coref_fr: tuple[int, int] | None = None
    contrast: bool = False  # the two antecedents differ in gender


# ---- French sounds -------------------------------------------------------------------------------------------------------

ELIDING = {"le", "la", "de", "ne", "que", "je", "jusque"}
BEFORE_VOWEL = {"ma": "mon", "sa": "son", "ce": "cet"}
MERGED = {("de", "le"): "du", ("de", "les"): "des", ("à", "le"): "au", ("à", "les"): "aux"}


@lru_cache(maxsize=None)
def opens_with_vowel(word: str) -> bool:
    word = word.lower()
    return word[0] in "aeiouàâéèêîôûœ" or (word[0] == "h" and word not in ASPIRATED)


def contract(fr: list[Mot]) -> list[Mot]:
    """Elision, liaison forms and contraction, from the right, so that each word sees the final form of the next one."""
    out: list[Mot] = []
    for mot in reversed(fr):
        following = out[-1].text if out else "."
        text = mot.text
        if (text, following) in MERGED:
            mot = Mot(MERGED[text, following], *mot.src, *out.pop().src)
        elif opens_with_vowel(following):
            if mot.liaison:
                mot = Mot(mot.liaison, *mot.src)
            elif text in BEFORE_VOWEL:
                mot = Mot(BEFORE_VOWEL[text], *mot.src)
            elif text in ELIDING:
                mot = Mot(text[:-1] + "'", *mot.src)
        out.append(mot)
    return out[::-1]


def articles(en: list[Word]) -> None:
    """`a` becomes `an` before a vowel."""
    for word, following in zip(en, en[1:]):
        if word.text == "a" and following.text[0] in "aeiou":
            word.text = "an"


ATTACHED = {"n't", "'s", ".", ","}


def surface(tokens: list[str]) -> str:
    """The tokens as a text."""
    out = ""
    for i, token in enumerate(tokens):
        joined = i == 0 or token in ATTACHED or tokens[i - 1].endswith("'")
        out += token if joined else " " + token
    return out


def capital(tokens: list[str]) -> list[str]:
    return [tokens[0][0].upper() + tokens[0][1:], *tokens[1:]]


# ---- closed classes ------------------------------------------------------------------------------------------------------

# English, then French for masculine, feminine, plural.
THE = ("the", "le", "la", "les")
A = ("a", "un", "une", "des")
SOME = ("some", "du", "de", "des")
THIS = ("this", "ce", "cette", "ces")
EVERY = ("every", "chaque", "chaque", "")
OWNERS = {
    "I": ("my", "mon", "ma", "mes"), "he": ("his", "son", "sa", "ses"), "she": ("her", "son", "sa", "ses"), "it": ("its", "son", "sa", "ses"),
    "we": ("our", "notre", "notre", "nos"), "they": ("their", "leur", "leur", "leurs"), "you": ("your", "votre", "votre", "vos"),
}
COUNTS = [("two", ["deux"]), ("three", ["trois"]), ("many", ["beaucoup", "de"])]
PRONOUNS = [("he", "il", "m", 1), ("she", "elle", "f", 1), ("I", "je", "m", 0), ("we", "nous", "m", 2)]
RESTING = {"sleep", "wait", "laugh", "fall", "play"}  # neither slowly nor quickly
ABSOLUTE = {"broken", "flooded", "frozen"}  # not by degrees
PASSING = {"crowded", "flooded", "slippery", "frozen", "muddy", "dark", "empty", "full", "dirty"}  # fit for `when`
OPPOSITE = {"empty": "crowded", "crowded": "empty", "full": "empty", "wide": "narrow", "narrow": "wide", "muddy": "flooded", "happy": "sad", "sad": "happy",
            "big": "small", "small": "big", "old": "new", "new": "old", "young": "old"}
DEGREES = [("too", "trop"), ("too", "trop"), ("very", "très"), ("so", "si")]
CONNECTORS = {"because": ["parce", "que"], "when": ["quand"], "but": ["mais"], "and": ["et"]}
RECIPIENT = Place(("to",), ("à",), PERSON)
COMPANY = Place(("with",), ("avec",), ALIVE)
LAST_WORDS = {"past": [("yesterday", "hier")], "present": [("today", "aujourd'hui"), ("now", "maintenant")]}
FITS_IN = Place(("in",), ("dans",), expand("container"))


def words(text: str) -> list[Word]:
    return [Word(w) for w in text.split()]


def linked(en: list[str] | tuple[str, ...], fr: list[str] | tuple[str, ...]) -> Both:
    """A fixed expression: its first French word stands for its first English word, and so on, the rest for the last."""
    w = [Word(e) for e in en]
    return w, [Mot(f, w[min(i, len(w) - 1)]) for i, f in enumerate(fr)]


class Grammar:
    def __init__(self) -> None:
        lex = self.lexicon = Lexicon()
        self.rng = random.Random(0)
        self.tense = "past"
        self.openers = {k: [tuple(p.strip() for p in e.split(">")) for e in es] for k, es in sections(OPENERS).items()}
        self.adverbs = [tuple(e.split()) for e in entries(ADVERBS)]
        self.frequency = [tuple(e.split()) for e in entries(FREQUENCY)]
        self.direct = [v for v in lex.transitive if not v.fr_prep]
        everyone = [n for ns in lex.nouns.values() for n in ns]
        classes = sorted(lex.nouns)
        self.verbs_of = {c: [v for v in lex.transitive if c in v.subjects] for c in classes}
        self.verbs_on = {c: [v for v in self.direct if c in v.objects] for c in classes}
        self.intransitive_of = {c: [v for v in lex.intransitive if c in v.subjects] for c in classes}
        self.placed_of = {c: [v for v in lex.placed if c in v.subjects] for c in classes}
        self.adjectives_of = {c: [a for a in lex.adjectives if c in a.classes and a.kind != "avoir"] for c in classes}
        self.predicates_of = {c: [a for a in lex.adjectives if c in a.classes] for c in classes}
        self.deciders = {c: [a for a in self.predicates_of[c] if a.kind in ("alive", "avoir", "thing")] for c in classes}
        self.nouns_of = lru_cache(maxsize=None)(lambda cs: [n for n in everyone if n.cls in cs])
        open_places = {"cross", "enter", "leave", "reach", "climb", "visit", "explore", "avoid"}
        carried = {"carry", "push", "open", "eat", "take", "wash", "clean", "read", "buy"}
        self.quests = [v for v in lex.transitive if v.base in open_places]
        self.tasks = [v for v in lex.transitive if v.base in carried]
        self.fit = Verb("fit", "fits", "fit", (), ("entre", "entre", "entrons", "entrent"), ("entré",) * 4, False, True, None, ALIVE)

    # ---- chance --------------------------------------------------------------------------------------------------------

    def pick(self, items):
        if not items:
            raise Stuck
        return items[int(self.rng.random() * len(items))]

    def chance(self, p: float) -> bool:
        return self.rng.random() < p

    def between(self, low: int, high: int) -> int:
        if high < low:
            raise Stuck
        return low + int(self.rng.random() * (high - low + 1))

    def retry(self, build, times: int = 6):
        for _ in range(times):
            try:
                return build()
            except Stuck:
                pass
        raise Stuck

    # ---- noun phrases --------------------------------------------------------------------------------------------------

    def subject(self, n: int, classes: frozenset[str] = ALIVE, depth: int = 0, rel: int = 0) -> Phrase:
        if n == 1 and "person" in classes:
            return self.pronoun() if self.chance(0.6) else self.name()
        if n >= 5 and depth == 0 and self.chance(0.06):
            return self.couple(n)
        classes = PERSON if "person" in classes and self.chance(0.4) else classes
        return self.np(n, classes, depth, rel, role="subject")

    def pronoun(self) -> Phrase:
        en, fr, gender, person = self.pick(PRONOUNS)
        w = Word(en)
        return Phrase([w], [Mot(fr, w)], gender, person == 2, person, pronoun=True)

    def name(self) -> Phrase:
        name = self.pick(self.lexicon.names)
        w = Word(name.en)
        return Phrase([w], [Mot(name.fr, w)], name.gender, False)

    def couple(self, n: int) -> Phrase:
        left = self.between(1, n - 2)
        a, b = (self.name() if k == 1 else self.np(k, ALIVE, 2, MAX_RELATIVES) for k in (left, n - 1 - left))
        en, fr = linked(["and"], ["et"])
        gender = "f" if a.gender == b.gender == "f" else "m"
        return Phrase(a.en + en + b.en, a.fr + fr + b.fr, gender, True, 3, "person" if "person" in (a.cls, b.cls) else a.cls)

    def np(self, n: int, classes: frozenset[str], depth: int = 0, rel: int = 0, *, role: str = "object", plural: bool | None = None,
           owner: str | None = None, negated: bool = False, noun: Noun | None = None) -> Phrase:
        """Exactly n tokens: determiner, adjectives, noun, then a place or a relative clause; or an owner's phrase first.
        A relative clause always belongs to the nearest noun."""
        if n < 1 or n == 1 and "person" not in classes:
            raise Stuck
        if n == 1:
            return self.name()
        noun = noun or self.pick(self.nouns_of(classes))
        plural = self.chance(0.27) if plural is None else plural
        room = n - 2
        if room >= 2 and depth < 2 and self.chance(0.12):
            return self.owned(room, noun, plural, depth, rel)
        count = self.retry(lambda: self.adjective_count(room))
        before, after = self.adjectives(noun, plural, count)
        det = self.determiner(noun, plural, role, owner, negated, bool(before[1]))
        head = Word(noun.en[plural], noun, plural)
        en = det[0] + before[0] + after[0] + [head]
        fr = det[1] + before[1] + [Mot(noun.fr[plural], head)] + after[1]
        bare = Phrase(en, fr, noun.gender, plural, 3 if plural else 1, noun.cls, head, noun)
        return self.extended(bare, room - count, depth, rel)

    def adjective_count(self, room: int) -> int:
        count = min(room, self.pick((0, 0, 0, 1, 1, 2)))
        if room - count == 1:
            count += 1
        if count > 2:
            raise Stuck
        return count

    def extended(self, p: Phrase, n: int, depth: int, rel: int) -> Phrase:
        """The phrase with n more tokens behind its noun."""
        if n == 0:
            return p
        if depth >= MAX_DEPTH or n < 2:
            raise Stuck
        relative = rel < MAX_RELATIVES and self.chance(0.55 if n > 4 else 0.35)
        if relative or n > 12:
            if rel >= MAX_RELATIVES:
                raise Stuck
            return self.with_relative(p, n, depth, rel)
        return self.with_place(p, n, depth, rel)

    def with_place(self, p: Phrase, n: int, depth: int, rel: int) -> Phrase:
        en, fr = self.retry(lambda: self.located(n, p.cls, depth + 1, rel))
        return replace(p, en=p.en + en, fr=p.fr + fr)

    def located(self, n: int, cls: str, depth: int, rel: int) -> Both:
        where = self.pick(self.lexicon.locations)
        if where.en == ("with",) and cls not in ALIVE or where.en == ("in",) and cls not in ALIVE and cls not in expand("thing building plant"):
            raise Stuck
        return self.prepositional(where, n, depth, rel, cls)

    def prepositional(self, where: Place, n: int, depth: int, rel: int, cls: str = "person", owner: str | None = None) -> Both:
        classes = where.classes
        if where.en == ("in",) and cls in ALIVE | {"plant", "building", "furniture"}:
            classes = classes - {"container"}
        if where.en == ("in",) and cls in ("building", "plant", "vehicle", "furniture"):
            classes = classes & expand("land lane") if cls != "furniture" else classes & expand("inside")
        if where.en == ("on",) and cls == "person":
            classes = classes - {"furniture"}
        if cls in PLACE:
            classes = classes & (PLACE | {"plant"})
        if not classes:
            raise Stuck
        ground = self.np(n - len(where.en), classes, depth, rel, role="ground", owner=owner)
        en, fr = linked(where.en, where.fr)
        return en + ground.en, fr + ground.fr

    def with_relative(self, p: Phrase, n: int, depth: int, rel: int) -> Phrase:
        tense, build = self.tense, self.subject_relative if p.cls in ALIVE and self.chance(0.55) else self.object_relative
        if tense == "present" and self.chance(0.4):
            self.tense = "past"
        try:
            en, fr = self.retry(lambda: build(p, n, depth + 1, rel + 1), 4)
        finally:
            self.tense = tense
        return replace(p, en=p.en + en, fr=p.fr + fr)

    def that(self, p: Phrase) -> Word:
        return Word("who" if p.cls == "person" and self.chance(0.5) else "that")

    def subject_relative(self, p: Phrase, n: int, depth: int, rel: int) -> Both:
        that = self.that(p)
        en, fr = self.vp(n - 1, replace(p, person=3 if p.plural else 1), depth, rel)
        return [that] + en, [Mot("qui", that)] + fr

    def object_relative(self, p: Phrase, n: int, depth: int, rel: int) -> Both:
        that, verb = self.that(p), self.pick(self.verbs_on[p.cls])
        negation = self.negation(n - 4, 0.12)
        auxiliary = 0 if not negation else 1 if negation == ["never"] else 2
        who = self.subject(n - 2 - auxiliary - len(verb.particle), verb.subjects, max(depth, 1), rel)
        en, fr = self.verb(verb, who, negation, preceding=p)
        return [that] + who.en + en, [Mot("que", that)] + who.fr + fr

    def owned(self, room: int, noun: Noun, plural: bool, depth: int, rel: int) -> Phrase:
        """`the woman 's [adjective] dog` and what follows; room: the tokens beside owner's article or name and the noun."""
        named = self.chance(0.3) or room == 1
        owner = self.name() if named else self.np(self.pick((2, 2, 3)), PERSON, MAX_DEPTH, MAX_RELATIVES, plural=False, role="ground")
        room += 2 - len(owner.en) - 2
        count = min(room, self.pick((0, 0, 1)))
        count += room - count == 1
        if room < 0:
            raise Stuck
        before, after = self.adjectives(noun, plural, count)
        head, of = Word(noun.en[plural], noun, plural), Word("'s")
        en = owner.en + [of] + before[0] + after[0] + [head]
        fr = [Mot(article(THE, noun.gender, plural))] + before[1] + [Mot(noun.fr[plural], head)] + after[1] + [Mot("de", of)] + owner.fr
        return self.extended(Phrase(en, fr, noun.gender, plural, 3 if plural else 1, noun.cls, head, noun), room - count, depth, rel)

    def adjectives(self, noun: Noun, plural: bool, count: int) -> tuple[Both, Both]:
        """English all before the noun: size, state, colour. French: size before; colour, then state after."""
        if count == 0:
            return ([], []), ([], [])
        chosen = [self.pick(self.adjectives_of[noun.cls])]
        if count == 2:
            other = self.pick(self.adjectives_of[noun.cls])
            if rank(other) == rank(chosen[0]):
                raise Stuck
            chosen = sorted([*chosen, other], key=rank)
        before, after = ([], []), ([], [])
        for a in chosen:
            w = Word(a.en)
            side = before if precedes(a) else after
            side[0].append(w)
            liaison = a.before_vowel if noun.gender == "m" and not plural and precedes(a) else None
            side[1].append(Mot(a.agree(noun.gender, plural), w, liaison=liaison))
        after[1].reverse()
        return before, after

    def determiner(self, noun: Noun, plural: bool, role: str, owner: str | None, negated: bool, preposed: bool) -> Both:
        x = self.rng.random()
        if x < 0.18 and not (negated and plural):
            return self.indefinite(noun, plural, role, negated, preposed)
        if x < 0.26:
            word = "these" if plural else "this"
            return linked([word], [article(THIS, noun.gender, plural)])
        if x < 0.41:
            return self.possessive(noun, plural, owner)
        if x < 0.43 and not plural and role == "subject":
            return linked(["every"], ["chaque"])
        return linked(["the"], [article(THE, noun.gender, plural)])

    def indefinite(self, noun: Noun, plural: bool, role: str, negated: bool, preposed: bool) -> Both:
        if not plural:
            return linked(["a"], ["de" if negated else article(A, noun.gender, False)])
        if role != "ground" and self.chance(0.4):
            return linked(["some"], ["de" if preposed else "des"])
        en, fr = self.pick(COUNTS[:2] if role == "ground" else COUNTS)
        return linked([en], fr)

    def possessive(self, noun: Noun, plural: bool, owner: str | None) -> Both:
        key = owner if owner and self.chance(0.6) else self.pick(("I", "he", "she", "we", "you", "they"))
        return linked([OWNERS[key][0]], [article(OWNERS[key], noun.gender, plural)])

    # ---- verb phrases --------------------------------------------------------------------------------------------------

    def negation(self, room: int, p: float = 0.2) -> list[str]:
        """Empty, or the words that make it negative, if there is room for two more tokens."""
        if room < 2 or not self.chance(p):
            return []
        return [self.pick(("n't", "n't", "n't", "not", "not", "never"))]

    def verb(self, verb: Verb, who: Phrase, negation: list[str], often: tuple[str, str] | None = None, preceding: Phrase | None = None) -> Both:
        """The verb with its auxiliaries, negation and particle, agreeing with `who` (or, after avoir, with a preceding object)."""
        past, neg = self.tense == "past", negation[0] if negation else None
        third = who.person == 1
        if verb.timeless() and not past and not third and neg in (None, "never"):
            raise Stuck  # `they read`: past or present?
        particle = [Word(p) for p in verb.particle]
        no = Word(neg) if neg else None
        if neg in ("n't", "not"):
            do, main = Word("did" if past else "does" if third else "do"), Word(verb.base)
            en = [do, no, main]
        else:
            do, main = None, Word(verb.past if past else verb.third if third else verb.base)
            en = [no, main] if no else [main]
        if often:
            w = Word(often[0])
            en, extra = [w, *en], [Mot(often[1], w)]
        else:
            extra = []
        fr = self.conjugated(verb, who, main, do, no, preceding)
        return en + particle, fr + extra

    def conjugated(self, verb: Verb, who: Phrase, main: Word, do: Word | None, no: Word | None, preceding: Phrase | None) -> list[Mot]:
        src = (do,) if do else ()
        if self.tense == "present" or verb.state:
            forms = verb.present if self.tense == "present" else verb.imparfait()
            return negated_by(Mot(forms[who.person], main, *src), no)
        finite = Mot((ETRE if verb.etre else AVOIR)["present"][who.person], *src)
        agreed = who if verb.etre else preceding
        form = (agreed.gender == "f") + 2 * agreed.plural if agreed else 0
        return negated_by(finite, no) + [Mot(verb.participle[form], main)]

    def be(self, who: Phrase, negation: list[str], avoir: bool = False) -> Both:
        past = self.tense == "past"
        third = "was" if past else "is"
        en = ("was" if past else "am", third, "were" if past else "are", "were" if past else "are")[who.person]
        neg = "not" if en == "am" and negation == ["n't"] else negation[0] if negation else None
        w, no = Word(en), Word(neg) if neg else None
        finite = Mot((AVOIR if avoir else ETRE)[self.tense][who.person], w)
        return [w] + ([no] if no else []), negated_by(finite, no)

    def vp(self, n: int, who: Phrase, depth: int = 0, rel: int = 0, anaphoric: bool = False) -> Both:
        return self.retry(lambda: self.vp_once(n, who, depth, rel, anaphoric), 8)

    def vp_once(self, n: int, who: Phrase, depth: int, rel: int, anaphoric: bool) -> Both:
        if n < 1:
            raise Stuck
        if n >= 7 and depth == 0 and self.chance(0.15):
            return self.two_vps(n, who, depth, rel)
        last = self.last_word() if n >= 4 and depth == 0 and self.chance(0.08) else ([], [])
        en, fr = self.vp_core(n - len(last[0]), who, depth, rel, anaphoric)
        return en + last[0], fr + last[1]

    def last_word(self) -> Both:
        en, fr = self.pick(LAST_WORDS[self.tense])
        return linked([en], [fr])

    def two_vps(self, n: int, who: Phrase, depth: int, rel: int) -> Both:
        left = self.between(2, n - 3)
        a, b = self.vp(left, who, depth + 1, rel), self.vp(n - 1 - left, who, depth + 1, rel)
        en, fr = linked(["and"], ["et"])
        return a[0] + en + b[0], a[1] + fr + b[1]

    def vp_core(self, n: int, who: Phrase, depth: int, rel: int, anaphoric: bool) -> Both:
        if n == 1:
            return self.plain(n, who, depth, rel)
        if n <= 4 and self.chance(0.5 if n < 4 else 0.3):
            return self.predicate(n, who, anaphoric)
        x = self.rng.random()
        if n <= 3 and x < 0.35:
            return self.plain(n, who, depth, rel)
        if n >= 3 and x < 0.06 and not anaphoric and who.person in (1, 3):
            en, fr = self.be(who, [])
            where = self.located(n - 1, who.cls, depth + 1, rel)
            return en + where[0], fr + where[1]
        if n >= 3 and x < 0.26:
            return self.going(n, who, depth, rel)
        if n >= 5 and x < 0.36 and "person" == who.cls:
            return self.giving(n, who, depth, rel)
        return self.acting(n, who, depth, rel)

    def predicate(self, n: int, who: Phrase, anaphoric: bool = False) -> Both:
        """was [n't] [too] tired; was here"""
        a = self.pick([a for a in self.predicates_of[who.cls] if not anaphoric or a.kind in ("alive", "avoir")])
        negation = self.negation(n - 1, 0.3) if n == 3 else self.negation(2, 1.0) if n == 4 else []
        degree = self.pick(DEGREES) if n - len(negation) == 3 else None
        if 1 + len(negation) + (degree is not None) + 1 != n or degree and not gradable(a):
            raise Stuck
        return self.being(who, a, negation, degree)

    def being(self, who: Phrase, a: Adjective, negation: list[str], degree: tuple[str, str] | None) -> Both:
        en, fr = self.be(who, negation, a.kind == "avoir")
        if degree:
            more = linked([degree[0]], [degree[1]])
            en, fr = en + more[0], fr + more[1]
        w = Word(a.en)
        return en + [w], fr + [Mot(a.agree(who.gender, who.plural), w)]

    def frequently(self, room: int, negation: list[str]) -> tuple[str, str] | None:
        free = room >= 1 and not negation and self.tense == "present" and self.chance(0.15)
        return self.pick(self.frequency) if free else None

    def plain(self, n: int, who: Phrase, depth: int, rel: int) -> Both:
        """An intransitive verb, perhaps with an adverb."""
        verb = self.pick(self.intransitive_of[who.cls])
        negation = self.negation(n - 1, 0.6)
        often = self.frequently(n - 1 if n < 3 else 0, negation)
        en, fr = self.verb(verb, who, negation, often)
        if len(en) == n - 1:
            adverb = self.pick(self.adverbs[2:] if verb.base in RESTING else self.adverbs)
            w = Word(adverb[0])
            en, fr = en + [w], fr + [Mot(adverb[1], w)]
        if len(en) != n:
            raise Stuck
        return en, fr

    def going(self, n: int, who: Phrase, depth: int, rel: int) -> Both:
        verb = self.pick(self.placed_of[who.cls])
        where = self.pick(verb.places)
        negation = self.negation(n - 3 - len(where.en))
        often = self.frequently(n - 4, negation)
        en, fr = self.verb(verb, who, negation, often)
        place = self.prepositional(where, n - len(en), depth + 1, rel, who.cls, self.owner(who))
        return en + place[0], fr + place[1]

    def giving(self, n: int, who: Phrase, depth: int, rel: int) -> Both:
        verb = self.pick(self.lexicon.giving)
        negation = self.negation(n - 5)
        en, fr = self.verb(verb, who, negation)
        room = n - len(en)
        gift = self.np(self.between(2, min(room - 2, 6)), expand("small"), depth + 2, rel, owner=self.owner(who), negated=bool(negation))
        to = self.prepositional(RECIPIENT, room - len(gift.en), depth + 1, rel)
        return en + gift.en + to[0], fr + gift.fr + to[1]

    def acting(self, n: int, who: Phrase, depth: int, rel: int) -> Both:
        """A verb and its object, perhaps a companion."""
        verb = self.pick(self.verbs_of[who.cls])
        negation = self.negation(n - 2 - len(verb.particle))
        often = self.frequently(n - 4, negation)
        en, fr = self.verb(verb, who, negation, often)
        room = n - len(en)
        company: Both = ([], [])
        if room >= 5 and not verb.state and self.chance(0.2):
            company = self.prepositional(COMPANY, self.between(2, min(room - 2, 5)), depth + 2, MAX_RELATIVES)
        what = self.object(verb, room - len(company[0]), who, depth, rel, negation)
        return en + what.en + company[0], fr + self.governed(verb, what) + company[1]

    def governed(self, verb: Verb, what: Phrase) -> list[Mot]:
        return ([Mot(verb.fr_prep)] if verb.fr_prep else []) + what.fr

    def object(self, verb: Verb, n: int, who: Phrase, depth: int, rel: int, negation: list[str], plural: bool | None = None) -> Phrase:
        bare = bool(negation) and not verb.fr_prep
        for _ in range(4):
            what = self.np(n, verb.objects, depth, rel, owner=self.owner(who), negated=bare, plural=plural)
            unclear = verb.state or verb.fr_prep and negation
            if not (unclear and what.en[0].text in ("a", "some")):
                return what
        raise Stuck

    def owner(self, who: Phrase) -> str:
        if who.person in (0, 2, 3):
            return {0: "I", 2: "we", 3: "they"}[who.person]
        return "it" if who.cls == "animal" else "he" if who.gender == "m" else "she"

    # ---- clauses -------------------------------------------------------------------------------------------------------

    def clause(self, n: int) -> tuple[list[Word], list[Mot], list[Phrase]]:
        """Subject and verb phrase in exactly n tokens, and the phrases a pronoun may take up."""
        return self.retry(lambda: self.clause_once(n), 10)

    def clause_once(self, n: int) -> tuple[list[Word], list[Mot], list[Phrase]]:
        who = self.clause_subject(n)
        en, fr = self.vp(n - len(who.en), who)
        return who.en + en, who.fr + fr, [who]

    def clause_subject(self, n: int) -> Phrase:
        room = n - 1 if n < 6 else n - 2
        sizes = [1, 1, 2, 2, 2, 3, 3, 4, 5, 6, 8, 10]
        size = min(self.pick(sizes), max(1, room))
        if n > 3 and size >= 5 and self.chance(0.1):
            return self.np(size, expand("place furniture vehicle building"), role="subject") if n - size in (2, 3, 4) else self.subject(size)
        if size == 2 and n - size in (2, 3, 4) and self.chance(0.25):
            return self.np(size, expand("place thing"), role="subject")
        return self.subject(size)

    def later_clause(self, n: int, before: list[Word], known: list[Phrase]) -> tuple[list[Word], list[Mot], list[Phrase]]:
        """A clause after another one; its subject may be a pronoun for the other's."""
        if known and self.chance(0.45):
            who = self.anaphor(known[0], before)
            if who:
                en, fr = self.vp(n - 1, who, 1, 1, anaphoric=True)
                return who.en + en, who.fr + fr, []
        return self.clause(n)

    def anaphor(self, p: Phrase, before: list[Word]) -> Phrase | None:
        """he, she, it, they for p, if nothing else of its number could be meant."""
        if p.pronoun or p.cls not in ALIVE:
            return None
        if p.plural and p.head is None:
            return None
        if not p.plural and p.cls == "person":
            return pronoun_for(p, "he" if p.gender == "m" else "she")
        rivals = ALIVE if p.plural else {"animal"}
        if any(w is not p.head and w.noun and w.plural == p.plural and w.noun.cls in rivals for w in before):
            return None
        return pronoun_for(p, "they" if p.plural else "it")

    def opener(self) -> Both:
        en, fr = self.pick(self.openers[self.tense] + self.openers["any"])
        return with_comma(*linked(en.split(), fr.split()), self.chance(0.7))

    def connector(self, before: list[Word]) -> Both:
        used = {w.text for w in before}
        en = self.pick([c for c in CONNECTORS if c == "and" or c not in used])
        w, f = linked([en], CONNECTORS[en])
        if en in ("but", "and") and self.chance(0.5):
            comma = Word(",")
            w, f = [comma] + w, [Mot(",", comma)] + f
        return w, f

    # ---- sentences -----------------------------------------------------------------------------------------------------

    def sample(self, rng: random.Random, length: int, coref: bool | None = None) -> Pair:
        """A sentence of exactly `length` tokens; `coref` forces or forbids a coreference (None: by chance)."""
        self.rng = rng
        if coref is None:
            coref = length >= 11 and self.chance(0.3)
        while True:
            self.tense = "past" if self.chance(0.6) else "present"
            try:
                return self.coreference(length) if coref else self.sentence(length)
            except Stuck:
                continue

    def sentence(self, length: int) -> Pair:
        en, fr = self.opener() if length >= 6 and self.chance(0.15) else ([], [])
        parts = self.split(length - 1 - len(en))
        first = self.clause(parts[0])
        en, fr, known = en + first[0], fr + first[1], first[2]
        for part in parts[1:]:
            link = self.connector(en)
            more = self.retry(lambda: self.later_clause(part - len(link[0]), en, known), 4)
            en, fr, known = en + link[0] + more[0], fr + link[1] + more[1], more[2]
        return finish(en, fr)

    def split(self, n: int) -> list[int]:
        """n tokens over clauses, the connectors counted with the clause they open."""
        clauses = max(1, round(n / (6 + 8 * self.rng.random()))) if n >= 7 else 1
        cuts = sorted(self.rng.sample(range(1, n), clauses - 1))
        parts = [b - a for a, b in zip([0, *cuts], [*cuts, n])]
        if min(parts) < (2 if clauses == 1 else 4) or max(parts) > 19:
            raise Stuck
        return parts

    # ---- coreference ---------------------------------------------------------------------------------------------------

    def coreference(self, length: int) -> Pair:
        """[opener] [clause and] subject (not) verb object because|but|when pronoun be (not) degree adjective [more]."""
        en, fr = self.opener() if length >= 13 and self.chance(0.2) else ([], [])
        room = length - 1 - len(en)
        negative = self.chance(0.15)
        degree = self.pick(DEGREES) if not negative or self.chance(0.5) else None
        tail = 4 + negative + (degree is not None)
        extra = self.between(5, room - tail - 11) if room - tail > 18 else 0
        build = self.fitting if self.chance(0.1) else self.striving
        if extra and self.chance(0.4):
            head = self.clause(extra - 1)
            link = linked(["and"], ["et"])
            en, fr, extra = en + head[0] + link[0], fr + head[1] + link[1], 0
        start = len(en)
        room = length - 1 - start - tail - extra
        main = self.retry(lambda: build(room), 6)
        en, fr = en + main.en, fr + main.fr
        link = linked([main.connector], CONNECTORS[main.connector])
        open_choice = bool(main.adjectives[0])
        target, rival = (main.subject, main.object) if open_choice and self.chance(0.5) else (main.object, main.subject)
        a = self.pick(main.adjectives[0 if target is main.subject else 1])
        said = {w.text for w in en[start:]}
        if degree and not gradable(a) or a.en in said or OPPOSITE.get(a.en, a.en) in said:
            raise Stuck
        check_unique(a, target, rival, en, main.connector == "because" and build == self.fitting)
        pronoun = pronoun_for(target, "they" if target.plural else "it")
        be = self.being(pronoun, a, [self.pick(("n't", "n't", "not"))] if negative else [], degree)
        en, fr = en + link[0] + pronoun.en + be[0], fr + link[1] + pronoun.fr + be[1]
        if extra:
            link = linked(["and"], ["et"]) if self.chance(0.5) else linked([",", "and"], [",", "et"])
            more = self.clause(extra - len(link[0]))
            en, fr = en + link[0] + more[0], fr + link[1] + more[1]
        if not open_choice:
            return finish(en, fr)
        return finish(en, fr, (pronoun.en[0], target.head, rival.head, be[0][-1]), target.gender != rival.gender)

    def striving(self, n: int) -> "Scene":
        """Someone does or does not do something to a place or a thing; only its adjective tells them apart."""
        verb = self.pick(self.quests if self.chance(0.7) else self.tasks)
        plural = self.chance(0.35)
        human = not plural and (verb.subjects == PERSON or self.chance(0.12))
        subjects = verb.subjects & ALIVE if plural else PERSON if human else frozenset({"animal"})
        connector = self.pick(("because", "because", "because", "because", "but", "when"))
        avoiding = verb.base in ("avoid", "leave")
        negative = connector == "because" and not avoiding or connector == "when" and self.chance(0.3)
        negation = [self.pick(("n't", "n't", "not"))] if negative else []
        spent = 1 + len(verb.particle) + 2 * bool(negation)
        who, what = self.two_nouns(n - spent, subjects, verb, plural, negation)
        en, fr = self.verb(verb, who, negation)
        kinds = ([], self.predicates_of[what.cls]) if human else (self.deciders[who.cls], self.deciders[what.cls])
        if connector == "when":
            kinds = kinds[0], [a for a in kinds[1] if a.en in PASSING]
        return Scene(who.en + en + what.en, who.fr + fr + self.governed(verb, what), who, what, connector, kinds)

    def two_nouns(self, room: int, subjects: frozenset[str], verb: Verb, plural: bool, negation: list[str]) -> tuple[Phrase, Phrase]:
        size = self.between(2, room - 2)
        if self.chance(0.5):
            size = min(size, 4, room - 2)
        who = self.np(size, subjects, role="subject", plural=plural)
        objects = verb.objects - ALIVE
        for _ in range(4):
            what = self.object(replace_objects(verb, objects), room - size, who, 0, 0, negation, plural)
            if what.gender != who.gender or self.chance(0.4):
                break
        if negation and what.en[0].text == "a":
            raise Stuck
        if who.en[0].text == "every":
            raise Stuck
        return who, what

    def fitting(self, n: int) -> "Scene":
        """The box does n't fit in the suitcase because it is too big / too small."""
        plural = self.chance(0.2)
        room = n - 4
        size = self.between(2, min(6, room - 2))
        who = self.np(size, expand("small"), 1, MAX_RELATIVES, role="subject", plural=plural)
        what = self.np(room - size, FITS_IN.classes, 1, MAX_RELATIVES, role="ground", plural=plural)
        if who.noun is what.noun or who.en[0].text == "every":
            raise Stuck
        en, fr = self.verb(self.fit, who, [self.pick(("n't", "n't", "not"))])
        where = linked(FITS_IN.en, FITS_IN.fr)
        by_name = {a.en: a for a in self.lexicon.adjectives}
        kinds = ([by_name[k] for k in ("big", "wide", "long")], [by_name[k] for k in ("small", "narrow", "full")])
        return Scene(who.en + en + where[0] + what.en, who.fr + fr + where[1] + what.fr, who, what, "because", kinds)


@dataclass(frozen=True)
class Scene:
    en: list[Word]
    fr: list[Mot]
    subject: Phrase
    object: Phrase
    connector: str
    adjectives: tuple[list[Adjective], list[Adjective]]


@lru_cache(maxsize=None)
def replace_objects(verb: Verb, objects: frozenset[str]) -> Verb:
    return replace(verb, objects=objects)


def check_unique(a: Adjective, target: Phrase, rival: Phrase, en: list[Word], fitting: bool) -> None:
    """Nothing else of the same number may take the adjective (and `it` is never a person)."""
    for w in en:
        if w.noun is None or w is target.head or w.plural != target.plural or w.noun.cls == "person" and not w.plural:
            continue
        if fitting and w is not rival.head or not fitting and w.noun.cls in a.classes:
            raise Stuck


def article(forms: tuple[str, str, str, str], gender: str, plural: bool) -> str:
    return forms[3] if plural else forms[1 + (gender == "f")]


def precedes(a: Adjective) -> bool:
    return a.kind == "before" or a.en in ("long", "high")


def gradable(a: Adjective) -> bool:
    return a.kind != "colour" and a.en not in ABSOLUTE


def rank(a: Adjective) -> int:
    return 0 if precedes(a) else 2 if a.kind == "colour" else 1


def negated_by(finite: Mot, no: Word | None) -> list[Mot]:
    if no is None:
        return [finite]
    return [Mot("ne", no), finite, Mot("jamais" if no.text == "never" else "pas", no)]


def pronoun_for(p: Phrase, en: str) -> Phrase:
    w = Word(en)
    fr = {("m", False): "il", ("f", False): "elle", ("m", True): "ils", ("f", True): "elles"}[p.gender, p.plural]
    return Phrase([w], [Mot(fr, w)], p.gender, p.plural, 3 if p.plural else 1, p.cls, pronoun=True)


def with_comma(en: list[Word], fr: list[Mot], comma: bool) -> Both:
    if not comma:
        return en, fr
    w = Word(",")
    return en + [w], fr + [Mot(",", w)]


def finish(en: list[Word], fr: list[Mot], coref: tuple[Word, Word, Word, Word] | None = None, contrast: bool = False) -> Pair:
    """The period, capitals, contractions, and the words' places."""
    dot = Word(".")
    en, fr = en + [dot], contract(fr + [Mot(".", dot)])
    articles(en)
    at = {id(w): i for i, w in enumerate(en)}
    align = [(i, at[id(w)]) for i, mot in enumerate(fr) for w in mot.src]
    tokens = capital([w.text for w in en]), capital([mot.text for mot in fr])
    if coref is None:
        return Pair(*tokens, align)
    pronoun, target, rival, adjective = (at[id(w)] for w in coref)
    french = {e: f for f, e in align}
    return Pair(*tokens, align, (pronoun, target, rival, adjective), (french[pronoun], french[adjective]), contrast)
