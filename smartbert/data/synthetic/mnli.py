"""Inference in the manner of MNLI: entailment, contradiction, or neither?

Easy hypotheses carry a cue: words copied from the premise, a negation, a reason nobody stated. Hard
ones ask about a property that the premise states, denies or leaves open, in words that all three
labels share. `matched` and `mismatched` come from the same grammar.
"""

from random import Random

from smartbert.data.synthetic.lexicon import (
    CITIES,
    ITEMS,
    KINDS,
    OPPOSITES,
    PLACES,
    ROLES,
    WEEKDAYS,
    WEEKEND,
    entries,
    plural,
    sentence,
    someone,
)

ENTAILMENT, NEUTRAL, CONTRADICTION = range(3)

DEEDS = (
    *(("buy", "bought"), ("sell", "sold"), ("hide", "hid"), ("draw", "drew")),
    *(("paint", "painted"), ("photograph", "photographed"), ("steal", "stole")),
    *(("wash", "washed"), ("borrow", "borrowed"), ("carry", "carried")),
)
SETTINGS = ("After work", "In the evening", "To everyone's surprise", "That winter", "Late in May")
REASONS = entries(
    "because a brother wanted it, to please an old friend, because of a strange dream,"
    " in order to impress the neighbors, because the weather was bad, to win a bet with a cousin"
)
COMPANY = (
    ("with two friends", "alone"),
    ("together with a sister", "all alone"),
    ("with a group of students", "without any company"),
)
CLAIMED = (
    entries("it is a fact that, everybody saw that, it is certain that"),
    entries("it is possible that, perhaps it is true that, a neighbor claims that"),
    entries("it is not true that, it is a lie that, it is impossible that"),
)
ACHIEVED = entries("managed to, did not forget to, did not fail to")
OPEN = entries("hoped to, planned to, wanted to, was asked to, promised to")
MISSED = entries("failed to, refused to, forgot to, was unable to, was too late to")


def build(rng: Random, *, label: int, hard: bool) -> tuple[str, str]:
    """Return a premise and a hypothesis."""
    topic = rng.choice(TOPICS) if hard else _plain
    premise, hypothesis = topic(rng, label)
    return (sentence(premise), sentence(hypothesis))


def _plain(rng: Random, label: int) -> tuple[str, str]:
    """A copied part, a negated part, or a part with a reason that the premise does not give."""
    who, item = someone(rng), rng.choice(ITEMS)
    base, past = rng.choice(DEEDS)
    adjective, city = rng.choice(rng.choice(OPPOSITES)), rng.choice(CITIES)
    premise = f"{_setting(rng)}{who} {past} a {adjective} {item} in {city}"
    if label == ENTAILMENT:
        return premise, rng.choice((f"{who} {past} a {item}", f"{who} {past} a {item} in {city}"))
    if label == NEUTRAL:
        return premise, f"{who} {past} the {item} {rng.choice(REASONS)}"
    return premise, rng.choice(
        (f"{who} did not {base} a {item} in {city}", f"{who} never {past} anything in {city}")
    )


def _setting(rng: Random) -> str:
    return rng.choice(("", f"{rng.choice(SETTINGS)}, "))


def _kind(rng: Random, label: int) -> tuple[str, str]:
    """A thing and its kind: from thing to kind it follows, from kind to thing it is open."""
    (kind, items), (other, _) = rng.sample(KINDS, 2)
    who, item, city = someone(rng), rng.choice(items), rng.choice(CITIES)
    _, past = rng.choice(DEEDS)
    what, claim = {
        ENTAILMENT: (item, kind),
        NEUTRAL: (kind, item),
        CONTRADICTION: rng.choice(((item, other), (other, item))),
    }[label]
    return (
        f"{_setting(rng)}{who} {past} a {what} and nothing else in {city}",
        f"what {who} {past} in {city} was a {claim}",
    )


def _number(rng: Random, label: int) -> tuple[str, str]:
    """A number and a bound on it; the bound is on other things where the label is neutral."""
    item, other = rng.sample(ITEMS, 2)
    who, city = someone(rng), rng.choice(CITIES)
    _, past = rng.choice(DEEDS)
    low, high = sorted(rng.sample(range(3, 60), 2))
    more, true = rng.random() < 0.5, label != CONTRADICTION
    count, bound = (high, low) if more == true else (low, high)
    named = other if label == NEUTRAL else item
    return (
        f"{_setting(rng)}{who} {past} {count} {plural(item)} in {city}",
        f"{who} {past} {'more' if more else 'fewer'} than {bound} {plural(named)} in {city}",
    )


