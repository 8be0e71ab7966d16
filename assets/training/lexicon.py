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
  student | étudiant | m; pupil | élève | m; lawyer | avocat | m; judge | juge | m; baker | boulanger | m; butcher | boucher | m; painter | peintre | m
  singer | chanteur | m; dancer | danseuse | f; actor | acteur | m; actress actresses | actrice | f; writer | écrivain | m; poet | poète | m; author | auteur | m
  engineer | ingénieur | m; scientist | scientifique | m; mechanic | mécanicien | m; sailor | marin | m; captain | capitaine | m; pilot | pilote | m; driver | chauffeur | m
  waiter | serveur | m; waitress waitresses | serveuse | f; cook | cuisinier | m; dentist | dentiste | m; policeman policemen | policier | m; fireman firemen | pompier | m
  thief thieves | voleur | m; prince | prince | m; princess princesses | princesse | f; knight | chevalier | m; priest | prêtre | m; guard | garde | m; tourist | touriste | m
  traveler | voyageur | m; customer | client | m; boss bosses | patron | m; worker | ouvrier | m; secretary | secrétaire | f; journalist | journaliste | m
  photographer | photographe | m; musician | musicien | m; son | fils fils | m; uncle | oncle | m; aunt | tante | f
  cousin | cousin | m; nephew | neveu neveux | m; niece | nièce | f; grandfather | grand-père grands-pères | m; grandmother | grand-mère grands-mères | f
  husband | mari | m; wife wives | femme | f; baby | bébé | m; guest | invité | m; stranger | inconnu | m; leader | chef | m; president | président | m; minister | ministre | m
  mayor | maire | m; player | joueur | m; coach coaches | entraîneur | m; winner | gagnant | m; runner | coureur | m; swimmer | nageur | m; hunter | chasseur | m
  fisherman fishermen | pêcheur | m; shepherd | berger | m; gardener | jardinier | m; clown | clown | m; magician | magicien | m; detective | détective | m; spy | espion | m
  expert | expert | m; genius geniuses | génie | m; lady | dame | f; gentleman gentlemen | monsieur messieurs | m; giant | géant | m; ghost | fantôme | m
animal: animal | animal animaux | m; dog | chien | m; cat | chat | m; horse | cheval chevaux | m; cow | vache | f; bird | oiseau | m
  mouse mice | souris souris | f; fox foxes | renard | m; wolf wolves | loup | m; bear | ours ours | m; rabbit | lapin | m
  hen | poule | f; duck | canard | m; frog | grenouille | f; turtle | tortue | f; owl | hibou hiboux | m
  elephant | éléphant | m; monkey | singe | m; spider | araignée | f
  lion | lion | m; tiger | tigre | m; puppy | chiot | m; kitten | chaton | m; pig | cochon | m; goat | chèvre | f; donkey | âne | m
  squirrel | écureuil | m; rat | rat | m; snake | serpent | m; crocodile | crocodile | m; whale | baleine | f; dolphin | dauphin | m
  shark | requin | m; bee | abeille | f; ant | fourmi | f; fly | mouche | f; butterfly | papillon | m; eagle | aigle | m; crow | corbeau | m
  pigeon | pigeon | m; swan | cygne | m; goose geese | oie | f; rooster | coq | m; parrot | perroquet | m; penguin | pingouin | m; camel | chameau | m
  giraffe | girafe | f; zebra | zèbre | m; panda | panda | m; hamster | hamster | m; hedgehog | hérisson | m; bat | chauve-souris chauves-souris | f; snail | escargot | m
  dragon | dragon | m; unicorn | licorne | f; monster | monstre | m; dinosaur | dinosaure | m; pony | poney | m; lamb | agneau | m; seal | phoque | m
lane: street | rue | f; alley | ruelle | f
  avenue | avenue | f; boulevard | boulevard | m; square | place | f
way: road | route | f; bridge | pont | m; path | chemin | m
  highway | autoroute | f; trail | sentier | m; track | piste | f
water: river | rivière | f; lake | lac | m
  sea | mer | f; ocean | océan | m; pond | étang | m; canal | canal canaux | m; stream | ruisseau | m; pool | piscine | f; swamp | marais | m
