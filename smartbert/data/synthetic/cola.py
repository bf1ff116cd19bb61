"""Grammaticality in the manner of CoLA: is this an English sentence?

Easy examples are plain clauses, intact or grossly broken (scrambled, articles behind their nouns,
a stray word). Hard ones come from the constructions at the end of the module, each of which breaks
a single rule: agreement, reflexives, argument structure, complements, questions, polarity, degree.
"""

from random import Random

from smartbert.data.synthetic.lexicon import (
    ACTIONS,
    CITIES,
    MEN,
    MOODS,
    PAST_TIMES,
    PLACES,
    ROLES,
    WOMEN,
    entries,
    plural,
    sentence,
    someone,
    third,
)

NEVER_ALONE = entries(
    "repaired, fixed, purchased, selected, constructed, discovered, concealed, examined"
)
NEED_OBJECT = tuple(
    (verb, action.objects)
    for action in ACTIONS
    for verb in (action.past, action.synonym)
    if verb in NEVER_ALONE
)
TAKE_NO_OBJECT = entries(
    "slept, arrived, vanished, yawned, disappeared, appeared, emerged, laughed, smiled, sneezed"
)
TAKE_TO = entries(
    "decided, hoped, refused, promised, agreed, failed, wanted, pretended, threatened"
)
TAKE_ING = entries("enjoyed, avoided, kept, suggested, denied, admitted, imagined, risked")
NO_DOUBLE_OBJECT = entries("explained, described, suggested, announced, mentioned, demonstrated")
DOUBLE_OBJECT = entries("gave, sent, showed, offered, handed")
IDEAS = entries("rule, plan, problem, idea, story, method, answer")
SMALL_THINGS = entries("key, letter, coin, ring, map, diary, cup, bottle, plate, hat, photograph")
SURFACES = entries("on the table, on the shelf, under the bed, in the drawer, in the box")
REFLEXIVE_VERBS = entries("blamed, praised, saw, hurt, introduced, described, trusted, hid, washed")
SCALES = entries(
    "tall, old, young, short, strong, fast, smart, rich, poor, quiet, loud, kind, slow"
)
LINKS = entries("near, behind, beside, next to, in front of")
SINGULAR_DETERMINERS = entries("this, that, every, each, another")
PLURAL_DETERMINERS = entries("these, those, many, several, both, a few")
PREDICATES = (
    ("is late", "are late"),
    ("was asleep", "were asleep"),
    ("has arrived", "have arrived"),
    ("likes music", "like music"),
    ("works hard", "work hard"),
    ("is waiting", "are waiting"),
    ("was crying", "were crying"),
    ("needs help", "need help"),
    ("speaks French", "speak French"),
    ("has no money", "have no money"),
)


def build(rng: Random, *, label: int, hard: bool) -> tuple[str]:
    """Return one sentence: acceptable for label 1, unacceptable for label 0."""
    good = bool(label)
    if hard:
        return (sentence(rng.choice(CONSTRUCTIONS)(rng, good)),)
    words = _plain_clause(rng)
    return (sentence(" ".join(words if good else rng.choice(DAMAGES)(rng, words))),)


def _plain_clause(rng: Random) -> list[str]:
    """Return the words of a clause: subject, verb, object and where or when."""
    action = rng.choice(ACTIONS)
    thing = rng.choice(action.objects)
    who = f"the {rng.choice(MOODS)} {rng.choice(ROLES)}" if rng.random() < 0.6 else someone(rng)
    where = rng.choice(PLACES + PAST_TIMES)
    verb = rng.choice((action.past, action.synonym))
    return [*who.split(), verb, "the", thing, *where.split()]


def _scrambled(rng: Random, words: list[str]) -> list[str]:
    """Shuffle the words and end on an article, which no English sentence does."""
    rest = list(words)
    rest.remove("the")
    rng.shuffle(rest)
    return [*rest, "the"]


def _articles_behind(rng: Random, words: list[str]) -> list[str]:
    """Put every article behind the word that follows it."""
    words = list(words)
    for i in [i for i, word in enumerate(words[:-1]) if word == "the"]:
        words[i], words[i + 1] = words[i + 1], words[i]
    return words


def _intruder(rng: Random, words: list[str]) -> list[str]:
    """Put a word before the verb that cannot stand there."""
    verbs = {verb for action in ACTIONS for verb in (action.past, action.synonym)}
    i = next(i for i, word in enumerate(words) if word in verbs)
    return [*words[:i], rng.choice(("of", "than", "very", "the")), *words[i:]]


DAMAGES = (_scrambled, _articles_behind, _intruder)


def _agreement(rng: Random, good: bool) -> str:
    """Subject and verb, with a noun of the other number between them."""
    head, between = rng.sample(ROLES, 2)
    many = rng.random() < 0.5
    verb = rng.choice(PREDICATES)[many == good]
    head, between = (plural(head), between) if many else (head, plural(between))
    link = rng.choice((*LINKS, "who met", "who called", "who saw"))
    return f"the {head} {link} the {rng.choice(MOODS)} {between} {verb}"


def _reflexive(rng: Random, good: bool) -> str:
    """A reflexive and the only noun it can refer to."""
    forms = ["herself", "himself", "themselves"]
    kind = rng.randrange(3)
    who = (rng.choice(WOMEN), rng.choice(MEN), f"the {plural(rng.choice(ROLES))}")[kind]
    right = forms.pop(kind)
    verb, when = rng.choice(REFLEXIVE_VERBS), rng.choice(PAST_TIMES)
    return f"{who} {verb} {right if good else rng.choice(forms)} {when}"


