"""Entailment in the manner of RTE: does a short report entail a claim?

A report is a story of two sentences and a remark that bears on nothing. Easy claims copy the story
or belong to another one; hard claims reword a detail, or use the story's names and numbers for
something that it does not say.
"""

from dataclasses import dataclass
from random import Random

from smartbert.data.synthetic.frames import draw, render

ENTAILMENT = 0
REMARKS = (
    "The news was first printed by a paper in {city9}.",
    "More details are expected on {day9}.",
    "A spokesman in {city9} gave no further details.",
    "People in {country9} had waited for the news since {month9}.",
    "The report was read on the radio on {day9}.",
    "Few had expected this, a reporter from {city9} said.",
)

# Claims that follow from no story; hard ones that do not follow are these or a story's own.
UNSTATED = (
    "{person1} was born in {city1}.",
    "{person1} is married to {person2}.",
    "{person1} has never been to {city1}.",
    "{person1} used to live in {country1}.",
)
UNSTATED_SHARE = 0.25


@dataclass(frozen=True)
class Story:
    """Templates over shared slots.

    Attributes:
        text: the report, two sentences.
        copied: claims that follow and use the words of the text.
        reworded: claims that follow and use other words.
        false: claims about the same names that do not follow.
    """

    text: str
    copied: tuple[str, ...]
    reworded: tuple[str, ...]
    false: tuple[str, ...]


def build(rng: Random, *, label: int, hard: bool) -> tuple[str, str]:
    """Return a premise and a claim."""
    story, other = rng.sample(STORIES, 2)
    remark = rng.choice(REMARKS)
    orders = ((story.text,), (story.text, remark), (remark, story.text))
    order = rng.choice(orders)
    claims = story.copied + story.reworded + story.false + UNSTATED
    values = draw(rng, (*order, *claims))
    premise = " ".join(render(part, values) for part in order)
    if label == ENTAILMENT:
        return (premise, render(rng.choice(story.reworded if hard else story.copied), values))
    if hard:
        false = UNSTATED if rng.random() < UNSTATED_SHARE else story.false
        return (premise, render(rng.choice(false), values))
    claims = other.copied + other.false
    return (premise, render(rng.choice(claims), draw(rng, claims)))


