"""One register and one past tense for French sentences: `vous` for `tu`, passé composé for passé simple.

`Register` learns from a corpus where one English sentence has two French ones that differ only in the register which
form answers to which ("peux" -> "pouvez"), and rewrites a `tu` sentence when it knows every word that has to change.
`composed` rewrites the passé simple of regular verbs and of a table of irregular ones. `penalty` says how far a sentence
still is from the wanted forms.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import Protocol

SPLIT = re.compile(r"[A-Za-zÀ-ÿœŒ]+'|-(?=(?:tu|toi|vous|te)\b)|[A-Za-zÀ-ÿœŒ]+|\d+|[^\s]")
TU = re.compile(r"\b(?:tu|te|toi|ton|ta|tes|le tien|la tienne)\b|\bt'", re.I)
VOUS = re.compile(r"\b(?:vous|votre|vos|vôtre)\b", re.I)
POSSESSIVE = {"ton": "votre", "ta": "votre", "tes": "vos", "te": "vous", "t'": "vous", "toi": "vous", "tu": "vous", "tien": "vôtre", "tienne": "vôtre"}
CLITICS = {"ne", "n'", "me", "m'", "le", "la", "l'", "les", "lui", "leur", "y", "en", "nous", "te", "t'", "se", "s'"}


class HasFrench(Protocol):
    french: list[str]


def pieces(text: str) -> list[str]:
    return SPLIT.findall(text)


def is_tu(text: str) -> bool:
    return bool(TU.search(text))


class Register:
    """Rewrites `tu` as `vous`."""

    def __init__(self, sentences: list[HasFrench]):
        votes: dict[str, Counter[str]] = defaultdict(Counter)
        imperatives: dict[str, Counter[str]] = defaultdict(Counter)
        for sentence in sentences:
            familiar, polite = {}, {}
            for t in sentence.french:
                (polite if VOUS.search(t) else familiar)[tuple(skeleton(t))] = pieces(t)
            for some in familiar.values():
                for other in polite.values():
                    learn(some, other, votes)
            learn_imperatives([pieces(t) for t in sentence.french], imperatives)
        self.forms = {k: c.most_common(1)[0][0] for k, c in votes.items() if c.most_common(1)[0][1] >= 1}
        self.imperatives = {
            k: c.most_common(1)[0][0] for k, c in imperatives.items() if c.most_common(1)[0][1] >= 2
        }

    def polite(self, text: str) -> str:
        """The sentence with `vous`, or unchanged if it has no `tu` or a form is unknown."""
        if not is_tu(text):
            return self.polite_command(text)
        if VOUS.search(text):
            return text
        words, out = pieces(text), []
        for i, word in enumerate(words):
            low = word.lower()
            if low in POSSESSIVE:
                out.append(cased(POSSESSIVE[low], word))
            elif governed(words, i):
                if low not in self.forms:
                    return text
                out.append(cased(self.forms[low], word))
            elif i == 0 and low in self.imperatives and not any(w.lower() == "tu" for w in words):
                out.append(cased(self.imperatives[low], word))
            else:
                out.append(word)
        if not any(w.lower() == "tu" for w in words) and out[0] == words[0] and starts_as_command(words):
            return text
        return rejoined(text, words, out)

    def polite_command(self, text: str) -> str:
        words = pieces(text)
        first = words[0].lower() if words else ""
        if words[1:3] == ["-", "je"]:
            return text
        if first in self.imperatives and not VOUS.search(text):
            return rejoined(text, words, [cased(self.imperatives[first], words[0]), *words[1:]])
        if first == "ne" or first == "n'":
            if len(words) > 2 and words[1].lower() in self.imperatives and words[2] in ("pas", "jamais", "rien", "plus"):
                return rejoined(text, words, [words[0], self.imperatives[words[1].lower()], *words[2:]])
        return text


def starts_as_command(words: list[str]) -> bool:
    """`Lave-toi`, `Ouvre ta porte`: a verb first, whose polite form is not known."""
    return len(words) > 2 and (words[1] == "-" or words[1].lower() in ("ton", "ta", "tes", "toi"))


def governed(words: list[str], i: int) -> bool:
    """Is word i the verb of a `tu`: after it and its clitics, or before `-tu`?"""
    if i + 2 < len(words) and words[i + 1] == "-" and words[i + 2].lower() == "tu":
        return True
    j = i - 1
    while j >= 0 and words[j].lower() in CLITICS:
        j -= 1
    if j < 0 or words[j].lower() != "tu" or words[i].lower() in CLITICS or not words[i][0].isalpha():
        return False
    return not (j >= 1 and words[j - 1] == "-")


def skeleton(text: str) -> list[str]:
    """What two registers of one sentence share: the number of words."""
    return [str(len(pieces(text)))]


def learn(familiar: list[str], polite: list[str], votes: dict[str, Counter[str]]) -> None:
    """Counts the verb forms of two sentences of equal length that differ only where the register shows."""
    if len(familiar) != len(polite):
        return
    found = []
    for i, (a, b) in enumerate(zip(familiar, polite)):
        low = a.lower()
        if low == b.lower() or POSSESSIVE.get(low) == b.lower():
            continue
        if not governed(familiar, i):
            return
        found.append((low, b.lower()))
    for low, other in found:
        if other.endswith(("ez", "tes")):
            votes[low][other] += 1


def learn_imperatives(variants: list[list[str]], votes: dict[str, Counter[str]]) -> None:
    for a in variants:
        for b in variants:
            if len(a) == len(b) and b[0].endswith(("ez", "Dites", "Faites")) and not a[0].endswith("ez"):
                rest = [POSSESSIVE.get(w.lower(), w.lower()) for w in a[1:]]
                if rest == [w.lower() for w in b[1:]] and a[0][:1] == b[0][:1]:
                    votes[a[0].lower()][b[0].lower()] += 1


def cased(word: str, like: str) -> str:
    return word[0].upper() + word[1:] if like[0].isupper() else word


def rejoined(text: str, words: list[str], changed: list[str]) -> str:
    """The text with its words replaced one by one; an elided `t'` becomes a word of its own."""
    out, at = "", 0
    for word, other in zip(words, changed):
        start = text.index(word, at)
        out += text[at:start] + other
        at = start + len(word)
        if word.endswith("'") and not other.endswith("'"):
            out += " "
    return out + text[at:]


# --- Passé simple ---

ETRE = {"aller", "venir", "revenir", "devenir", "partir", "sortir", "entrer", "rentrer", "arriver", "tomber", "mourir", "naître", "retourner", "monter", "descendre", "rester", "parvenir"}
# Third person singular (plural in -rent is derived), participle, infinitive when it takes être.
IRREGULAR = """
fut été; eut eu; fit fait; prit pris; mit mis; dit dit; vit vu; vint venu venir; revint revenu revenir; devint devenu devenir; tint tenu; obtint obtenu; put pu; dut dû; sut su
voulut voulu; crut cru; reçut reçu; but bu; lut lu; courut couru; parut paru; disparut disparu; mourut mort mourir; naquit né naître; écrivit écrit; sourit souri; rit ri; suivit suivi
ouvrit ouvert; offrit offert; couvrit couvert; découvrit découvert; souffrit souffert; partit parti partir; sortit sorti sortir; sentit senti; dormit dormi; servit servi; mentit menti
finit fini; choisit choisi; réussit réussi; remplit rempli; saisit saisi; punit puni; rougit rougi; grandit grandi; bâtit bâti; accomplit accompli; obéit obéi; agit agi; réfléchit réfléchi
perdit perdu; rendit rendu; vendit vendu; attendit attendu; entendit entendu; répondit répondu; descendit descendu descendre; comprit compris; apprit appris; surprit surpris; promit promis
permit permis; admit admis; remit remis; commit commis; conduisit conduit; construisit construit; produisit produit; détruisit détruit; atteignit atteint; craignit craint; rejoignit rejoint
connut connu; reconnut reconnu; apparut apparu; vécut vécu; survécut survécu; interrompit interrompu; rompit rompu; battit battu; combattit combattu; vainquit vaincu; mordit mordu; tendit tendu
"""
PAST = {}
for entry in IRREGULAR.replace("\n", ";").split(";"):
    if entry.strip():
        form, participle, *infinitive = entry.split()
        PAST[form] = (participle, bool(infinitive), False)
        stem = form[:-1]
        PAST[(stem[:-1] + "nrent" if form.endswith("nt") else stem + "rent")] = (participle, bool(infinitive), True)
SINGULAR = r"(?P<subject>\b(?:il|elle|on|qui|tom|mary|marie)|^(?:le|la|mon|ma|son|sa|notre|un|une) \w+) "
ANYONE = re.compile(SINGULAR + r"(?P<ne>ne |n')?(?P<verb>[a-zà-ÿç]+)(?P<pas> pas| jamais| rien)?\b(?! -)", re.I)
PLURAL = re.compile(r"(?P<subject>\b(?:ils|elles|qui)|^(?:les|des|mes|ses|nos) \w+) (?P<ne>ne |n')?(?P<verb>[a-zà-ÿç]+)(?P<pas> pas| jamais| rien)?\b", re.I)
NOT_PAST = {"a", "va", "la", "ça", "déjà", "voilà", "là", "aura", "sera", "fera", "ira"}


def composed(text: str) -> str:
    """The sentence with simple pasts of the third person as passé composé; others stay as they are."""
    text = ANYONE.sub(lambda m: rewrite(m, False), text)
    return PLURAL.sub(lambda m: rewrite(m, True), text)


def regular(verb: str, plural: bool) -> tuple[str, bool] | None:
    """Participle and whether it takes être, for a simple past in -a or -èrent."""
    if plural and verb.endswith("èrent"):
        stem = verb[:-5]
    elif not plural and verb.endswith("a") and verb not in NOT_PAST and not verb.endswith("ra") and len(verb) > 3:
        stem = verb[:-1]
    else:
        return None
    stem = stem[:-1] + "g" if stem.endswith("ge") else stem.replace("ç", "c")
    return stem + "é", stem + "er" in ETRE


def rewrite(found: re.Match[str], plural: bool) -> str:
    verb = found["verb"].lower()
    known = PAST.get(verb)
    answer = (known[0], known[1]) if known and known[2] == plural else regular(verb, plural)
    if answer is None or verb == "dit" and not plural:
        return found[0]
    participle, etre = answer
    if etre:
        low = found["subject"].lower()
        feminine = low.startswith(("elle", "la ", "ma ", "sa ", "une ", "mary", "marie"))
        participle += ("e" if feminine else "") + ("s" if plural else "")
        auxiliary = "sont" if plural else "est"
    else:
        auxiliary = "ont" if plural else "a"
    negated = found["ne"] is not None
    elided = "n'" if negated and auxiliary[0] in "aoe" else "ne " if negated else ""
    return f"{found['subject']} {elided}{auxiliary}{found['pas'] or ''} {participle}"


LEFT = re.compile(r"\b\w+(?:èrent|âmes|îmes|ûmes|inrent|urent|irent)\b|\b(?:fut|eut|alla|vint|prit|mit|dut|sut|voulut|devint|eus|fus|pus|dus)\b", re.I)


def penalty(text: str) -> float:
    """How far a sentence is from the wanted forms, in nats of the score it competes with."""
    return 1.5 * bool(is_tu(text)) + 2.0 * bool(LEFT.search(text)) + 0.1 * ("est-ce que" in text.lower())
