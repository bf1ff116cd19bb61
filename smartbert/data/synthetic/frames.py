"""Frames: groups of sentence templates over shared slots, for the tasks that compare two texts.

A slot is a kind of word and an optional digit, as in `{city1}`; slots of one kind in one frame
always receive different words, which is what makes a changed or exchanged slot a change of meaning.
"""

from dataclasses import dataclass
from functools import cache
from random import Random
from string import Formatter

from smartbert.data.synthetic import lexicon
from smartbert.data.synthetic.lexicon import entries, sentence

# Among hard pairs that differ, the share that differ by template; the rest differ by one slot.
SHARE_OTHER = 0.6

SLOTS: dict[str, tuple[str, ...]] = {
    "person": lexicon.PERSONS,
    "city": lexicon.CITIES,
    "country": lexicon.COUNTRIES,
    "month": lexicon.MONTHS,
    "role": lexicon.ROLES,
    "day": lexicon.WEEKDAYS + lexicon.WEEKEND,
    "year": tuple(str(year) for year in range(1900, 1980)),
    "recent": tuple(str(year) for year in range(1980, 2019)),
    "count": tuple(str(count) for count in range(3, 40)),
    "percent": tuple(str(percent) for percent in range(2, 31)),
    "million": tuple(str(million) for million in range(20, 990, 10)),
    "hundred": tuple(str(hundred) for hundred in range(200, 1000, 50)),
    "company": entries(
        "Apex Steel, Nova Bank, Delta Foods, Summit Oil, Orion Motors, Atlas Media, Pacific Air,"
        " Union Rail, Crown Hotels, Vertex Software, Harbor Shipping, Star Energy, Lion Records,"
        " Titan Mining, Royal Paper, Metro Insurance, Eagle Sports, Phoenix Games, Liberty Glass,"
        " Omega Drugs"
    ),
    "trade": entries("steel, banking, food, oil, shipping, software, paper, energy, glass, toy"),
    "vehicle": entries("bus, train, truck, taxi, van, tram, car"),
    "crime": entries("fraud, theft, murder, arson, bribery, kidnapping, robbery, smuggling"),
    "food": entries(
        "coffee, garlic, chocolate, honey, cheese, rice, fish, butter, tea, milk, sugar, yogurt,"
        " fruit, bread"
    ),
    "disease": entries("cancer, diabetes, asthma, flu, stroke, malaria, depression"),
    "commodity": entries("gold, copper, wheat, coffee, cotton, sugar, silver, oil, gas, steel"),
    "law": entries("tax, health, school, transport, energy, housing, farming, prison"),
    "valuable": entries("paintings, diamonds, computers, cars, horses, coins, weapons, wine"),
    "language": entries(
        "Spanish, French, German, Italian, Japanese, Russian, Arabic, Chinese, Korean, Turkish,"
        " Dutch, Greek, Polish, Swedish, Portuguese, Hindi"
    ),
    "animal": entries("dogs, cats, horses, rabbits, birds, goats, pigs, chickens"),
    "stain": entries("wine, coffee, blood, ink, grass, oil, paint, rust"),
    "cloth": entries("cotton, wool, silk, leather, a carpet, a white shirt, jeans, a sofa"),
    "skill": entries(
        "chess, swimming, guitar, piano, cooking, painting, tennis, photography, skiing, algebra,"
        " programming, dancing, statistics, drawing"
    ),
    "app": entries("Facebook, Instagram, Gmail, Netflix, Twitter, Skype, Amazon, Spotify, Uber"),
    "liquid": entries("water, coffee, wine, milk, beer, soup, paint, juice, oil, tea"),
    "device": entries("phone, laptop, tablet, computer, camera, printer, television, watch"),
    "job": entries("build a house, rent an office, buy a car, get married, own a boat, run a cafe"),
    "sport": entries("football, tennis, hockey, rugby, golf, chess, basketball, cricket"),
    "work": entries("novel, opera, film, play, poem, musical"),
    "surname": lexicon.SURNAMES,
    "color": entries("red, blue, green, white, black, yellow, orange, brown"),
    "kind": entries("history, art, science, railway, music, war, toy, fashion"),
}


@dataclass(frozen=True)
class Frame:
    """Templates over the same slots.

    Attributes:
        same: templates that say the same thing in different words.
        other: templates that use much of the same words and slots to say something else.
        changes: slots that every template in `same` has, and whose change alters its meaning.
    """

    same: tuple[str, ...]
    other: tuple[str, ...]
    changes: tuple[str, ...]


@cache
def slots_of(templates: tuple[str, ...]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return (kind, slot names of that kind) for the slots of some templates, sorted."""
    names = sorted({field for t in templates for _, field, _, _ in Formatter().parse(t) if field})
    kinds: dict[str, list[str]] = {}
    for name in names:
        kinds.setdefault(name.rstrip("0123456789"), []).append(name)
    return tuple((kind, tuple(members)) for kind, members in kinds.items())


def draw(rng: Random, templates: tuple[str, ...]) -> dict[str, str]:
    """Draw a word for every slot of the templates, different ones for slots of one kind."""
    values: dict[str, str] = {}
    for kind, names in slots_of(templates):
        values.update(zip(names, rng.sample(SLOTS[kind], len(names)), strict=True))
    return values


def render(template: str, values: dict[str, str]) -> str:
    """Return the template with its slots filled, as a sentence."""
    return sentence(template.format(**values))


def redraw(rng: Random, values: dict[str, str], *, slot: str) -> dict[str, str]:
    """Return the values with another word in one slot, one that no slot holds yet."""
    taken = set(values.values())
    free = [word for word in SLOTS[slot.rstrip("0123456789")] if word not in taken]
    return values | {slot: rng.choice(free)}


def pair(
    rng: Random, frames: tuple[Frame, ...], *, same: bool, hard: bool, frills: tuple[str, ...]
) -> tuple[str, str]:
    """Return two sentences that say the same thing, or do not.

    An easy pair that does is a sentence and a copy inside one of the `frills`, templates with the
    slot `{text}` (the sentence) or `{open}` (without its stop); one that does not has two frames.
    """
    frame = rng.choice(frames)
    values = draw(rng, frame.same + frame.other)
    first, second = rng.sample(frame.same, 2)
    one = render(first, values)
    if same:
        frill = rng.choice(frills)
        return one, render(second, values) if hard else frill.format(text=one, open=one[:-1])
    if not hard:
        other = rng.choice([other for other in frames if other is not frame])
        return one, render(rng.choice(other.same), draw(rng, other.same))
    if rng.random() < SHARE_OTHER:
        return one, render(rng.choice(frame.other), values)
    changed = redraw(rng, values, slot=rng.choice(frame.changes))
    return one, render(rng.choice(frame.same), changed)