STORIES = (
    Story(
        "{company1}, a {trade} firm based in {city1}, will move its head office to {city2} next"
        " year. {person1}, who has led the firm since {recent1}, put the cost at {million1}"
        " million dollars.",
        copied=(
            "{company1} will move its head office to {city2}.",
            "{company1} is a {trade} firm based in {city1}.",
            "{person1} has led the firm since {recent1}.",
        ),
        reworded=(
            "{person1} is the head of {company1}.",
            "{company1} is going to leave {city1}.",
            "The main office of {company1} will be in {city2}.",
            "Moving will cost {company1} {million1} million dollars.",
        ),
        false=(
            "{company1} will move its head office from {city2} to {city1}.",
            "{company1} was founded in {city2} in {recent1}.",
            "{person1} has sold {company1} for {million1} million dollars.",
            "{person1} wants to sell {company1}.",
        ),
    ),
    Story(
        "A {vehicle} on its way from {city1} to {city2} hit a wall on {day1}, killing {count1}"
        " people. The driver, {person1}, survived and was taken to a hospital with {count2}"
        " others.",
        copied=(
            "A {vehicle} hit a wall on {day1}.",
            "The driver, {person1}, survived.",
            "A {vehicle} was on its way from {city1} to {city2}.",
        ),
        reworded=(
            "{count1} people died in a {vehicle} accident.",
            "{person1} was driving a {vehicle} to {city2}.",
            "{person1} did not die in the accident.",
            "The {vehicle} had come from {city1}.",
        ),
        false=(
            "{person1} died in a {vehicle} accident on {day1}.",
            "{count2} people were killed by a {vehicle}.",
            "The {vehicle} was driving to {city1}.",
            "{person1} was sent to prison on {day1}.",
        ),
    ),
    Story(
        "{person1} won the {sport} final in {city1} on {day1} after a long match against"
        " {person2}. It was the {sport} player's first title since {recent1}, and brought {count1}"
        " thousand dollars.",
        copied=(
            "{person1} won the {sport} final in {city1}.",
            "{person1} won the {sport} final on {day1}.",
            "It was the first title since {recent1}.",
        ),
        reworded=(
            "{person2} was beaten by {person1}.",
            "{person2} lost a {sport} match in {city1}.",
            "{person1} defeated {person2} in {city1}.",
            "{person1} plays {sport}.",
        ),
        false=(
            "{person2} won the {sport} final in {city1}.",
            "{person1} lost a {sport} match to {person2}.",
            "{person2} beat {person1} in {city1}.",
            "{person2} received {count1} thousand dollars.",
        ),
    ),
    Story(
        "The writer {person1}, author of the novel that {person2} turned into a film in"
        " {recent1}, died in {city1} on {day1} of {disease}. The family will bury the writer in"
        " {country1}.",
        copied=(
            "The writer {person1} died in {city1}.",
            "{person1} died on {day1} of {disease}.",
            "The family will bury the writer in {country1}.",
        ),
        reworded=(
            "{person1} wrote a novel.",
            "{person2} made a film in {recent1}.",
            "{disease} was the cause of the death of {person1}.",
            "The grave of {person1} will be in {country1}.",
        ),
        false=(
            "{person1} died in {country1}.",
            "{person2} wrote a novel in {recent1}.",
            "{person2} died in {city1} of {disease}.",
            "{person2} wrote a novel about {country1}.",
        ),
    ),
    Story(
        "Police in {city1} have arrested {person1}, who is accused of the {crime1} of {recent1}."
        " The judge {person2} said on {day1} that the trial would start in {month1} and last"
        " {count1} weeks.",
        copied=(
            "Police in {city1} have arrested {person1}.",
            "{person1} is accused of the {crime1} of {recent1}.",
            "The trial would start in {month1}.",
        ),
        reworded=(
            "{person1} is in the hands of the {city1} police.",
            "{person2} is a judge.",
            "{person1} will be in court in {month1}.",
            "It will take {count1} weeks to try {person1}.",
        ),
        false=(
            "{person2} has been arrested in {city1}.",
            "{person1} was sent to prison for {count1} years.",
            "{person1} confessed to {crime1} on {day1}.",
            "{person1} is a judge in {city1}.",
        ),
    ),
    Story(
        "{company1} agreed on {day1} to buy {company2} for {million1} million dollars. {person1},"
        " the chief of {company2}, will leave in {month1}, and {count1} shops in {country1} will"
        " be closed.",
        copied=(
            "{company1} agreed to buy {company2}.",
            "{company1} agreed to buy {company2} for {million1} million dollars.",
            "{count1} shops in {country1} will be closed.",
        ),
        reworded=(
            "{company2} will be owned by {company1}.",
            "{person1} was at the head of {company2}.",
            "{person1} will not stay at {company2}.",
            "{company2} costs {company1} {million1} million dollars.",
        ),
        false=(
            "{company1} will be owned by {company2}.",
            "{person1} is the chief of {company1}.",
            "{company1} will open {count1} shops in {country1}.",
            "{company2} agreed to buy {company1}.",
        ),
    ),
    Story(
        "Doctors in {city1} tested {food} on {hundred1} patients with {disease} and found that it"
        " eased their pain. {person1}, who led the study, began the work in {recent1} with money"
        " from {company1}.",
        copied=(
            "Doctors in {city1} tested {food} on patients with {disease}.",
            "{person1} led the study.",
            "{person1} began the work in {recent1}.",
        ),
        reworded=(
            "{food} helped people who suffer from {disease}.",
            "{company1} paid for a study of {food}.",
            "{hundred1} sick people took part in a study.",
            "A study of {food} was directed by {person1}.",
        ),
        false=(
            "{food} is the cause of {disease}.",
            "{person1} suffers from {disease}.",
            "{company1} was founded by {person1} in {recent1}.",
            "{hundred1} patients died of {disease} in {city1}.",
        ),
    ),
    Story(
        "{person1} was elected president of {country1} on {day1} with {percent1} percent more"
        " votes than {person2}. The new president has promised to cut the {law} tax before"
        " {month1}.",
        copied=(
            "{person1} was elected president of {country1}.",
            "The new president has promised to cut the {law} tax.",
            "{person1} was elected on {day1}.",
        ),
        reworded=(
            "{person2} lost an election in {country1}.",
            "{person1} is going to lead {country1}.",
            "{person2} got fewer votes than {person1}.",
            "{person1} wants a lower {law} tax.",
        ),
        false=(
            "{person2} is going to lead {country1}.",
            "{person1} lost an election in {country1}.",
            "{person1} was killed in {country1}.",
            "{person1} wants a higher {law} tax.",
        ),
    ),
    Story(
        "A storm reached the coast of {country1} on {day1} and destroyed {hundred1} houses near"
        " {city1}. {person1}, the mayor, said that {count1} people were missing and asked"
        " {country2} for help.",
        copied=(
            "A storm reached the coast of {country1} on {day1}.",
            "A storm destroyed {hundred1} houses near {city1}.",
            "{count1} people were missing.",
        ),
        reworded=(
            "{person1} is a mayor.",
            "Bad weather hit {country1}.",
            "{count1} people could not be found.",
            "The mayor wants {country2} to help.",
        ),
        false=(
            "{person1} is missing after a storm.",
            "The storm reached the coast of {country2}.",
            "{count1} houses were destroyed by a storm.",
            "The mayor sent help to {country2}.",
        ),
    ),
    Story(
        "{hundred1} {valuable} were stolen on {day1} from a museum in {city1} that {person1}"
        " founded in {recent1}. The police found them {count1} hours later in the {vehicle} of"
        " {person2}, a guard.",
        copied=(
            "{hundred1} {valuable} were stolen on {day1}.",
            "{person1} founded a museum in {recent1}.",
            "The police found them {count1} hours later.",
        ),
        reworded=(
            "Thieves took {valuable} from a museum.",
            "A museum in {city1} was set up by {person1}.",
            "{person2} worked as a guard.",
            "The stolen {valuable} were in a {vehicle}.",
        ),
        false=(
            "{person1} worked as a guard in {city1}.",
            "{person2} founded a museum in {city1}.",
            "The stolen {valuable} were never found.",
            "The police bought {hundred1} {valuable} in {city1}.",
        ),
    ),
)