land: forest | forêt | f; garden | jardin | m; park | parc | m; field | champ | m; valley | vallée | f; village | village | m
  meadow | prairie | f
  city | ville | f; town | bourg | m; island | île | f; desert | désert | m; beach beaches | plage | f; jungle | jungle | f; farm | ferme | f; yard | cour | f
  country | pays pays | m; region | région | f; kingdom | royaume | m; camp | camp | m; zoo | zoo | m; vineyard | vignoble | m; orchard | verger | m; port | port | m
height: mountain | montagne | f; hill | colline | f; wall | mur | m; tower | tour | f
  fence | clôture | f; cliff | falaise | f; volcano volcanoes | volcan | m; rock | rocher | m; ladder | échelle | f; roof | toit | m
building: house | maison | f; church churches | église | f; museum | musée | m; school | école | f; station | gare | f
  shop | magasin | m; castle | château | m; hotel | hôtel | m; hospital | hôpital hôpitaux | m
  restaurant | restaurant | m; bank | banque | f; library | bibliothèque | f; theater | théâtre | m; cinema | cinéma | m; factory | usine | f; market | marché | m
  airport | aéroport | m; prison | prison | f; palace | palais | m; temple | temple | m; bakery | boulangerie | f; pharmacy | pharmacie | f; stadium | stade | m
  university | université | f; office | bureau | m; apartment | appartement | m; cottage | chaumière | f; barn | grange | f; stable | écurie | f; cathedral | cathédrale | f
  café | café | m; bookstore | librairie | f; supermarket | supermarché | m; monastery | monastère | m; lighthouse | phare | m; cabin | cabane | f; mansion | manoir | m
room: kitchen | cuisine | f; cave | grotte | f; tunnel | tunnel | m
  bedroom | chambre | f; garage | garage | m; cellar | cave | f; attic | grenier | m; corridor | couloir | m; hall | salle | f
  classroom | classe | f; lounge | salon | m; elevator | ascenseur | m; laboratory | laboratoire | m; studio | studio | m; tent | tente | f
container: box boxes | boîte | f; suitcase | valise | f; bag | sac | m; basket | panier | m
  drawer | tiroir | m; bucket | seau | m; jar | bocal bocaux | m; barrel | tonneau | m; trunk | coffre | m; purse | bourse | f; pot | pot | m
  crate | caisse | f; wallet | portefeuille | m; fridge | réfrigérateur | m; cupboard | placard | m
object: ball | ballon | m; key | clé | f; vase | vase | m; toy | jouet | m; gift | cadeau | m
  umbrella | parapluie | m; mirror | miroir | m; bottle | bouteille | f
  phone | téléphone | m; computer | ordinateur | m; camera | caméra | f; clock | horloge | f; lamp | lampe | f; candle | bougie | f; knife knives | couteau | m; fork | fourchette | f
  spoon | cuillère | f; plate | assiette | f; cup | tasse | f; glass glasses | verre | m; pen | stylo | m; pencil | crayon | m; ruler | règle | f; guitar | guitare | f; violin | violon | m
  piano | piano | m; drum | tambour | m; flute | flûte | f; trumpet | trompette | f; hammer | marteau | m; axe | hache | f; shovel | pelle | f; rope | corde | f; needle | aiguille | f
  ring | bague | f; necklace | collier | m; crown | couronne | f; sword | épée | f; shield | bouclier | m; coin | pièce | f; stamp | timbre | m; ticket | billet | m; card | carte | f
  picture | image | f; painting | tableau | m; photo | photo | f; statue | statue | f; doll | poupée | f; kite | cerf-volant cerfs-volants | m; flag | drapeau | m
  pillow | oreiller | m; blanket | couverture | f; towel | serviette | f; carpet | tapis | m; curtain | rideau | m; broom | balai | m; comb | peigne | m; brush brushes | brosse | f
  stone | pierre | f; shell | coquillage | m; feather | plume | f; stick | bâton | m; chain | chaîne | f; bell | cloche | f; wheel | roue | f; engine | moteur | m; radio | radio | f
  screen | écran | m; keyboard | clavier | m; robot | robot | m; machine | machine | f; tool | outil | m; net | filet | m; telescope | télescope | m; watch watches | montre | f
