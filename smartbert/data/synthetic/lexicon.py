"""Words of the synthetic tasks, and the few rules of English spelling that inflect them.

Only common words stand here, most of them one token of the uncased BERT vocabulary, so that a small
model spends its few training steps on the task and not on the words.
"""

import re
from dataclasses import dataclass
from random import Random


def entries(text: str) -> tuple[str, ...]:
    """Split a comma-separated list; it keeps a lexicon of forty words on three lines."""
    return tuple(" ".join(item.split()) for item in text.split(","))


def plural(noun: str) -> str:
    """Return the regular plural."""
    if noun.endswith(("s", "sh", "ch", "x")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


def third(verb: str) -> str:
    """Return the third person singular; its spelling follows the plural of nouns."""
    return plural(verb)


def articles(text: str) -> str:
    """Write "an" for "a" before a vowel letter; no word here needs more than that."""
    return re.sub(r"\b([Aa]) (?=[aeiouAEIOU])", r"\1n ", text)


def sentence(text: str) -> str:
    """Return the text with its articles, a large first letter and a stop, if it has none."""
    text = articles(text[0].upper() + text[1:])
    return text if text.endswith((".", "?", "!")) else text + "."


@dataclass(frozen=True)
class Action:
    """A transitive verb, a verb of the same meaning, and things one does it to.

    Attributes:
        synonym: past tense of the other verb; it equals its participle.
    """

    base: str
    past: str
    participle: str
    ing: str
    synonym: str
    objects: tuple[str, ...]


def _action(forms: str, objects: str) -> Action:
    base, past, participle, ing, synonym = entries(forms)
    return Action(base, past, participle, ing, synonym, entries(objects))


ACTIONS = (
    _action("repair, repaired, repaired, repairing, fixed", "roof, fence, engine, bicycle, radio"),
    _action("buy, bought, bought, buying, purchased", "house, boat, horse, piano, necklace, lamp"),
    _action("write, wrote, written, writing, composed", "letter, song, poem, speech"),
    _action("clean, cleaned, cleaned, cleaning, washed", "kitchen, carpet, car, floor, plate"),
    _action("choose, chose, chosen, choosing, selected", "gift, dress, painting, hotel, ring"),
    _action("build, built, built, building, constructed", "bridge, tower, cabin, wall, boat"),
    _action(
        "discover, discovered, discovered, discovering, spotted", "coin, key, map, diary, wallet"
    ),
    _action("finish, finished, finished, finishing, completed", "report, novel, puzzle, drawing"),
    _action("break, broke, broken, breaking, smashed", "window, vase, mirror, cup, bottle"),
    _action("close, closed, closed, closing, shut", "gate, door, drawer, shop, cage"),
    _action("cook, cooked, cooked, cooking, prepared", "soup, dinner, stew, meal"),
    _action("move, moved, moved, moving, shifted", "table, sofa, ladder, chair, barrel"),
    _action("rent, rented, rented, renting, leased", "cottage, apartment, studio, garage"),
    _action("examine, examined, examined, examining, inspected", "contract, statue, ship, tent"),
    _action("hide, hid, hidden, hiding, concealed", "sword, present, photograph, bag, box"),
    _action("throw, threw, thrown, throwing, tossed", "ball, stone, stick, hat"),
)

WOMEN = entries(
    "Anna, Maria, Emma, Julia, Laura, Sarah, Alice, Helen, Rachel, Susan, Nina, Clara, Grace,"
    " Ellen, Diana, Karen, Lucy, Martha, Paula, Ruth"
)
MEN = entries(
    "Peter, John, David, Mark, Paul, Thomas, Robert, James, Daniel, Simon, Victor, Oscar, Martin,"
    " Henry, Frank, George, Adam, Kevin, Brian, Carl"
)
SURNAMES = entries(
    "Keller, Brown, Smith, Walker, Moore, Fischer, Garcia, Cooper, Bell, Murphy, Wood, Lopez, Hill,"
    " Baker, Stone, Rossi, Young, Larsen, Price, Cole, Reed, Ward, Novak, Shaw"
)
PERSONS = tuple(f"{first} {last}" for first in WOMEN + MEN for last in SURNAMES)

ROLES = entries(
    "teacher, doctor, nurse, farmer, lawyer, painter, pilot, singer, engineer, student, writer,"
    " driver, gardener, sailor, tailor, soldier, manager, plumber, butcher, librarian, mechanic,"
    " carpenter, actor, officer, judge, banker, hunter, waiter, dancer, reporter"
)
MOODS = entries(
    "tired, young, old, happy, angry, quiet, clever, lazy, proud, nervous, friendly, famous,"
    " honest, curious, careful, stubborn, polite, lonely"
)
PLACES = entries(
    "in the park, near the river, behind the church, at the market, in the garden, near the"
    " station, at the airport, in the village, outside the museum, near the harbor, at the"
    " school, on the island, in the old town, beside the lake"
)
PAST_TIMES = entries(
    "yesterday, last week, last summer, on Monday, on Friday, in March, two days ago, this morning,"
    " last winter, before lunch, after dinner, in October, on Sunday, a year ago"
)
CITIES = entries(
    "London, Paris, Rome, Berlin, Vienna, Oslo, Madrid, Lisbon, Dublin, Prague, Warsaw, Athens,"
    " Cairo, Boston, Chicago, Denver, Dallas, Toronto, Sydney, Tokyo, Moscow, Delhi, Lima, Seattle,"
    " Geneva, Milan, Munich, Hamburg, Houston, Singapore"
)
COUNTRIES = entries(
    "Spain, Italy, Norway, Japan, Brazil, Canada, Egypt, India, Mexico, Greece, Ireland, Kenya,"
    " Peru, Turkey, Poland, Sweden, Chile, Portugal, Austria, Vietnam"
)
WEEKDAYS = entries("Monday, Tuesday, Wednesday, Thursday, Friday")
WEEKEND = entries("Saturday, Sunday")
MONTHS = entries(
    "January, February, March, April, May, June, July, August, September, October, November,"
    " December"
)

KINDS = (
    ("musical instrument", entries("violin, guitar, piano, trumpet, flute, drum")),
    ("animal", entries("dog, cat, horse, goat, rabbit, cow, donkey")),
    ("vehicle", entries("car, truck, bus, van, motorcycle, tractor")),
    ("flower", entries("rose, tulip, lily, orchid")),
    ("tool", entries("hammer, drill, saw, shovel")),
    ("piece of furniture", entries("chair, table, sofa, desk, bed")),
    ("piece of clothing", entries("shirt, coat, dress, sweater, jacket, skirt")),
    ("piece of jewelry", entries("ring, necklace, bracelet, crown")),
    ("piece of fruit", entries("apple, banana, pear, peach, orange, lemon")),
    ("vegetable", entries("onion, carrot, cabbage, cucumber")),
    ("book", entries("novel, dictionary, diary, textbook")),
)
ITEMS = tuple(item for _, items in KINDS for item in items)
OPPOSITES = (
    ("old", "new"),
    ("cheap", "expensive"),
    ("small", "large"),
    ("heavy", "light"),
    ("clean", "dirty"),
    ("beautiful", "ugly"),
    ("wet", "dry"),
    ("red", "green"),
)


def someone(rng: Random) -> str:
    """Return a subject in the singular: a bare name, or a role with or without an adjective."""
    kind = rng.randrange(3)
    if kind == 0:
        return rng.choice(WOMEN + MEN)
    role = rng.choice(ROLES)
    return f"the {role}" if kind == 1 else f"the {rng.choice(MOODS)} {role}"
