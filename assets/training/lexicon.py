"""The words of the mini-world, as tables, one line a word.

A noun: English [plural] | French [plural] | gender, under its class. A verb: English base [3rd person, past] | French verb |
subject classes | object classes. An adjective: English | French [feminine, masculine plural] | classes it fits.
Whatever is regular is derived by the functions at the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field

NOUNS = """
person: man men | homme | m; woman women | femme | f; boy | garçon | m; girl | fille | f; child children | enfant | m
  teacher | professeur | m; doctor | médecin | m; farmer | fermier | m; nurse | infirmière | f; queen | reine | f; king | roi | m
  soldier | soldat | m; mother | mère | f; father | père | m; brother | frère | m; sister | sœur | f; friend | ami | m
  neighbor | voisin | m; hero heroes | héros héros | m; witch witches | sorcière | f
animal: animal | animal animaux | m; dog | chien | m; cat | chat | m; horse | cheval chevaux | m; cow | vache | f; bird | oiseau | m
  mouse mice | souris souris | f; fox foxes | renard | m; wolf wolves | loup | m; bear | ours ours | m; rabbit | lapin | m
  hen | poule | f; duck | canard | m; frog | grenouille | f; turtle | tortue | f; owl | hibou hiboux | m
  elephant | éléphant | m; monkey | singe | m; spider | araignée | f
lane: street | rue | f; alley | ruelle | f
way: road | route | f; bridge | pont | m; path | chemin | m
water: river | rivière | f; lake | lac | m
land: forest | forêt | f; garden | jardin | m; park | parc | m; field | champ | m; valley | vallée | f; village | village | m
  meadow | prairie | f
height: mountain | montagne | f; hill | colline | f; wall | mur | m; tower | tour | f
building: house | maison | f; church churches | église | f; museum | musée | m; school | école | f; station | gare | f
  shop | magasin | m; castle | château | m; hotel | hôtel | m; hospital | hôpital hôpitaux | m
room: kitchen | cuisine | f; cave | grotte | f; tunnel | tunnel | m
container: box boxes | boîte | f; suitcase | valise | f; bag | sac | m; basket | panier | m
object: ball | ballon | m; key | clé | f; vase | vase | m; toy | jouet | m; gift | cadeau | m
  umbrella | parapluie | m; mirror | miroir | m; bottle | bouteille | f