text: book | livre | m; letter | lettre | f; newspaper | journal journaux | m; poem | poème | m
  novel | roman | m; story | histoire | f; magazine | magazine | m; article | article | m; report | rapport | m; message | message | m; song | chanson | f; recipe | recette | f
  dictionary | dictionnaire | m; diary | carnet | m; contract | contrat | m; menu | menu | m; page | page | f; sentence | phrase | f; map | plan | m
food: apple | pomme | f; cake | gâteau | m; cheese | fromage | m; soup | soupe | f
  banana | banane | f; orange | orange | f; pear | poire | f; lemon | citron | m; strawberry | fraise | f; cherry | cerise | f; peach peaches | pêche | f; grape | raisin | m
  melon | melon | m; tomato tomatoes | tomate | f; carrot | carotte | f; onion | oignon | m; salad | salade | f; egg | œuf | m; sandwich sandwiches | sandwich | m
  pizza | pizza | f; sausage | saucisse | f; cookie | biscuit | m; candy | bonbon | m; pie | tarte | f; mushroom | champignon | m; nut | noix noix | f; chicken | poulet | m; steak | steak | m
  pancake | crêpe | f; sauce | sauce | f; meal | repas | m; dessert | dessert | m; bean | haricot | m; pumpkin | citrouille | f
furniture: table | table | f; chair | chaise | f; bed | lit | m; bench benches | banc | m
  sofa | canapé | m; desk | bureau | m; armchair | fauteuil | m; shelf shelves | étagère | f; wardrobe | armoire | f; stool | tabouret | m; cradle | berceau | m; door | porte | f; window | fenêtre | f
vehicle: car | voiture | f; train | train | m; boat | bateau | m; truck | camion | m; cart | charrette | f
  bus buses | bus | m; plane | avion | m; bicycle | vélo | m; taxi | taxi | m; ship | navire | m; tractor | tracteur | m; motorcycle | moto | f; helicopter | hélicoptère | m
  ambulance | ambulance | f; rocket | fusée | f; sled | traîneau | m; canoe | canoë | m; van | camionnette | f; tram | tramway | m; submarine | sous-marin sous-marins | m; wagon | wagon | m
plant: tree | arbre | m; oak | chêne | m
  bush bushes | buisson | m; pine | pin | m; palm | palmier | m; willow | saule | m; hedge | haie | f; birch birches | bouleau | m; plant | plante | f
bloom: flower | fleur | f
  rose | rose | f; tulip | tulipe | f; daisy | marguerite | f; lily | lys | m; violet | violette | f; leaf leaves | feuille | f; sunflower | tournesol | m
clothes: hat | chapeau | m; dress dresses | robe | f; coat | manteau | m; shirt | chemise | f
  shoe | chaussure | f; sock | chaussette | f; skirt | jupe | f; jacket | veste | f; sweater | pull | m; scarf scarves | écharpe | f; glove | gant | m; belt | ceinture | f
  tie | cravate | f; boot | botte | f; suit | costume | m; uniform | uniforme | m; apron | tablier | m; cap | casquette | f; helmet | casque | m; raincoat | imperméable | m; mask | masque | m