def _property(rng: Random, label: int) -> tuple[str, str]:
    """A property that the premise names, its opposite, or one that it does not mention."""
    (one, two), (three, four) = rng.sample(OPPOSITES, 2)
    if rng.random() < 0.5:
        one, two = two, one
    who, item, city = someone(rng), rng.choice(ITEMS), rng.choice(CITIES)
    _, past = rng.choice(DEEDS)
    claim = {ENTAILMENT: one, NEUTRAL: rng.choice((three, four)), CONTRADICTION: two}[label]
    return (
        f"{_setting(rng)}{who} {past} a {one} {item} in {city}",
        f"the {item} that {who} {past} was {claim}",
    )


def _place(rng: Random, label: int) -> tuple[str, str]:
    """A place that the premise names, another one, or one that it leaves open."""
    who, item = someone(rng), rng.choice(ITEMS)
    here, there = rng.sample(CITIES, 2)
    _, past = rng.choice(DEEDS)
    day = rng.choice(WEEKDAYS)
    where = "" if label == NEUTRAL else f" in {here}"
    claim = there if label == CONTRADICTION else here
    return (
        f"{_setting(rng)}{who} {past} a {item}{where} on {day}",
        f"when {who} {past} the {item} on {day}, it was in {claim}",
    )


def _day(rng: Random, label: int) -> tuple[str, str]:
    """A weekday or a day of the weekend, or no day."""
    who, item, city = someone(rng), rng.choice(ITEMS), rng.choice(CITIES)
    _, past = rng.choice(DEEDS)
    weekend = rng.random() < 0.5
    told = weekend if label == ENTAILMENT else not weekend
    when = "" if label == NEUTRAL else f" on {rng.choice(WEEKEND if told else WEEKDAYS)}"
    return (
        f"{_setting(rng)}{who} {past} a {item} in {city}{when}",
        f"{who} {past} the {item} {'on the weekend' if weekend else 'during the working week'}",
    )


def _company(rng: Random, label: int) -> tuple[str, str]:
    """Alone or in company, or not stated."""
    who, item, place = f"the {rng.choice(ROLES)}", rng.choice(ITEMS), rng.choice(PLACES)
    _, past = rng.choice(DEEDS)
    together, alone = rng.choice(COMPANY)
    is_alone = rng.random() < 0.5
    told_alone = is_alone if label == ENTAILMENT else not is_alone
    how = "" if label == NEUTRAL else f" {alone if told_alone else together}"
    claim = "nobody was with" if is_alone else "somebody was with"
    return (
        f"{_setting(rng)}{who} {past} a {item}{how} {place}",
        f"{claim} {who} when {who} {past} the {item}",
    )


def _outcome(rng: Random, label: int) -> tuple[str, str]:
    """A deed that was achieved, missed, or only intended."""
    who, item, city = someone(rng), rng.choice(ITEMS), rng.choice(CITIES)
    base, past = rng.choice(DEEDS)
    how = rng.choice({ENTAILMENT: ACHIEVED, NEUTRAL: OPEN, CONTRADICTION: MISSED}[label])
    return (
        f"{_setting(rng)}{who} {how} {base} the {item} in {city}",
        f"{who} {past} the {item} in {city}",
    )


def _certainty(rng: Random, label: int) -> tuple[str, str]:
    """A deed that is stated as true, as open, or as false."""
    who, item, city = someone(rng), rng.choice(ITEMS), rng.choice(CITIES)
    _, past = rng.choice(DEEDS)
    deed = f"{who} {past} a {item} in {city}"
    return (f"{rng.choice(CLAIMED[label])} {deed}", deed)


def _quantity(rng: Random, label: int) -> tuple[str, str]:
    """All, some or none of a group, and a claim on all of it."""
    role, item, city = rng.choice(ROLES), rng.choice(ITEMS), rng.choice(CITIES)
    _, past = rng.choice(DEEDS)
    amount = ("all the", "some, but perhaps not all,", "none of the")[label]
    return (
        f"{_setting(rng)}{amount} {plural(role)} from {city} {past} a {item}",
        f"every {role} from {city} {past} a {item}",
    )


# Twice those that one word of the premise decides: the others alone would be near chance.
TOPICS = (
    _kind,
    _number,
    _property,
    _place,
    _day,
    _company,
    *(_outcome, _certainty, _quantity) * 2,
)