text: book | livre | m; letter | lettre | f; newspaper | journal journaux | m; poem | poème | m
food: apple | pomme | f; cake | gâteau | m; cheese | fromage | m; soup | soupe | f
furniture: table | table | f; chair | chaise | f; bed | lit | m; bench benches | banc | m
vehicle: car | voiture | f; train | train | m; boat | bateau | m; truck | camion | m; cart | charrette | f
plant: tree | arbre | m; oak | chêne | m
bloom: flower | fleur | f
clothes: hat | chapeau | m; dress dresses | robe | f; coat | manteau | m; shirt | chemise | f
"""

NAMES = "Mary Marie f; Paul Paul m; Anne Anne f; John Jean m; Peter Pierre m; Alice Alice f; Lucy Lucie f; Henry Henri m; Julia Julie f; Thomas Thomas m"

GROUPS = {
    "alive": "person animal",
    "place": "lane way water land height building room",
    "inside": "building room",
    "open": "lane way water land",
    "small": "object text food clothes container bloom",
    "thing": "object text food clothes container furniture vehicle plant bloom",
}

# Intransitive verbs. English | French | subject classes. `*`: past in the imparfait (a state).
INTRANSITIVE = """
sleep slept | dormir | alive; run ran | courir | alive; laugh | rire | person; sing sang | chanter | person
arrive arrived | arriver | alive; leave left | partir | alive; fall fell | tomber | alive
wait | attendre | alive; work | travailler | person; swim swam | nager | alive
come came | venir | alive; return | revenir | alive; play | jouer | alive; eat ate | manger | alive
"""

# Transitive verbs. English [+ particle] | French [+ preposition] | subject | object.
TRANSITIVE = """
see saw | voir | alive | alive place thing; find found | trouver | alive | alive place thing; look_for | chercher | alive | alive small
watch watches watched | regarder | alive | alive vehicle; follow | suivre | alive | alive vehicle; hear heard | entendre | alive | alive vehicle
like liked | *aimer | alive | alive place thing; love loved | *adorer | alive | alive place thing; know knew | *connaître | person | person place text
want | *vouloir | person | small vehicle
carry carries carried | porter | alive | small; buy bought | acheter | person | small vehicle furniture
take took | prendre | alive | small; break broke | casser | alive | object furniture
open | ouvrir | person | container
wash washes washed | laver | person | vehicle clothes animal; clean | nettoyer | person | inside furniture clothes
read read | lire | person | text; write wrote | écrire | person | text; build built | construire | person | building way
paint | peindre | person | building furniture height; eat ate | manger | alive | food; wait_for | attendre | alive | person vehicle
meet met | rencontrer | alive | alive
chase chased | poursuivre | alive | alive; push pushes pushed | pousser | alive | vehicle furniture container
drive drove | conduire | person | vehicle
cross crosses crossed | traverser | alive | open; enter | entrer dans | alive | inside; leave left | quitter | alive | inside land lane way
reach reaches reached | atteindre | alive | inside open height; climb | escalader | alive | height; visit | visiter | person | building land
explore explored | explorer | alive | inside land; avoid | éviter | alive | inside open
"""

# Verbs with a recipient: English | French.
GIVING = "give gave | donner; show | montrer; sell sold | vendre"

# Verbs with a place: English | French | subject | prepositions (English/French) > classes of the place.
PLACED = """
live lived | *habiter | alive | in/dans > building land room, near/près_de > water land building
go goes went | aller | alive | to/à > building water
come came | venir | alive | from/de > building land
return | retourner | alive | to/à > building
arrive arrived | arriver | alive | at/à > building
walk | marcher | alive | to/jusque_à > open building, toward/vers > place alive, behind/derrière > alive
run ran | courir | alive | to/jusque_à > open building, toward/vers > place alive, behind/derrière > alive vehicle
fall fell | tomber | alive | into/dans > water
stay | rester | alive | in/dans > inside land vehicle, with/avec > alive
sleep slept | dormir | alive | in/dans > inside land vehicle, under/sous > plant furniture, near/près_de > place furniture alive, on/sur > furniture
wait | attendre | alive | in_front_of/devant > building, near/près_de > place plant alive, in/dans > inside vehicle land
work | travailler | person | in/dans > inside land, with/avec > person
play | jouer | alive | in/dans > inside land lane, with/avec > alive object, behind/derrière > building plant height
"""

# Where a thing can be, as said of it: English/French > classes of the ground.
LOCATIONS = """
in/dans > inside land lane container vehicle; near/près_de > place plant alive furniture; behind/derrière > building height plant furniture vehicle alive
in_front_of/devant > building height vehicle alive; under/sous > plant; on/sur > way furniture; next_to/à_côté_de > building plant furniture vehicle alive
with/avec > alive
"""

# Adjectives. Before the noun: `before`. After it: `state`, `colour`. `avoir`: French says it with avoir and a noun, only as a predicate.
ADJECTIVES = """
before: small | petit | alive place thing; big | grand | animal place thing; old | vieux vieille vieux vieil | alive place object text container furniture vehicle plant clothes
  beautiful | beau belle beaux bel | alive place object text clothes furniture vehicle plant bloom; new | nouveau nouvelle nouveaux nouvel | building object text clothes furniture vehicle container
  young | jeune | alive; good | bon bonne | food text; fat | gros grosse gros | animal
colour: red | rouge | thing; white | blanc blanche | animal thing building; black | noir | animal object container furniture vehicle clothes
  green | vert | object container furniture vehicle clothes plant; blue | bleu | object container furniture vehicle clothes; yellow | jaune | thing
  grey | gris grise gris | animal building clothes vehicle
alive: tired | fatigué | alive; ill | malade | alive; nervous | nerveux nerveuse nerveux | alive; lazy | paresseux paresseuse paresseux | alive
  happy | heureux heureuse heureux | alive; sad | triste | alive; angry | furieux furieuse furieux | alive; weak | faible | alive
  brave | courageux courageuse courageux | alive
