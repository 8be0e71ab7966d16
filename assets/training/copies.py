"""Sentences with something to copy: names, numbers and unknown words, the same on both sides.

`Copies(pairs, rng).sample()` returns an (English, French) pair: a sentence of `pairs` with a name, a number or a
masculine noun replaced on both sides, or one of FRAMES filled in. The new word is made up. With `rare`, a list of English
words, half of the new words are taken from it, and adjectives are replaced too. An unknown noun is masculine in French.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from lexicon import Lexicon

ONSETS = "b bl br c ch cl cr d dr f fl fr g gl gr h j k kl kr l m n p ph pl pr qu r s sc sh sk sl sm sn sp st str t th tr v w z zw".split()
SIMPLE = "b bl c d f g k l m n p r s t tr v z br dr pl".split()
VOWELS = "a e i o u a e i o u oo ee ai ou y ea".split()
CODAS = ["", "", "", *"b ck d f g k l ll m n ng nk nt p r rb rk rt s sk sh t th x zz x rg lf mp ft".split()]
FIRST_NAMES = """
Tom Mary John Paul Anna Peter Alice Lucy Henry Julia Thomas David Daniel Emma Sarah Laura Ken Mike Bob Bill Jack Jim Nancy Susan Linda Kate Jane George Karim Fatima Ahmed Yuki
Hiroshi Wei Ming Lin Chen Li Priya Ravi Sofia Diego Pablo Carlos Elena Marco Giulia Luca Hans Greta Olga Ivan Dmitri Sven Ingrid Lars Amara Kofi Zainab Omar Layla Noah Liam Mia Leo
Aisha Ali Sami Jorge Pedro Rosa Tanaka Smith Jones Brown Dubois Martin Schmidt Garcia Kim Park Nguyen Silva Santos Rossi Novak Kowalski Ibrahim Hassan Cohen Murphy Kelly Taylor Wilson
""".split()
PLACES = """
Boston Tokyo Kyoto Osaka Chicago Berlin Madrid Oslo Toronto Sydney Nairobi Lagos Lima Delhi Mumbai Shanghai Hanoi Dublin Prague Boulder Denver Houston Dallas Montreal Vancouver Melbourne
""".split()
# English | French; {w} a made-up word, {n} a name, {m} another name, {d} a number, {p} a place.
FRAMES = """
My name is {n}. | Je m'appelle {n}.
His name is {n}. | Il s'appelle {n}.
Her name is {n}. | Elle s'appelle {n}.
What is a {w}? | Qu'est-ce qu'un {w} ?
What does "{w}" mean? | Que signifie "{w}" ?
I have never heard the word "{w}". | Je n'ai jamais entendu le mot "{w}".
This is a {w}. | C'est un {w}.
This {w} is too small. | Ce {w} est trop petit.
I bought a {w} yesterday. | J'ai acheté un {w} hier.
The {w} is on the table. | Le {w} est sur la table.
Where is the {w}? | Où est le {w} ?
We saw two {w}s in the garden. | Nous avons vu deux {w}s dans le jardin.
The {w} didn't cross the street. | Le {w} n'a pas traversé la rue.
The {w} didn't cross the street because it was too tired. | Le {w} n'a pas traversé la rue parce qu'il était trop fatigué.
Did you see the {w}? | Avez-vous vu le {w} ?
{n} is looking for a {w}. | {n} cherche un {w}.
{n} and {m} are friends. | {n} et {m} sont amis.
{n} doesn't like {m}. | {n} n'aime pas {m}.
{n} gave {m} a {w}. | {n} a donné un {w} à {m}.
{n} lives in {p}. | {n} habite à {p}.
I went to {p} with {n}. | Je suis allé à {p} avec {n}.
{n} was born in {d}. | {n} est né en {d}.
There are {d} students here. | Il y a {d} étudiants ici.
It costs {d} dollars. | Ça coûte {d} dollars.
I have {d} books. | J'ai {d} livres.
Her phone number is {d}. | Son numéro de téléphone est {d}.
The train leaves from platform {d}. | Le train part du quai {d}.
Open your books to page {d}. | Ouvrez vos livres à la page {d}.
Dr. {n} is in room {d}. | Le Dr {n} est dans la chambre {d}.
Mr. {n} called you. | M. {n} vous a appelé.
Mrs. {n} is my teacher. | Mme {n} est mon professeur.
The city of {p} is beautiful. | La ville de {p} est belle.
How do you spell "{w}"? | Comment épelez-vous "{w}" ?
{n} works at {m}. | {n} travaille chez {m}.
The {w} chased the {v}. | Le {w} a poursuivi le {v}.
A {w} is bigger than a {v}. | Un {w} est plus grand qu'un {v}.
I don't know what a {w} is. | Je ne sais pas ce qu'est un {w}.
They call it a {w}. | Ils appellent ça un {w}.
The company {n} has {d} employees. | L'entreprise {n} a {d} employés.
Read chapter {d}, please. | Lisez le chapitre {d}, s'il vous plaît.
"""
VOWEL = "aeiouyàâéèêîôûAEIOUÀÉ"


class Copies:
    def __init__(self, pairs: list[tuple[str, str]], rng: random.Random, rare: Sequence[str] = ()):
        self.rng, self.rare = rng, rare
        self.frames = [tuple(part.strip() for part in line.split("|")) for line in FRAMES.strip().splitlines()]
        nouns = [n for ns in Lexicon().nouns.values() for n in ns if n.gender == "m"]
        self.nouns = {n.en[k]: (n.fr[k], k) for n in nouns for k in (0, 1)}
        self.adjectives = {a.en: set(a.fr) for a in Lexicon().adjectives if a.kind in ("alive", "thing", "colour")}
        self.named, self.numbered, self.with_noun, self.with_adjective = [], [], [], []
        for english, french in pairs:
            self.sort_in(english, french)

    def sort_in(self, english: str, french: str) -> None:
        words = re.findall(r"[A-Za-z]+|\d+", english)
        for word in words:
            if once(word, english, french) and (word in FIRST_NAMES or word in PLACES):
                self.named.append((english, french, word))
            elif word.isdigit() and once(word, english, french) and len(words) > 2:
                self.numbered.append((english, french, word))
            elif word in self.nouns and once(word, english) and once(self.nouns[word][0], french):
                self.with_noun.append((english, french, word))
            elif word in self.adjectives and once(word, english):
                forms = [form for form in self.adjectives[word] if once(form, french)]
                self.with_adjective += [(english, french, word, form) for form in forms[:1]]

    def sample(self) -> tuple[str, str]:
        return self.sample_with_word()[:2]

    def sample_with_word(self) -> tuple[str, str, list[str]]:
        """English, French, and the words that were put in."""
        self.put_in: list[str] = []
        english, french = self.any_kind()
        return english, french, [w for w in self.put_in if w in english]

    def any_kind(self) -> tuple[str, str]:
        kind = self.rng.random()
        if kind < 0.15:
            return self.framed()
        if kind < 0.45 and self.named:
            return self.renamed()
        if kind < 0.6 and self.numbered:
            return self.renumbered()
        if self.rare and self.rng.random() < 0.35:
            return self.unknown_adjective()
        return self.unknown_noun()

    def unknown(self) -> str:
        """A made-up word, or one of the rare ones."""
        return self.rng.choice(self.rare) if self.rare and self.rng.random() < 0.5 else self.made_up()

    def made_up(self) -> str:
        """A word of one to three syllables that no lexicon has."""
        syllables = self.rng.choice((1, 2, 2, 2, 3))
        parts = [self.rng.choice(ONSETS if i == 0 else SIMPLE) + self.rng.choice(VOWELS) for i in range(syllables)]
        word = self.rng.choice(("", "", "", "r", "l", "n", "m")).join(parts) + self.rng.choice(CODAS)
        if self.rng.random() < 0.08:
            word = self.rng.choice("aeiou") + word
        return word if len(word) > 2 else self.made_up()

    def name(self) -> str:
        if self.rng.random() < 0.45:
            return self.rng.choice(FIRST_NAMES)
        if self.rare and self.rng.random() < 0.15:
            return self.acronym()
        word = self.made_up().capitalize()
        return f"{word} {self.made_up().capitalize()}" if self.rng.random() < 0.1 else word

    def acronym(self) -> str:
        """NATO, BBC, iTus."""
        if self.rng.random() < 0.2:
            return self.rng.choice("ie") + self.made_up().capitalize()
        return "".join(self.rng.choices("ABCDEFGHILMNOPRSTUV", k=self.rng.choice((2, 3, 3, 4, 4, 5, 6))))

    def place(self) -> str:
        return self.rng.choice(PLACES) if self.rng.random() < 0.5 else self.made_up().capitalize()

    def number(self, digits: int | None = None) -> str:
        digits = digits or self.rng.choice((1, 2, 2, 3, 3, 4, 4, 5, 7))
        return str(self.rng.randrange(10 ** (digits - 1) + (digits == 1), 10**digits))

    def framed(self) -> tuple[str, str]:
        english, french = self.rng.choice(self.frames)
        values = {"w": self.unknown(), "v": self.unknown(), "n": self.name(), "m": self.name(), "p": self.place(), "d": self.number()}
        self.put_in += values.values()
        return an(english.format(**values)), elided(french.format(**values))

    def renamed(self) -> tuple[str, str]:
        english, french, old = self.rng.choice(self.named)
        new = self.place() if old in PLACES else self.name()
        self.put_in.append(new)
        return swap(english, old, new), elided(unelided(french, old, new))

    def renumbered(self) -> tuple[str, str]:
        english, french, old = self.rng.choice(self.numbered)
        new = self.number(len(old))
        self.put_in.append(new)
        return swap(english, old, new), swap(french, old, new)

    def unknown_noun(self) -> tuple[str, str]:
        english, french, old = self.rng.choice(self.with_noun)
        mot, plural = self.nouns[old]
        new = self.unknown()
        new += "s" if plural and not (new in self.rare and new.endswith("s")) else ""
        self.put_in.append(new)
        return an(swap(english, old, new)), elided(unelided(french, mot, new))

    def unknown_adjective(self) -> tuple[str, str]:
        english, french, old, mot = self.rng.choice(self.with_adjective)
        new = self.unknown()
        self.put_in.append(new)
        return an(swap(english, old, new)), elided(unelided(french, mot, new))


def once(word: str, *texts: str) -> bool:
    return all(len(re.findall(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text)) == 1 for text in texts)


def swap(text: str, old: str, new: str) -> str:
    return re.sub(rf"(?<![\w-]){re.escape(old)}(?![\w-])", lambda _: new, text, count=1)


def an(english: str) -> str:
    """a before a consonant, an before a vowel."""
    return re.sub(r"\b([Aa])n? (?=([a-zA-Z]))", lambda m: m[1] + ("n " if m[2] in "aeioAEIO" else " "), english)


def unelided(french: str, old: str, new: str) -> str:
    """The noun replaced, and the words before it in their full form if the new one begins with a consonant."""
    text = swap(french, old, new)
    if new[0] in VOWEL:
        return text
    at = re.escape(new)
    text = re.sub(rf"\b([Ll]|[Dd]|[Qq]u)'(?={at}\b)", lambda m: m[1] + "e ", text)
    text = re.sub(rf"\b([Cc])et (?={at}\b)", r"\1e ", text)
    for liaison, full in (("bel", "beau"), ("nouvel", "nouveau"), ("vieil", "vieux")):
        text = re.sub(rf"\b{liaison} (?={at}\b)", full + " ", text)
    return text


def elided(french: str) -> str:
    """de Anna -> d'Anna, que Anna -> qu'Anna, le oblax -> l'oblax, ce oblax -> cet oblax."""
    french = re.sub(r"\b([Dd]|[Qq]u|[Jj]usqu|[Pp]uisqu|[Ll]orsqu)e (?=[AEIOUÉaeiouéà])", r"\1'", french)
    french = re.sub(r"\b([Ll])e (?=[aeiouéà])", r"\1'", french)
    return re.sub(r"\b([Cc])e (?=[aiou][b-df-hj-np-tv-z])", r"\1et ", french)