"""

NAMES = "Mary Mary f; Paul Paul m; Anne Anne f; John John m; Peter Peter m; Alice Alice f; Lucy Lucy f; Henry Henry m; Julia Julia f; Thomas Thomas m; "
NAMES += "Tom Tom m; David David m; Daniel Daniel m; Martin Martin m; Simon Simon m; Victor Victor m; Robert Robert m; Richard Richard m; Charles Charles m; Louis Louis m; Max Max m; "
NAMES += "Oscar Oscar m; Hugo Hugo m; Felix Felix m; Sam Sam m; Jack Jack m; Bob Bob m; Bill Bill m; Mike Mike m; Nick Nick m; Alex Alex m; Ben Ben m; George George m; Kevin Kevin m; Ken Ken m; "
NAMES += "Emma Emma f; Sarah Sarah f; Laura Laura f; Nina Nina f; Clara Clara f; Lisa Lisa f; Anna Anna f; Eva Eva f; Zoe Zoe f; Sophie Sophie f; Linda Linda f; Susan Susan f; Jane Jane f; Kate Kate f; "
NAMES += "Helen Helen f; Rose Rose f; Louise Louise f; Camille Camille f; Nora Nora f; Maria Maria f; Betty Betty f; Carol Carol f; Diana Diana f; Rachel Rachel f; Olivia Olivia f; Chloe Chloe f"

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
smile smiled | sourire | person; cry cries cried | pleurer | person; dance danced | danser | person; travel traveled | voyager | person; shout | crier | person; jump | sauter | alive
think thought | réfléchir | person; dream | rêver | person; breathe breathed | respirer | alive; listen | écouter | person; cough | tousser | person; disappear | disparaître | alive
die died | mourir | alive; drink drank | boire | alive; cook | cuisiner | person; study studies studied | étudier | person; read read | lire | person; draw drew | dessiner | person; fish fishes fished | pêcher | person
whisper | chuchoter | person; snore snored | ronfler | person; hesitate hesitated | hésiter | person; succeed | réussir | person; fail | échouer | person; stay | rester | alive
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
help | aider | alive | alive; call | appeler | person | person; invite invited | inviter | person | person; thank | remercier | person | person; greet | saluer | person | person
hate hated | *détester | alive | alive place thing; admire admired | *admirer | person | alive place thing; respect | *respecter | person | person; fear | *craindre | alive | alive
forget forgot | oublier | person | alive place thing; choose chose | choisir | person | alive place thing; accept | accepter | person | small; refuse refused | refuser | person | small
paint | peindre | person | object; draw drew | dessiner | person | alive place thing; describe described | décrire | person | alive place thing; photograph | photographier | person | alive place thing
hide hid | cacher | alive | small; lose lost | perdre | alive | small; throw threw | lancer | alive | small; catch catches caught | attraper | alive | small animal; pick_up | ramasser | alive | small
bring brought | apporter | alive | small; send sent | envoyer | person | object text clothes; receive received | recevoir | person | small; steal stole | voler | alive | small vehicle
repair | réparer | person | object furniture vehicle building way; fix fixes fixed | réparer | person | object vehicle; touch touches touched | toucher | alive | alive small furniture plant; pull | tirer | alive | vehicle furniture container
cut cut | couper | person | food plant bloom; cook | cuire | person | food; taste tasted | goûter | alive | food; smell | sentir | alive | bloom food; prepare prepared | préparer | person | food text; order | commander | person | food
burn | brûler | person | text furniture; destroy | détruire | alive | building way furniture object; close closed | fermer | person | container building; lock | verrouiller | person | building container; empty empties emptied | vider | person | container
fill | remplir | person | container; wear wore | porter | person | clothes; iron | repasser | person | clothes; fold | plier | person | clothes text; translate translated | traduire | person | text; copy copies copied | copier | person | text
sign | signer | person | text; finish finishes finished | finir | person | text food; study studies studied | étudier | person | text plant animal; teach teaches taught | enseigner | person | text; learn | apprendre | person | text
plant | planter | person | plant bloom; water | arroser | person | plant bloom land; feed fed | nourrir | person | animal; train | dresser | person | animal; ride rode | monter | person | animal; hunt | chasser | alive | animal; protect | protéger | alive | alive land building
attack | attaquer | alive | alive; save saved | sauver | alive | alive; punish punishes punished | punir | person | person; bite bit | mordre | animal | alive; lead led | guider | alive | alive; park | garer | person | vehicle; rent | louer | person | vehicle building; stop stopped | arrêter | person | person vehicle
borrow | emprunter | person | object text vehicle clothes; count | compter | person | small animal; hold held | tenir | person | small; use used | utiliser | person | object vehicle; move moved | déplacer | person | furniture object; measure measured | mesurer | person | furniture object height
surround | entourer | person | building land; notice noticed | remarquer | alive | alive place thing; discover | découvrir | alive | alive place thing; recognize recognized | reconnaître | alive | alive place; imagine imagined | imaginer | person | alive place thing
"""

