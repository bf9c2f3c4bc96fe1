"""Sentences that people and programs send: topics, questions, pasted matter, answers, several languages.

All text is composed from the word lists below by a seeded `random.Random`; none is copied from a data set.
"""

# Word lists read better as one string each.
# ruff: noqa: SIM905, S608
from __future__ import annotations

import random

TOPICS: dict[str, list[str]] = {
    "kitchen": "risotto broth onion sourdough yeast oven skillet garlic marinade lentils dumplings pastry "
    "custard brine smoker zucchini cardamom stock dough glaze".split(),
    "garden": "tomatoes compost trellis seedlings aphids mulch pruning hydrangea lawn irrigation raised-bed "
    "fertiliser basil slugs greenhouse bulbs hedge soil".split(),
    "travel": "itinerary hostel ferry passport layover visa luggage guidebook museum train rental-car beach "
    "hiking-trail airport budget old-town vineyard".split(),
    "money": "mortgage pension index-fund budget invoice tax-return savings deduction loan dividend "
    "inflation "
    "insurance payroll ledger refund broker".split(),
    "health": "back-pain sleep migraine vitamin stretching cholesterol allergy physiotherapy blood-pressure "
    "hydration protein fasting posture anxiety checkup".split(),
    "law": "lease tenant contract clause deposit notice warranty trademark will custody liability landlord "
    "settlement privacy-policy non-compete statute".split(),
    "school": "essay photosynthesis fractions thesis bibliography french-revolution poem grammar vocabulary "
    "lab-report presentation geometry homework curriculum debate".split(),
    "python": "dataframe decorator virtualenv async-function pytest-fixture dictionary generator regex "
    "dataclass traceback import-error list-comprehension logger flask-route type-hint".split(),
    "web": "flexbox react-component useEffect stylesheet router form-validation webpack cookie iframe "
    "websocket typescript-interface responsive-menu svelte-store service-worker".split(),
    "data": "query join index window-function warehouse dashboard csv-export pivot-table schema partition "
    "null-values migration spark-job aggregation outlier".split(),
    "ops": "kubernetes-pod nginx terraform systemd docker-image certificate cron-job load-balancer "
    "disk-usage "
    "ssh-key backup firewall log-rotation helm-chart".split(),
    "writing": "cover-letter chapter dialogue newsletter tagline blog-post villain haiku eulogy "
    "wedding-speech "
    "press-release synopsis metaphor cliffhanger".split(),
    "work": "meeting-agenda performance-review resignation onboarding stakeholder deadline slide-deck "
    "job-interview team-retro proposal quarterly-report salary".split(),
    "science": "black-hole enzyme entropy tectonic-plate neuron catalyst photon mutation telescope isotope "
    "fermentation turbulence vaccine superconductor".split(),
    "games": "dungeon-master chess-opening speedrun character-sheet deck-build puzzle-level quest loot-table "
    "boss-fight minecraft-farm card-game raid".split(),
    "family": "birthday-party toddler bedtime in-laws baby-name anniversary teenager babysitter school-trip "
    "wedding chores reunion puppy".split(),
    "car": "brake-pads gearbox tyre alternator coolant timing-belt battery clutch exhaust fuel-pump sensor "
    "oil-change warranty dent".split(),
    "music": "chord-progression melody mixing bassline synthesiser drum-loop lyrics setlist mastering "
    "saxophone practice-routine modulation vinyl".split(),
    "shop": "product-description refund-request listing supplier shipping-label stock-count discount-code "
    "return-policy storefront packaging customer-review margin".split(),
    "home": "boiler leaky-tap insulation drywall parquet radiator wallpaper fuse-box gutter ikea-shelf grout "
    "damp thermostat skylight".split(),
}
TOPIC_NAMES = list(TOPICS)
_SYL = "ka lo mi ren tas vor el ny dra qui sto bel han or fi zu pe gar lim tow ash bru cen dov".split()
_MOODS = "quick cheap reliable simple weird old new broken small huge shared noisy fragile elegant".split()
_ACTS = "fix explain compare plan shorten rewrite improve choose measure organise summarise debug".split()
_ASKS = [
    "how do i {v} my {n} without touching the {m}?",
    "What's the best way to {v} a {a} {n}?",
    "can you {v} this {n} for me, it's for {who}",
    "I have a {a} {n} and a {b} {m}. Which one should I deal with first?",
    "Write a short note to {who} about the {n}.",
    "why is my {n} so {a} since {when}?",
    "Explain {n} to me like I'm {num}.",
    "Give me {num} ideas for a {a} {n}",
    "is it normal that the {n} and the {m} don't work together?",
    "Please {v} the following so that it mentions the {n} and the {m}.",
    "{who} told me the {n} needs a {m}. True?",
    "difference between {n} and {m}",
    "need a checklist for {n}, max {num} points",
    "Hello! I'm new to this. Where would you start with {n}?",
    "Draft an email to {who}: the {n} will be late because of the {m}.",
    "I tried to {v} the {n} {num} times and it still looks {a}. Ideas?",
    "what does {n} actually mean in the context of {m}",
    "Make a table of {n} options under {num} euros, with pros and cons.",
    "Translate to Spanish: the {a} {n} is next to the {b} {m}.",
    "{n}?? help",
]
_DETAILS = [
    "I already asked {who} and got nowhere.",
    "It has to be done by {when}.",
    "Budget is about {num}0.",
    "Keep it {a}, please.",
    "The {m} came with it, model {name}.",
    "I live in {name}, if that matters.",
    "No bullet points.",
    "Last year we used a {b} {n} instead.",
    "I don't want to {v} everything again.",
    "We are {num} people.",
    "My colleague {name} thinks it is the {m}.",
    "By the way the {n} was {a} from the start.",
]
_THINGS = (
    "neighbour|kettle|spreadsheet|corner|ticket|river|office|folder|email|afternoon|printer|cousin|battery|"
    "window|contractor|photo|letter|street|password|drawer|manual|sister|price|colour|screen|receipt|account|"
    "garage|version|train|nurse|bottle|phone|manager|list|roof|camera|parcel|calendar|sample|bridge|teacher|"
    "cable|question|budget|shelf|client|village|key|story|paper|light|rule|plate|engine|meeting|number|friend"
).split("|")
_DID = (
    "broke|arrived|changed|looked fine|vanished|cost more|took ages|got lost|felt wrong|came back|"
    "stopped|grew|failed twice|surprised us|went quiet|made no sense|doubled|was moved|worked once|ran out|"
    "needed help|fell apart|slipped|was free|got stuck|helped a bit"
).split("|")
_JOIN = "because|while|although|and then|so|after|before|since|even though|but|until|unless|when".split("|")
_WHERE = (
    "near|behind|under|with|without|next to|from|for|about|across|inside|beyond|against|between us and".split(
        "|"
    )
)
_DET = "the|my|our|a|that|his|her|their|this|one|every|some|another|no".split("|")
_WHO = "my boss|my sister|a client|the landlord|our teacher|my team|the school|a friend|the vendor|HR".split(
    "|"
)
_WHEN = "yesterday|monday|last week|the update|tomorrow|march|the weekend|this morning|summer".split("|")
_FOLLOW = [
    "thanks!",
    "ok and the {m}?",
    "can you make it shorter",
    "continue",
    "That didn't work, the {n} is still {a}.",
    "more formal please",
    "why?",
    "what about {num} instead",
    "yes",
    "hmm, {who} would not like that",
    "Now the same for a {b} {m}.",
    "and in German?",
    "are you sure about the {m}?",
    "perfect, thank you",
]
_REPLY = [
    "For the {n}, start with the {m} and check whether it is {a}.",
    "A {a} {n} usually comes from one of {num} causes.",
    "You could {v} it first and look at the {m} later.",
    "In {name} many people prefer the {b} kind.",
    "Here is a version that mentions the {n} once.",
    "If {who} agrees, keep the {m} as it is.",
    "That takes roughly {num} minutes.",
    "I would avoid the {b} {m} here.",
    "The main trade-off is between the {n} and the {m}.",
    "Let me know if the {n} stays {a}.",
]
TONGUES: dict[str, dict[str, list[str]]] = {
    "es": {
        "n": "contrato|receta|viaje|factura|perro|jardín|examen|alquiler|boda|coche|código|informe".split(
            "|"
        ),
        "f": [
            "¿Cómo puedo mejorar mi {n} antes del {num}?",
            "Escribe un correo sobre el tema: {n} y {m}.",
            "necesito ayuda con {n}, gracias",
            "¿Qué diferencia hay entre {n} y {m}?",
            "Resume esto: {n}, {m}, {num}",
        ],
        "r": [
            "Para el tema {n}, conviene empezar por {m}.",
            "Aquí tienes {num} ideas sobre {n}.",
            "Depende de {m}.",
        ],
    },
    "de": {
        "n": "Vertrag|Rezept|Reise|Rechnung|Hund|Garten|Prüfung|Miete|Hochzeit|Auto|Quelltext|Bericht".split(
            "|"
        ),
        "f": [
            "Wie kann ich {n} bis zum {num}. verbessern?",
            "Schreibe eine kurze Mail zu {n} und {m}.",
            "brauche hilfe mit {n}",
            "Was ist der Unterschied zwischen {n} und {m}?",
            "Fasse zusammen: {n}, {m}",
        ],
        "r": [
            "Bei {n} lohnt sich zuerst ein Blick auf {m}.",
            "Hier sind {num} Vorschläge zu {n}.",
            "Das hängt von {m} ab.",
        ],
    },
    "fr": {
        "n": "contrat|recette|voyage|facture|chien|jardin|examen|loyer|mariage|voiture|code|rapport".split(
            "|"
        ),
        "f": [
            "Comment améliorer mon {n} avant le {num} ?",
            "Rédige un mail à propos de {n} et {m}.",
            "j'ai un souci avec {n}",
            "Quelle différence entre {n} et {m} ?",
            "Résume : {n}, {m}, {num}",
        ],
        "r": ["Pour {n}, commencez par {m}.", "Voici {num} idées pour {n}.", "Cela dépend de {m}."],
    },
    "pt": {
        "n": "contrato|receita|viagem|fatura|cachorro|jardim|prova|aluguel|casamento|carro|código|nota".split(
            "|"
        ),
        "f": [
            "Como posso melhorar {n} até o dia {num}?",
            "Escreva um e-mail sobre {n} e {m}.",
            "preciso de ajuda com {n}",
            "Qual a diferença entre {n} e {m}?",
        ],
        "r": ["Para {n}, comece por {m}.", "Seguem {num} ideias sobre {n}."],
    },
    "ru": {
        "n": "договор|рецепт|поездка|счёт|собака|сад|экзамен|аренда|свадьба|машина|код|отчёт".split("|"),
        "f": [
            "Как улучшить: {n}, до {num} числа?",
            "Напиши письмо про {n} и {m}.",
            "помоги, {n} не получается",
            "В чём разница: {n} и {m}?",
        ],
        "r": ["Тема {n}: начните с {m}.", "Вот {num} идей: {n}."],
    },
    "zh": {
        "n": "合同|菜谱|旅行|发票|小狗|花园|考试|租房|婚礼|汽车|代码|报告|简历|孩子|面试|股票".split("|"),
        "f": [
            "怎么改进我的{n},{num}号之前要用?",
            "帮我写一封关于{n}和{m}的邮件。",
            "{n}出问题了怎么办",
            "{n}和{m}有什么区别?",
            "总结一下:{n},{m}",
            "给我{num}个关于{n}的点子,谢谢",
        ],
        "r": ["关于{n},建议先看{m}。", "这里有{num}个关于{n}的想法。", "这取决于{m}。"],
    },
    "ja": {
        "n": "契約書|レシピ|旅行|請求書|犬|庭|試験|家賃|結婚式|車|コード|報告書".split("|"),
        "f": [
            "{n}を{num}日までに直したいです。",
            "{n}と{m}についてメールを書いてください。",
            "{n}と{m}の違いは何ですか?",
            "{n}で困っています",
        ],
        "r": ["{n}については、まず{m}を確認してください。", "{n}の案を{num}個挙げます。"],
    },
}


