"""Writes `state/glosses.tsv`: a line a French word, most frequent first: word, its English gloss, how often it was met.

The gloss is the English word it is most often aligned with in the everyday sentences (by aligner.py), or in the
grammar's (by their own alignment) if it is not in the former. Words met fewer than LEAST times, numbers and words that are the same in English are left out, as
are words whose commonest partner has less than SHARE of the links; BY_HAND comes first. 2,000 glosses were corrected by hand (CORRECTED, `glosses_corrected.tsv`),
and 12 words with a hyphen or an apostrophe added (WHOLE).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

import make_tokenizer
from batches import STATE, Corpus
from corpus import token_words, word_spans

# Function words whose commonest partner misleads.
BY_HAND = {"ne": "not", "n'": "not", "pas": "not", "de": "of", "d'": "of", "ce": "this", "c'": "it", "qu'": "that", "que": "that", "se": "self", "s'": "self",
           "me": "me", "m'": "me", "te": "you", "t'": "you", "y": "there", "en": "in", "au": "to the", "aux": "to the", "du": "of the", "des": "some", "fait": "does",
           "faire": "do", "ai": "have", "as": "have", "a": "has", "avez": "have", "avons": "have", "ont": "have", "ça": "that", "un": "a", "une": "a", "on": "one",
           "lui": "him", "leur": "their", "parce": "because", "les": "the", "aujourd'hui": "today", "j'": "i", "l'": "the"}  # fmt: skip
# Words whose commonest partner is wrong, found by reading the 1,500 most frequent.
CORRECTED = {"je": "I", "j'": "I", "suis": "am", "sommes": "are", "chose": "thing", "pères": "fathers", "coq": "rooster", "cochon": "pig", "malades": "sick", "peux": "can",
           "chassé": "chased", "va": "goes", "vais": "go", "entrait": "entered", "entraient": "entered", "animé": "lively", "quittent": "leave",
           "cuisiniers": "cooks", "aimerais": "would like", "voudriez": "would like", "soit": "be", "chênes": "oaks", "pêché": "fished",
           "atteignent": "reach", "traversent": "cross", "ennuyée": "bored", "dois": "must", "devons": "must", "faut": "must", "poursuit": "pursues",
           "pris": "taken", "dû": "had to", "arrive": "arrives", "ramasse": "picks up", "ruelle": "alley", "secs": "dry", "wagon": "carriage",
           "wagons": "carriages", "charrettes": "carts", "soir": "evening", "mal": "badly", "beaucoup": "much", "patiente": "patient",
           "cerise": "cherry", "puis": "then", "passé": "past", "appartements": "apartments", "impolie": "rude", "part": "part", "verrouille": "locks",
           "remet": "puts back", "réfléchit": "thinks", "aurais": "would have", "oubliés": "forgotten", "dessinés": "drawn", "tambour": "drum",
           "plume": "feather", "demande": "asks", "passe": "passes", "sujet": "subject", "salles": "rooms", "rendre": "give back",
           "réussit": "succeeds", "sortir": "go out", "dont": "whose", "coffres": "chests", "trouve": "finds", "armoires": "wardrobes",
           "merci": "thanks", "brunes": "brown", "chuchote": "whispers", "saines": "healthy", "marchent": "walk", "viens": "come", "bas": "low",
           "cassés": "broken", "choisies": "chosen", "choisit": "chooses", "importe": "matters", "remplit": "fills", "carnets": "notebooks",
           "midi": "noon", "accord": "agreement", "reconnaît": "recognizes", "reconnaissent": "recognize", "quelque": "some", "personne": "nobody",
           "découvrent": "discover", "regarder": "watch", "oublié": "forgotten", "grands": "big", "allé": "gone", "venu": "come", "envie": "desire",
           "japon": "Japan", "français": "French", "anglais": "English", "pistes": "trails",
           "si": "if/so", "arrivé": "arrived", "plutôt": "rather", "serai": "will be", "serez": "will be", "voudrais": "would like",
           "touchent": "touch", "côté": "side", "saucisses": "sausages", "feriez": "would do", "ferais": "would do", "serais": "would be",
           "ferai": "will do", "protégés": "protected", "reconnues": "recognized", "habitaient": "lived", "mort": "dead", "arriver": "arrive",
           "fumer": "smoke", "auriez": "would have", "chassent": "hunt", "marché": "market", "regardés": "watched", "arrêtent": "stop",
           "entrer": "enter", "court": "short", "rentrer": "go home", "appareil": "device", "pointues": "pointed", "pointus": "pointed",
           "offrent": "offer", "guitares": "guitars", "refusent": "refuse", "cherchés": "sought", "traversée": "crossed", "tomber": "fall",
           "respectent": "respect", "mesurée": "measured", "suite": "following", "travers": "across", "remettent": "put back", "plates": "flat",
           "agit": "acts", "attends": "wait", "élégantes": "elegant", "chuchotent": "whisper", "sourient": "smile", "montent": "climb",
           "lever": "get up", "préparent": "prepare", "mesure": "measure", "monstres": "monsters", "pizzas": "pizzas", "desserts": "desserts",
           "oreillers": "pillows", "ramassent": "pick up", "volants": "flying", "heure": "hour", "poursuivis": "pursued", "vu": "seen",
           "été": "been", "allés": "gone", "retourner": "return", "enfuit": "flees", "lança": "threw", "professionnels": "professional",
           "sort": "goes out", "voie": "way", "auprès": "beside", "es": "are"}  # fmt: skip
# Words that the tokens cut; they stand at the end.
WHOLE = {"quelqu'un": "somebody", "peut-être": "maybe", "là-bas": "over there", "grand-mère": "grandmother", "grands-mères": "grandmothers",
         "grand-père": "grandfather", "grands-pères": "grandfathers", "petit-déjeuner": "breakfast", "petite-fille": "granddaughter",
         "petit-fils": "grandson", "petits-enfants": "grandchildren", "week-end": "weekend"}  # fmt: skip
# Parts that mean nothing alone: the t of a-t-il, the start of quelqu'un, letters, and what is no word.
PARTS = {"t", "quelqu", "d", "n", "m", "e", "h", "i", "in", "manggé", "changgé", "exiggé", "plonggé", "voyaggé", "partaggé"}
# Of words that stand more often in our own sentences, or beside another word than they mean: word, gloss.
ALSO_CORRECTED = Path(__file__).with_name("glosses_corrected.tsv")
LEAST = 3
SHARE = 0.2


def count(kind: int) -> tuple[Counter[str], dict[str, Counter[str]]]:
    """How often each French word stands in sentences of that kind, and with which English words it is aligned."""
    corpus, tokenizer = Corpus(), make_tokenizer.load()
    seen, partners = Counter(), defaultdict(Counter)
    rows = np.flatnonzero(corpus.kind == kind)
    sides = {side: texts(corpus, tokenizer, side, rows) for side in ("src", "tgt")}
    encoded = {side: tokenizer.encode_batch(sides[side]) for side in sides}
    off, columns = corpus.columns["align_off"], corpus.columns
    for i, row in enumerate(rows):
        english, french = (token_word_texts(encoded[side][i], sides[side][i]) for side in ("src", "tgt"))
        seen.update({w for w in french if w})
        links = zip(columns["align_fr"][off[row] : off[row + 1]].tolist(), columns["align_en"][off[row] : off[row + 1]].tolist())
        for f, e in {(french[f], english[e]) for f, e in links if f < len(french) and e < len(english)}:
            partners[f][e] += 1
    return seen, partners


def texts(corpus: Corpus, tokenizer, side: str, rows: np.ndarray) -> list[str]:
    off, ids = corpus.columns[f"{side}_off"], corpus.columns[side]
    return tokenizer.decode_batch([ids[off[i] : off[i + 1]].tolist() for i in rows])


def token_word_texts(encoding, text: str) -> list[str]:
    """For each token the lower-case word it is part of, or ''."""
    spans = word_spans(text)
    return [text[slice(*spans[w])].lower() if w >= 0 else "" for w in token_words(encoding, spans, text)]


def main() -> None:
    seen, partners = count(0)
    others, of_others = count(2)
    seen.update({w: n for w, n in others.items() if seen[w] < LEAST})
    partners.update({w: of_others[w] for w in others if w not in partners})
    also = dict(line.split("\t") for line in ALSO_CORRECTED.read_text().splitlines())
    lines, by_hand = [], BY_HAND | CORRECTED | also
    for word, n in seen.most_common():
        if word in PARTS:
            continue
        if word in by_hand:
            lines.append(f"{word}\t{by_hand[word]}\t{n}")
            continue
        best = partners[word].most_common(1)
        usual = word[0].isalpha() and best and best[0][0] and best[0][0] != word
        if n >= LEAST and usual and best[0][1] >= SHARE * sum(partners[word].values()):
            lines.append(f"{word}\t{best[0][0]}\t{n}")
    lines += [f"{word}\t{gloss}\t0" for word, gloss in WHOLE.items()]
    (STATE / "glosses.tsv").write_text("\n".join(lines) + "\n")
    print(len(lines), "words")


if __name__ == "__main__":
    main()