avoir: hungry | faim | alive; thirsty | soif | alive; afraid | peur | alive; sleepy | sommeil | alive
thing: wide | large | lane way water; long | long longue | lane way; narrow | étroit | lane way; deep | profond | water
  steep | raide | height; dark | sombre | lane inside; high | haut | height; crowded | bondé | lane inside
  flooded | inondé | lane way land room; slippery | glissant | lane way; muddy | boueux boueuse boueux | land; frozen | gelé | water
  heavy | lourd | object container furniture; fragile | fragile | object furniture; expensive | cher chère | object clothes furniture vehicle
  empty | vide | container inside lane; full | plein | container; broken | cassé | object furniture vehicle; interesting | intéressant | text
  fresh | frais fraîche frais | food; sweet | sucré | food; dirty | sale | clothes vehicle
"""

ADVERBS = "slowly lentement; quickly rapidement; quietly tranquillement; here ici; outside dehors"
FREQUENCY = "often souvent; always toujours; sometimes parfois"
OPENERS = """
past: yesterday > hier; last night > hier soir; this morning > ce matin; last week > la semaine dernière; one day > un jour; last summer > le été dernier; suddenly > soudain; finally > enfin
present: now > maintenant; every day > chaque jour; every morning > chaque matin; often > souvent; sometimes > parfois; in the evening > le soir; at night > la nuit
any: today > aujourd'hui
"""

ASPIRATED = {"héros", "hibou", "hiboux", "haut", "haute", "hauts", "hautes", "hache", "haches"}

# French verbs that are not like `parler`: present of je, il, nous, ils; participle.
IRREGULAR = {
    line.split()[0]: tuple(line.split()[1:])
    for line in """dormir dors dort dormons dorment dormi
