"""Support tickets, to try a task of one's own with: what is this message about?

Easy messages name one trouble. Hard ones name two, and say of one of them that it is not why they
write.
"""

import csv
from pathlib import Path
from random import Random

from smartbert.data.synthetic.lexicon import entries
from smartbert.errors import UserError
from smartbert.files import whole

COLUMNS = ("text", "topic")
TROUBLES = {
    "billing": entries(
        "I was charged twice, the invoice has the wrong amount, my refund is still missing, the"
        " discount was not applied, my card was declined although it is valid, the receipt lacks"
        " the tax number, I was billed after I had cancelled, the price went up without a word"
    ),
    "delivery": entries(
        "the parcel has not come, the courier left it at the wrong door, the box arrived open,"
        " tracking has not moved for days, half of my order is missing, it was sent to my old"
        " address, the package is soaked, somebody else signed for it"
    ),
    "account": entries(
        "I cannot sign in, the password link has expired, my profile shows another name, the code"
        " never reaches my phone, my account is locked, I want my data to be deleted, the old"
        " email is still in use, I am logged out every few minutes"
    ),
    "defect": entries(
        "the screen stays black, it makes a loud noise, the battery is empty after an hour, a"
        " button came off, it will not switch on, the lid does not close, it smells burnt, the"
        " charger gets hot"
    ),
}
OPENINGS = entries("Hello, Hi there, Good morning, Dear team, Sorry to bother you, Once more")
PRODUCTS = entries("lamp, kettle, phone, toaster, speaker, watch, printer, heater, radio, camera")
WHEN = entries("since Monday, for a week now, since the last order, again, as of today")
CLOSINGS = entries("Please help, What can be done, Please call me, I would like an answer, Thanks")
NOT_WHY = entries(
    "has been settled and is not why I write, was last month and is fine by now, does not matter"
    " to me, is another story that your colleague looks after"
)


def tickets(rows: int, *, seed: int = 0) -> list[tuple[str, str]]:
    """Return so many different messages with their topics, half of them hard.

    Raises:
        UserError: if there are not so many.
    """
    rng = Random(f"tickets/{seed}")
    topics, found = list(TROUBLES), dict[str, str]()
    for _ in range(100 * rows):
        if len(found) == rows:
            break
        topic = topics[len(found) % len(topics)]
        found.setdefault(_message(rng, topic, hard=len(found) % 8 >= len(topics)), topic)
    if len(found) < rows:
        raise UserError(f"there are no {rows} different tickets; set --rows to less")
    table = list(found.items())
    rng.shuffle(table)
    return table


def _message(rng: Random, topic: str, *, hard: bool) -> str:
    trouble = f"{rng.choice(TROUBLES[topic])} {rng.choice(WHEN)}"
    if hard:
        other = rng.choice([one for one in TROUBLES if one != topic])
        aside = f"That {rng.choice(TROUBLES[other])} {rng.choice(NOT_WHY)}"
        parts = [aside, f"but {trouble}"] if rng.random() < 0.5 else [trouble, aside]
    else:
        parts = [trouble]
    told = ". ".join(part[0].upper() + part[1:] for part in parts)
    about = f"It is about my {rng.choice(PRODUCTS)}."
    return f"{rng.choice(OPENINGS)}. {about} {told}. {rng.choice(CLOSINGS)}."


def write_tickets(path: Path, rows: int, *, seed: int = 0) -> None:
    """Write such messages as a CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(tickets(rows, seed=seed))