# Verbs with a recipient: English | French.
GIVING = "give gave | donner; show | montrer; sell sold | vendre; lend lent | prêter; send sent | envoyer; bring brought | apporter; offer | offrir; hand | remettre; promise promised | promettre; throw threw | lancer"

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
  pretty | joli | place object text clothes bloom; bad | mauvais mauvaise | food text; huge | énorme | animal place thing; little | petit | person
colour: red | rouge | thing; white | blanc blanche | animal thing building; black | noir | animal object container furniture vehicle clothes
  green | vert | object container furniture vehicle clothes plant; blue | bleu | object container furniture vehicle clothes; yellow | jaune | thing
  grey | gris grise gris | animal building clothes vehicle
  brown | brun | animal object furniture clothes container; pink | rose | clothes object bloom; purple | violet violette | clothes bloom
alive: tired | fatigué | alive; ill | malade | alive; nervous | nerveux nerveuse nerveux | alive; lazy | paresseux paresseuse paresseux | alive
  happy | heureux heureuse heureux | alive; sad | triste | alive; angry | furieux furieuse furieux | alive; weak | faible | alive
  brave | courageux courageuse courageux | alive
  strong | fort | alive; intelligent | intelligent | alive; clever | malin maligne | alive; curious | curieux curieuse curieux | alive; shy | timide | alive; calm | calme | alive
  kind | gentil gentille | person; polite | poli | person; rude | impoli | person; jealous | jaloux jalouse jaloux | person; proud | fier fière | person; famous | célèbre | person; rich | riche | person; poor | pauvre | person
  patient | patient | person; impatient | impatient | person; honest | honnête | person; generous | généreux généreuse généreux | person; selfish | égoïste | person; cruel | cruel cruelle | alive; fast | rapide | alive; slow | lent | alive
  quiet | silencieux silencieuse silencieux | alive; noisy | bruyant | alive; blind | aveugle | alive; deaf | sourd | alive; dead | mort | alive; thin | maigre | alive; healthy | sain | alive; wounded | blessé | alive; exhausted | épuisé | alive
  worried | inquiet inquiète | alive; surprised | surpris surprise | alive; scared | effrayé | alive; excited | excité | alive; lonely | seul | alive; friendly | amical amicale amicaux | alive; busy | occupé | person; lost | perdu | alive; lucky | chanceux chanceuse chanceux | alive
  stubborn | têtu | alive; wise | sage | alive; careful | prudent | alive; ready | prêt | alive; satisfied | satisfait | person; disappointed | déçu | person; bored | ennuyé | alive; awake | éveillé | alive
avoir: hungry | faim | alive; thirsty | soif | alive; afraid | peur | alive; sleepy | sommeil | alive
thing: wide | large | lane way water; long | long longue | lane way; narrow | étroit | lane way; deep | profond | water
  steep | raide | height; dark | sombre | lane inside; high | haut | height; crowded | bondé | lane inside
  flooded | inondé | lane way land room; slippery | glissant | lane way; muddy | boueux boueuse boueux | land; frozen | gelé | water
  heavy | lourd | object container furniture; fragile | fragile | object furniture; expensive | cher chère | object clothes furniture vehicle
  empty | vide | container inside lane; full | plein | container; broken | cassé | object furniture vehicle; interesting | intéressant | text
  fresh | frais fraîche frais | food; sweet | sucré | food; dirty | sale | clothes vehicle
  cheap | abordable | object clothes furniture vehicle; useful | utile | object furniture vehicle; useless | inutile | object; precious | précieux précieuse précieux | object; rare | rare | object text plant; modern | moderne | building furniture vehicle; ancient | antique | building furniture
  wet | mouillé | clothes; dry | sec sèche | clothes; warm | chaud | food clothes; cold | froid | food; hot | brûlant | food; spicy | épicé | food; delicious | délicieux délicieuse délicieux | food; bitter | amer amère | food; ripe | mûr | food; rotten | pourri | food
  boring | ennuyeux ennuyeuse ennuyeux | text; funny | drôle | text; difficult | difficile | text; famous | célèbre | text; comfortable | confortable | furniture clothes vehicle; soft | doux douce doux | clothes; tight | serré | clothes; elegant | élégant | clothes furniture
  light | léger légère | object clothes furniture container; round | rond | object furniture; square | carré | object furniture container; flat | plat | object; sharp | pointu | object; closed | fermé | container inside; open | ouvert | container inside; peaceful | paisible | land water; 
  polluted | pollué | land water lane; dangerous | dangereux dangereuse dangereux | lane way water height; abandoned | abandonné | lane way building land; sunny | ensoleillé | lane land; busy | animé | lane inside; damaged | endommagé | way building vehicle furniture; fast | rapide | vehicle; slow | lent | vehicle
  tall | haut | building plant; dry | sec sèche | land plant; green | vert | land