courir cours court courons courent couru
rire ris rit rions rient ri
partir pars part partons partent parti
attendre attends attend attendons attendent attendu
venir viens vient venons viennent venu
revenir reviens revient revenons reviennent revenu
manger mange mange mangeons mangent mangé
nager nage nage nageons nagent nagé
voir vois voit voyons voient vu
suivre suis suit suivons suivent suivi
poursuivre poursuis poursuit poursuivons poursuivent poursuivi
entendre entends entend entendons entendent entendu
connaître connais connaît connaissons connaissent connu
vouloir veux veut voulons veulent voulu
acheter achète achète achetons achètent acheté
vendre vends vend vendons vendent vendu
prendre prends prend prenons prennent pris
ouvrir ouvre ouvre ouvrons ouvrent ouvert
nettoyer nettoie nettoie nettoyons nettoient nettoyé
lire lis lit lisons lisent lu
écrire écris écrit écrivons écrivent écrit
construire construis construit construisons construisent construit
conduire conduis conduit conduisons conduisent conduit
peindre peins peint peignons peignent peint
atteindre atteins atteint atteignons atteignent atteint
aller vais va allons vont allé""".splitlines()
}
WITH_ETRE = {"arriver", "partir", "tomber", "venir", "revenir", "aller", "retourner", "rester", "entrer"}
# (je, il, nous, ils), by tense.
ETRE = {"present": ("suis", "est", "sommes", "sont"), "past": ("étais", "était", "étions", "étaient")}
AVOIR = {"present": ("ai", "a", "avons", "ont"), "past": ("avais", "avait", "avions", "avaient")}


@dataclass(frozen=True)
class Noun:
    en: tuple[str, str]
    fr: tuple[str, str]
    gender: str
    cls: str


@dataclass(frozen=True)
class Name:
    en: str
    fr: str
    gender: str


@dataclass(frozen=True)
class Adjective:
    en: str
    fr: tuple[str, str, str, str]  # m, f, m plural, f plural
    before_vowel: str | None
    kind: str
    classes: frozenset[str]

    def agree(self, gender: str, plural: bool) -> str:
        return self.fr[(gender == "f") + 2 * plural]


@dataclass(frozen=True)
class Verb:
    base: str
    third: str
    past: str
    particle: tuple[str, ...]
    present: tuple[str, ...]
    participle: tuple[str, str, str, str]
    etre: bool
    state: bool
    fr_prep: str | None
    subjects: frozenset[str]
    objects: frozenset[str] = frozenset()
    places: tuple["Place", ...] = ()

    def imparfait(self) -> tuple[str, ...]:
        stem = self.present[2][:-3]
        return stem + "ais", stem + "ait", stem + "ions", stem + "aient"

    def timeless(self) -> bool:
        """True if the English present and past look alike (`read`)."""
        return self.base == self.past


@dataclass(frozen=True)
class Place:
    en: tuple[str, ...]
    fr: tuple[str, ...]
    classes: frozenset[str]


def entries(text: str) -> list[str]:
    return [e.strip() for e in text.replace("\n", ";").split(";") if e.strip()]


def sections(text: str) -> dict[str, list[str]]:
    """`name: entry; entry` lines, continued by indented ones."""
    found: dict[str, list[str]] = {}
    for line in text.strip().splitlines():
        if not line.startswith(" "):
            name, line = line.split(":", 1)
            found[name] = []
        found[name] += entries(line)
    return found


def columns(entry: str) -> list[str]:
    return [c.strip() for c in entry.split("|")]


def expand(names: str) -> frozenset[str]:
    """Classes, groups opened."""
    out: set[str] = set()
    for name in names.split():
        out |= set(expand(GROUPS[name])) if name in GROUPS else {name}
    return frozenset(out)


def en_plural(word: str) -> str:
    return word[:-1] + "ies" if word.endswith("y") and word[-2] not in "aeiou" else word + "s"


def fr_plural(word: str) -> str:
    return word if word[-1] in "sx" else word + ("x" if word.endswith("eau") else "s")


def feminine(word: str) -> str:
    return word if word.endswith("e") else word + "e"


def noun(entry: str, cls: str) -> Noun:
    en, fr, gender = columns(entry)
    e, f = en.split(), fr.split()
    return Noun((e[0], e[1] if len(e) > 1 else en_plural(e[0])), (f[0], f[1] if len(f) > 1 else fr_plural(f[0])), gender, cls)


def adjective(entry: str, kind: str) -> Adjective:
    en, fr, classes = columns(entry)
    f = fr.split()
    if kind == "avoir":
        return Adjective(en, (f[0],) * 4, None, kind, expand(classes))
    fem = f[1] if len(f) > 1 else feminine(f[0])
    plural = f[2] if len(f) > 2 else fr_plural(f[0])
    return Adjective(en, (f[0], fem, plural, fr_plural(fem)), f[3] if len(f) > 3 else None, kind, expand(classes))


def place(text: str) -> Place:
    words, classes = text.split(">")
    en, fr = words.strip().split("/")
    return Place(tuple(en.split("_")), tuple(fr.split("_")), expand(classes))


def verb(entry: str) -> Verb:
    en, fr, *classes = columns(entry)
    subjects, rest = [*classes, "", ""][:2] if classes else ("person", "thing")
    forms = en.split()
    base, *particle = forms[0].split("_")
    third = forms[1] if len(forms) == 3 else base + "s"
    past = forms[-1] if len(forms) > 1 else base + "ed"
    state, fr = fr.startswith("*"), fr.lstrip("*")
    infinitive, *prep = fr.split()
    *present, pp = IRREGULAR.get(infinitive) or tuple(infinitive[:-2] + end for end in ("e", "e", "ons", "ent", "é"))
    fem = pp + "e"
    placed = ">" in rest
    return Verb(
        base, third, past, tuple(particle), tuple(present), (pp, fem, fr_plural(pp), fem + "s"), infinitive in WITH_ETRE, state,
        prep[0] if prep else None, expand(subjects), frozenset() if placed else expand(rest),
        tuple(place(p) for p in rest.split(",")) if placed else (),
    )


@dataclass(frozen=True)
class Lexicon:
    nouns: dict[str, list[Noun]] = field(default_factory=lambda: {c: [noun(e, c) for e in es] for c, es in sections(NOUNS).items()})
    names: list[Name] = field(default_factory=lambda: [Name(*e.split()) for e in entries(NAMES)])
    intransitive: list[Verb] = field(default_factory=lambda: [verb(e) for e in entries(INTRANSITIVE)])
    transitive: list[Verb] = field(default_factory=lambda: [verb(e) for e in entries(TRANSITIVE)])
    giving: list[Verb] = field(default_factory=lambda: [verb(e) for e in entries(GIVING)])
    placed: list[Verb] = field(default_factory=lambda: [verb(e) for e in entries(PLACED)])
    adjectives: list[Adjective] = field(default_factory=lambda: [adjective(e, k) for k, es in sections(ADJECTIVES).items() for e in es])
    locations: list[Place] = field(default_factory=lambda: [place(e) for e in entries(LOCATIONS)])
