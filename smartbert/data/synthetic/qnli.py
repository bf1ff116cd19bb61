"""Question answering in the manner of QNLI: does the sentence contain the answer to the question?

Every sentence states two facts about one thing. Easy pairs that do not answer the question are
about something else; hard ones are about the very thing, and state facts other than the one asked
for.
"""

from dataclasses import dataclass
from random import Random

from smartbert.data.synthetic.frames import draw, render

ENTAILMENT = 0  # the sentence answers the question
PLAIN_SHARE = 0.5  # of the hard questions, those in the words of the fact
STATEMENTS = (
    "{{x}} {one} and {two}.",
    "{{x}}, which {one}, {two}.",
    "Today {{x}} is well known: it {one} and {two}.",
    "According to the guide, {{x}} {one} and also {two}.",
)


@dataclass(frozen=True)
class Fact:
    """One thing that can be stated and asked.

    Attributes:
        clause: the predicate that states it.
        plain: the question in the words of the clause.
        reworded: the question in other words.
    """

    clause: str
    plain: str
    reworded: str


@dataclass(frozen=True)
class Topic:
    """A sort of thing: the template of its names, and what there is to know about it."""

    name: str
    facts: tuple[Fact, ...]


def build(rng: Random, *, label: int, hard: bool) -> tuple[str, str]:
    """Return a question and a sentence."""
    topic = rng.choice(TOPICS)
    name = render_name(rng, topic)
    asked, *others = rng.sample(topic.facts, 3)
    question = asked.reworded if hard and rng.random() > PLAIN_SHARE else asked.plain
    told = name
    if label == ENTAILMENT:
        others[0] = asked
    elif not hard:
        topic = rng.choice([other for other in TOPICS if other is not topic])
        told, others = render_name(rng, topic), rng.sample(topic.facts, 2)
    rng.shuffle(others)
    one, two = (fact.clause for fact in others)
    statement = rng.choice(STATEMENTS).format(one=one, two=two)
    values = draw(rng, (one, two)) | {"x": told}
    return (render(question, {"x": name}), render(statement, values))


def render_name(rng: Random, topic: Topic) -> str:
    """Return the name of one thing of this sort."""
    return topic.name.format(**draw(rng, (topic.name,)))


TOPICS = (
    Topic(
        "the {surname} Bridge in {city1}",
        (
            Fact("was built in {year1}", "When was {x} built?", "How old is {x}?"),
            Fact(
                "was repaired in {recent1}", "When was {x} repaired?", "When did workers fix {x}?"
            ),
            Fact("is {hundred1} meters long", "How long is {x}?", "What is the length of {x}?"),
            Fact("was designed by {person1}", "Who designed {x}?", "Who drew the plans of {x}?"),
            Fact("cost {million1} million dollars", "What did {x} cost?", "How expensive was {x}?"),
            Fact(
                "carries {count1} thousand cars a day",
                "How many cars does {x} carry?",
                "How heavy is the traffic on {x}?",
            ),
        ),
    ),
    Topic(
        "the {kind} museum of {city1}",
        (
            Fact("was opened in {year1}", "When was {x} opened?", "Since when does {x} exist?"),
            Fact(
                "moved to {city2} in {recent1}", "When did {x} move?", "To which city did {x} go?"
            ),
            Fact(
                "has {hundred1} thousand visitors a year",
                "How many visitors does {x} have?",
                "How many people go to see {x}?",
            ),
            Fact("was founded by {person1}", "Who founded {x}?", "Whose idea was {x}?"),
            Fact("is led by {person2}", "Who leads {x}?", "Who is the director of {x}?"),
            Fact(
                "shows {hundred2} old {valuable}",
                "What does {x} show?",
                "What can be seen in {x}?",
            ),
        ),
    ),
    Topic(
        "the company {company1} of {city1}",
        (
            Fact("was founded in {year1}", "When was {x} founded?", "In what year did {x} begin?"),
            Fact(
                "employs {hundred1} people",
                "How many people does {x} employ?",
                "How large is the staff of {x}?",
            ),
            Fact("is run by {person1}", "Who runs {x}?", "Who is the chief of {x}?"),
            Fact(
                "exports {commodity}", "What does {x} export?", "Which goods does {x} sell abroad?"
            ),
            Fact(
                "earned {million1} million dollars",
                "How much did {x} earn?",
                "What was the income of {x}?",
            ),
            Fact("is owned by {person2}", "Who owns {x}?", "Whose property is {x}?"),
        ),
    ),
    Topic(
        "the {sport} club of {city1}",
        (
            Fact(
                "plays in {color}", "In which color does {x} play?", "What do players of {x} wear?"
            ),
            Fact(
                "won the cup in {year1}",
                "When did {x} win the cup?",
                "In what year was {x} best?",
            ),
            Fact("is trained by {person1}", "Who trains {x}?", "Who is the coach of {x}?"),
            Fact(
                "has {hundred1} members",
                "How many members does {x} have?",
                "How many people belong to {x}?",
            ),
            Fact("lost to {city2}", "To whom did {x} lose?", "Which team has beaten {x}?"),
            Fact(
                "bought a player for {million1} million dollars",
                "What did {x} pay for a player?",
                "How much money did {x} spend?",
            ),
        ),
    ),
    Topic(
        "the {work} about {person1}",
        (
            Fact("was written by {person2}", "Who wrote {x}?", "Who is the author of {x}?"),
            Fact("was finished in {year1}", "When was {x} finished?", "In what year was {x} done?"),
            Fact("is set in {city1}", "Where is {x} set?", "In which city does {x} take place?"),
            Fact("won {count1} prizes", "How many prizes did {x} win?", "How many awards has {x}?"),
            Fact("was praised by {person3}", "Who praised {x}?", "Which critic liked {x}?"),
            Fact(
                "was translated into {language}",
                "Into which language was {x} translated?",
                "In what foreign language is {x} available?",
            ),
        ),
    ),
    Topic(
        "the {law} school in {city1}",
        (
            Fact("teaches {skill}", "What does {x} teach?", "What can one learn at {x}?"),
            Fact(
                "has {hundred1} students",
                "How many students does {x} have?",
                "How many people study at {x}?",
            ),
            Fact(
                "was named after {person1}",
                "After whom was {x} named?",
                "Whose name does {x} bear?",
            ),
            Fact(
                "opens in {month}", "When does {x} open?", "In which month do classes at {x} begin?"
            ),
            Fact(
                "was burned down in {year1}",
                "When was {x} burned down?",
                "When did fire destroy {x}?",
            ),
            Fact(
                "charges {hundred2} dollars",
                "How much does {x} charge?",
                "What do students of {x} pay?",
            ),
        ),
    ),
    Topic(
        "the {food} festival in {city1}",
        (
            Fact("is held every {month}", "When is {x} held?", "In which month can one go to {x}?"),
            Fact("was started by {person1}", "Who started {x}?", "Who had the idea for {x}?"),
            Fact(
                "draws {count1} thousand guests",
                "How many guests does {x} draw?",
                "How well attended is {x}?",
            ),
            Fact(
                "lasts {count2} days",
                "How many days does {x} last?",
                "For how long does {x} go on?",
            ),
            Fact(
                "is paid for by {company}",
                "Who pays for {x}?",
                "Which firm gives the money for {x}?",
            ),
            Fact(
                "ends with a {sport} match", "How does {x} end?", "What is the last event of {x}?"
            ),
        ),
    ),
)
