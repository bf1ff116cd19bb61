"""Sentiment in the manner of SST-2: is this line of a film review positive or negative?

Easy lines hold one plainly polar word. In hard ones the polar word is negated, or two clauses
disagree and the one about the film as a whole decides.
"""

from random import Random

from smartbert.data.synthetic.lexicon import CITIES, ROLES, articles, entries, plural

GOOD = entries(
    "charming, brilliant, delightful, graceful, clever, superb, hilarious, gripping,"
    " beautiful, warm, wonderful, fresh, touching, thrilling, smart, lovely, powerful, witty,"
    " excellent, inspired, dazzling, tender, magical, rewarding, remarkable, splendid,"
    " engaging, stunning, satisfying"
)
BAD = entries(
    "dull, boring, lifeless, clumsy, tedious, awful, stale, predictable, silly, painful, dreadful,"
    " empty, annoying, shallow, bland, pointless, ugly, terrible, lazy, messy, weak, forgettable,"
    " horrible, ridiculous, sloppy, tiresome, disappointing, miserable"
)
ADJECTIVES = (BAD, GOOD)
NOUNS = (
    entries("bore, mess, failure, disaster, waste of time, chore, letdown, disappointment"),
    entries("joy, delight, triumph, treasure, gem, pleasure, treat, masterpiece"),
)
VERBS = (
    entries("bores, disappoints, annoys, drags, irritates, fails, stumbles"),
    entries("charms, delights, dazzles, shines, inspires, enchants, succeeds"),
)
FILMS = entries(
    "film, movie, comedy, drama, thriller, romance, western, sequel, documentary, fable, mystery"
)
PARTS = entries(
    "acting, script, plot, music, dialogue, camera work, ending, cast, story, opening, humor,"
    " direction, premise, romance, editing, pacing, lead performance, supporting cast, first half"
)
DEGREES = entries("very, quite, truly, rather, simply, really, thoroughly, deeply, often, just")
WHOLES = entries("as a whole, overall, in the end, taken together, when all is done")


def build(rng: Random, *, label: int, hard: bool) -> tuple[str]:
    """Return one line in lower case without a final stop, as the original has them."""
    return (articles(rng.choice(MIXED if hard else PLAIN)(rng, label)),)


def _topic(rng: Random) -> str:
    one, two = rng.sample(ROLES, 2)
    many = rng.choice(("two", "three", "five"))
    return rng.choice(
        (f"{many} {plural(one)} in {rng.choice(CITIES)}", f"a {one} and a {two}", f"a {one}")
    ).lower()


def _about(rng: Random, label: int) -> str:
    return f"a {rng.choice(ADJECTIVES[label])} {rng.choice(FILMS)} about {_topic(rng)}"


def _part(rng: Random, label: int) -> str:
    adjective, degree = rng.choice(ADJECTIVES[label]), rng.choice(DEGREES)
    return f"the {rng.choice(PARTS)} of this {rng.choice(FILMS)} is {degree} {adjective}"


def _noun(rng: Random, label: int) -> str:
    return f"this {rng.choice(FILMS)} about {_topic(rng)} is a {rng.choice(NOUNS[label])}"


def _verb(rng: Random, label: int) -> str:
    place = rng.choice(("from start to finish", "in every scene", "with its " + rng.choice(PARTS)))
    return f"the {rng.choice(FILMS)} about {_topic(rng)} {rng.choice(VERBS[label])} {place}"


def _maker(rng: Random, label: int) -> str:
    city, film = rng.choice(CITIES).lower(), rng.choice(FILMS)
    return f"the director from {city} has made a {rng.choice(ADJECTIVES[label])} {film}"


PLAIN = (_about, _part, _noun, _verb, _maker)


def _negated(rng: Random, label: int) -> str:
    """A word of the other sentiment, denied."""
    adjective, part, film = rng.choice(ADJECTIVES[1 - label]), rng.choice(PARTS), rng.choice(FILMS)
    return rng.choice(
        (
            f"the {part} of this {film} is never {adjective}",
            f"there is nothing {adjective} about the {part} of this {film}",
            f"the {part} of this {film} is anything but {adjective}",
            f"the {film} about {_topic(rng)} is far from {adjective}",
            f"nobody could call this {film} about {_topic(rng)} {adjective}",
            f"not a single scene of this {film} about {_topic(rng)} is {adjective}",
        )
    )


def _contrast(rng: Random, label: int) -> str:
    """Praise for a part, blame for the whole, or the reverse; the whole comes last."""
    before, after = rng.choice(ADJECTIVES[1 - label]), rng.choice(ADJECTIVES[label])
    whole, part, film = rng.choice(WHOLES), rng.choice(PARTS), rng.choice(FILMS)
    link = rng.choice((", but", ", yet", "; still ,"))
    return f"the {part} is {before} {link} the {film} {whole} is {after}"


def _concession(rng: Random, label: int) -> str:
    """A concession first and the judgement after it."""
    before, after = rng.choice(ADJECTIVES[1 - label]), rng.choice(ADJECTIVES[label])
    part, film = rng.choice(PARTS), rng.choice(FILMS)
    opening = rng.choice((f"despite its {before} {part}", f"although its {part} is {before}"))
    return f"{opening} , the {film} is {rng.choice((after, 'a ' + rng.choice(NOUNS[label])))}"


def _expectation(rng: Random, label: int) -> str:
    """What was expected, then what it was."""
    before, after = rng.choice(ADJECTIVES[1 - label]), rng.choice(ADJECTIVES[label])
    film, topic = rng.choice(FILMS), _topic(rng)
    return rng.choice(
        (
            f"i expected a {before} {film} about {topic} and got a {after} one",
            f"it sounded {before} , yet this {film} about {topic} is {after}",
            f"what could have been a {before} {film} about {topic} is {after}",
        )
    )


def _verdict_first(rng: Random, label: int) -> str:
    """The judgement first, then a concession, so that the last word is no cue either."""
    verdict, aside = rng.choice(ADJECTIVES[label]), rng.choice(ADJECTIVES[1 - label])
    part, film = rng.choice(PARTS), rng.choice(FILMS)
    link = rng.choice(("even though its", "although the", "even if the"))
    return f"the {film} {rng.choice(WHOLES)} is {verdict} {link} {part} is {aside}"


MIXED = (_negated, _contrast, _concession, _expectation, _verdict_first, _negated)