def name(r: random.Random) -> str:
    """An invented proper name of two to four syllables."""
    return "".join(r.choices(_SYL, k=r.randint(2, 4))).capitalize()


def fill(r: random.Random, frame: str, nouns: list[str], mood: list[str] = _MOODS) -> str:
    """`frame` with its slots drawn: n and m nouns, a and b moods, v act, num, name, who, when."""
    return frame.format(
        n=r.choice(nouns),
        m=r.choice(nouns),
        a=r.choice(mood),
        b=r.choice(mood),
        v=r.choice(_ACTS),
        num=r.randint(2, 60),
        name=name(r) if "{name}" in frame else "",
        who=r.choice(_WHO),
        when=r.choice(_WHEN),
    )


def ramble(r: random.Random, topic: str) -> str:
    """A sentence that nobody else is likely to write: what keeps people's long runs of words apart."""
    nouns = TOPICS[topic]

    def thing() -> str:
        noun = r.choice(nouns) if r.random() < 0.4 else r.choice(_THINGS)
        return f"{r.choice(_DET)} {r.choice(_MOODS) + ' ' if r.random() < 0.3 else ''}{noun}"

    text = f"{thing()} {r.choice(_DID)}"
    while r.random() < 0.6:
        text += (
            f" {r.choice(_WHERE)} {thing()}"
            if r.random() < 0.5
            else f" {r.choice(_JOIN)} {thing()} {r.choice(_DID)}"
        )
    return text[0].upper() + text[1:] + r.choice((".", ".", ".", "...", "!", ""))