"""

ADVERBS = "slowly lentement; quickly rapidement; quietly tranquillement; here ici; outside dehors; there là-bas"
FREQUENCY = "often souvent; always toujours; sometimes parfois"
OPENERS = """
past: yesterday > hier; last night > hier soir; this morning > ce matin; last week > la semaine dernière; one day > un jour; last summer > le été dernier; suddenly > soudain; finally > enfin
present: now > maintenant; every day > chaque jour; every morning > chaque matin; often > souvent; sometimes > parfois; in the evening > le soir; at night > la nuit
any: today > aujourd'hui
"""

ASPIRATED = {"héros", "hibou", "hiboux", "haut", "haute", "hauts", "hautes", "hache", "haches", "hérisson", "hérissons", "hamster", "hamsters", "haricot", "haricots", "haie", "haies", "homard", "hasard"}

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
aller vais va allons vont allé
sourire souris sourit sourions sourient souri
boire bois boit buvons boivent bu
disparaître disparais disparaît disparaissons disparaissent disparu
mourir meurs meurt mourons meurent mort
appeler appelle appelle appelons appellent appelé
craindre crains craint craignons craignent craint
décrire décris décrit décrivons décrivent décrit
perdre perds perd perdons perdent perdu
envoyer envoie envoie envoyons envoient envoyé
recevoir reçois reçoit recevons reçoivent reçu
cuire cuis cuit cuisons cuisent cuit
sentir sens sent sentons sentent senti
détruire détruis détruit détruisons détruisent détruit
traduire traduis traduit traduisons traduisent traduit
apprendre apprends apprend apprenons apprennent appris
mordre mords mord mordons mordent mordu
protéger protège protège protégeons protègent protégé
tenir tiens tient tenons tiennent tenu
découvrir découvre découvre découvrons découvrent découvert
reconnaître reconnais reconnaît reconnaissons reconnaissent reconnu
offrir offre offre offrons offrent offert
remettre remets remet remettons remettent remis
promettre promets promet promettons promettent promis""".splitlines()
}
WITH_ETRE = {"arriver", "partir", "tomber", "venir", "revenir", "aller", "retourner", "rester", "entrer", "mourir"}
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


def conjugation(infinitive: str) -> tuple[str, ...]:
    """Present of je, il, nous, ils, and the participle, of a regular verb in -er or -ir."""
    stem = infinitive[:-2]
    if infinitive.endswith("ir"):
        return tuple(stem + end for end in ("is", "it", "issons", "issent", "i"))
    soft = stem + "e" if stem.endswith("g") else stem[:-1] + "ç" if stem.endswith("c") else stem
    return stem + "e", stem + "e", soft + "ons", stem + "ent", stem + "é"


def verb(entry: str) -> Verb:
    en, fr, *classes = columns(entry)
    subjects, rest = [*classes, "", ""][:2] if classes else ("person", "thing")
    forms = en.split()
    base, *particle = forms[0].split("_")
    third = forms[1] if len(forms) == 3 else base + "s"
    past = forms[-1] if len(forms) > 1 else base + "ed"
    state, fr = fr.startswith("*"), fr.lstrip("*")
    infinitive, *prep = fr.split()
    *present, pp = IRREGULAR.get(infinitive) or conjugation(infinitive)
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