def _object(rng: Random, good: bool) -> str:
    """A verb that needs an object without one, or one that takes none with one."""
    who, where, when = someone(rng), rng.choice(PLACES), rng.choice(PAST_TIMES)
    thing = f"the {rng.choice(rng.choice(ACTIONS).objects)}"
    kind = rng.randrange(3)
    if kind == 0:
        verb, objects = rng.choice(NEED_OBJECT)
        return f"{who} {verb} {'the ' + rng.choice(objects) + ' ' if good else ''}{where}"
    if kind == 1:
        return f"{who} {rng.choice(TAKE_NO_OBJECT)} {where if good else thing} {when}"
    thing = f"the {rng.choice(SMALL_THINGS)}"
    return f"{who} put {thing} {rng.choice(SURFACES) + ' ' if good else ''}{when}"


def _recipient(rng: Random, good: bool) -> str:
    """A recipient before the thing, which some verbs allow and others do not."""
    who, recipient, idea = someone(rng), rng.choice(ROLES), rng.choice(IDEAS)
    when = rng.choice(PAST_TIMES)
    if not good:
        return f"{who} {rng.choice(NO_DOUBLE_OBJECT)} the {recipient} the {idea} {when}"
    if rng.random() < 0.6:
        return f"{who} {rng.choice(NO_DOUBLE_OBJECT)} the {idea} to the {recipient} {when}"
    thing = rng.choice(("letter", "book", "picture", "gift", "map", "key"))
    return f"{who} {rng.choice(DOUBLE_OBJECT)} the {recipient} the {thing} {when}"


def _complement(rng: Random, good: bool) -> str:
    """An infinitive or an -ing form, whichever the first verb selects."""
    action = rng.choice(ACTIONS)
    infinitive = rng.random() < 0.5
    verb = rng.choice(TAKE_TO if infinitive else TAKE_ING)
    second = f"to {action.base}" if infinitive == good else action.ing
    return f"{someone(rng)} {verb} {second} the {rng.choice(action.objects)}"


def _question(rng: Random, good: bool) -> str:
    """An object question: inverted, with a bare verb and no second object."""
    action = rng.choice(ACTIONS)
    who, thing, when = (
        f"the {rng.choice(ROLES)}",
        rng.choice(action.objects),
        rng.choice(PAST_TIMES),
    )
    if good:
        return f"which {thing} did {who} {action.base} {when}?"
    broken = (
        f"which {thing} did {who} {action.past} {when}?",
        f"which {thing} {who} did {action.base} {when}?",
        f"which {thing} did {who} {action.base} it {when}?",
    )
    return rng.choice(broken)


def _auxiliary(rng: Random, good: bool) -> str:
    """An auxiliary and the form of the verb that it governs."""
    action = rng.choice(ACTIONS)
    forms = {
        "has": (action.participle, (action.base, action.ing)),
        "will": (action.base, (action.past, action.ing)),
        "must": (action.base, (action.past, third(action.base))),
        "is": (action.ing, (action.base, third(action.base))),
    }
    auxiliary = rng.choice(tuple(forms))
    right, wrong = forms[auxiliary]
    verb = right if good else rng.choice(wrong)
    return (
        f"{someone(rng)} {auxiliary} {verb} the {rng.choice(action.objects)} {rng.choice(PLACES)}"
    )


def _determiner(rng: Random, good: bool) -> str:
    """A determiner and the number of its noun."""
    action = rng.choice(ACTIONS)
    thing = rng.choice(action.objects)
    many = rng.random() < 0.5
    word = rng.choice(PLURAL_DETERMINERS if many else SINGULAR_DETERMINERS)
    noun = plural(thing) if many == good else thing
    return f"{someone(rng)} {action.past} {word} {noun} {rng.choice(PLACES)}"


def _polarity(rng: Random, good: bool) -> str:
    """The words "ever" and "any", which need a negative word before them."""
    action, role = rng.choice(ACTIONS), rng.choice(ROLES)
    thing, where = rng.choice(action.objects), rng.choice(PLACES)
    if rng.random() < 0.5:
        who = rng.choice(("no", "not one") if good else ("some", "the", "this"))
        return f"{who} {role} has ever {action.participle} a {thing} {where}"
    verb = f"did not {action.base}" if good else action.past
    return f"the {role} {verb} any {plural(thing)} {where}"


def _comparison(rng: Random, good: bool) -> str:
    """A comparative with "than", or an equative with "as"."""
    scale = rng.choice(SCALES)
    more = scale + ("r" if scale.endswith("e") else "er")
    right = (f"{more} than", f"as {scale} as", f"much {more} than")
    wrong = (
        f"{scale} than",
        f"more {more} than",
        f"{more} as",
        f"as {more} as",
        f"as {scale} than",
    )
    one, two = someone(rng), rng.choice(CITIES)
    return f"{one} is {rng.choice(right if good else wrong)} the {rng.choice(ROLES)} from {two}"


CONSTRUCTIONS = (
    _agreement,
    _reflexive,
    _object,
    _recipient,
    _complement,
    _question,
    _auxiliary,
    _determiner,
    _polarity,
    _comparison,
)