def question(r: random.Random, topic: str, language: str = "en") -> str:
    """A first question by a person: a line, sometimes details, sometimes pasted matter."""
    if language != "en":
        tongue = TONGUES[language]
        lines = [fill(r, r.choice(tongue["f"]), tongue["n"]) for _ in range(1 + (r.random() < 0.25))]
        return " ".join(lines)
    nouns = TOPICS[topic]
    parts = [fill(r, r.choice(_ASKS), nouns)]
    while r.random() < 0.55 and len(parts) < 7:
        parts.append(ramble(r, topic) if r.random() < 0.8 else fill(r, r.choice(_DETAILS), nouns))
    r.shuffle(parts)
    text = " ".join(parts)
    if r.random() < 0.12:
        text += "\n\n" + paste(r, topic)
    return text.lower() if r.random() < 0.2 else text


def follow_up(r: random.Random, topic: str, language: str = "en") -> str:
    """A later turn by the same person."""
    if language != "en":
        return question(r, topic, language)
    if r.random() < 0.5:
        return fill(r, r.choice(_FOLLOW), TOPICS[topic])
    return question(r, topic)


def answer(r: random.Random, topic: str, language: str = "en", sentences: int | None = None) -> str:
    """What the model answered: one to thirty sentences, long ones rarer."""
    count = sentences or min(30, 1 + int(r.lognormvariate(1.3, 0.7)))
    if language != "en":
        tongue = TONGUES[language]
        return " ".join(fill(r, r.choice(tongue["r"]), tongue["n"]) for _ in range(count))
    nouns = TOPICS[topic]
    return " ".join(
        ramble(r, topic) if r.random() < 0.4 else fill(r, r.choice(_REPLY), nouns) for _ in range(count)
    )


def paste(r: random.Random, topic: str) -> str:
    """Something a person pasted: code, a log, or a passage."""
    nouns = TOPICS[topic]
    kind = r.randrange(3)
    if kind == 0:
        return code(r)
    if kind == 1:
        return "\n".join(
            f"{r.randint(0, 23):02d}:{r.randint(0, 59):02d} {r.choice(('INFO', 'WARN', 'ERROR'))} "
            f"{name(r).lower()}: "
            f"{r.choice(nouns)} {r.choice(_MOODS)} code={r.randint(1, 9999)}"
            for _ in range(r.randint(2, 8))
        )
    return " ".join(ramble(r, topic) for _ in range(r.randint(2, 9)))


def code(r: random.Random) -> str:
    """A small invented function in one of three languages."""
    f, a, b = name(r).lower(), name(r).lower(), name(r).lower()
    k = r.randint(2, 999)
    return r.choice(
        (
            f"def {f}({a}, {b}={k}):\n    total = 0\n    for item in {a}:\n        if item > {b}:\n       "
            f"     total += item\n"
            f"    return total",
            f"function {f}({a}) {{\n  const {b} = {a}.map(x => x * {k});\n  return {b}.filter(Boolean);\n}}",
            f"SELECT {a}, COUNT(*) FROM {f} WHERE {b} > {k} GROUP BY {a} ORDER BY 2 DESC;",
        )
    )
