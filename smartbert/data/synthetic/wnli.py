"""Pronoun resolution in the manner of WNLI: what does the pronoun stand for?

Two rows share a sentence, one for each candidate. In easy sentences the pronoun means the subject,
a name, and the other candidate is a role that the claim does not fit. In hard ones both candidates
are names, or both things, and only the sentence as a whole decides.
"""

from dataclasses import dataclass
from random import Random

from smartbert.data.synthetic.lexicon import MEN, WOMEN, entries, sentence

TIMES = entries(
    "yesterday, last week, on Monday, this morning, last winter, in March, after school, at noon"
)
# Pairs for which the first thing is put into, or set upon, the second.
GOODS = entries("trophy, statue, guitar, painting, lamp, radio, helmet, blanket, clock, globe")
HOLDERS = entries("suitcase, box, bag, drawer, basket, cupboard, crate, trunk, locker, backpack")

LOOKS = entries("old, young, tall, polite, quiet, friendly, clever, careful, famous, happy")
THINGS_SHARE = 0.25  # of the hard sentences, those about things instead of people


@dataclass(frozen=True)
class Schema:
    """A sentence and the ends it can take.

    Attributes:
        start: what comes before the pronoun, with the candidates {one} and {two}.
        ends_one: ends whose pronoun means {one}.
        ends_two: ends whose pronoun means {two}; none in an easy sentence.
        role: the second candidate of an easy sentence.
    """

    start: str
    ends_one: tuple[str, ...]
    ends_two: tuple[str, ...] = ()
    role: str = ""


def build(rng: Random, *, label: int, hard: bool) -> tuple[str, str]:
    """Return a sentence and a claim; with the same `rng` both labels get the same sentence."""
    pronoun, names = rng.choice((("he", MEN), ("she", WOMEN)))
    if not hard:
        schema = rng.choice(ROLES)
        one, two = rng.choice(names), f"the {rng.choice(LOOKS)} {schema.role}"
    elif rng.random() < THINGS_SHARE:
        schema, pronoun = rng.choice(THINGS), "it"
        one, two = f"the {rng.choice(GOODS)}", f"the {rng.choice(HOLDERS)}"
    else:
        schema = rng.choice(PEOPLE)
        one, two = rng.sample(names, 2)
    first = not hard or rng.random() < 0.5
    end = rng.choice(schema.ends_one if first else schema.ends_two)
    start = schema.start.format(one=one, two=two, time=rng.choice(TIMES))
    meant, not_meant = (one, two) if first else (two, one)
    claim = f"{meant if label else not_meant} {end}"
    return (sentence(f"{start} {pronoun} {end}"), sentence(claim))


ROLES = (
    Schema(
        "{one} visited {two} {time} because",
        ("was the doctor on duty", "wanted to check the medicine", "worked as a nurse"),
        role="patient",
    ),
    Schema(
        "{one} praised {two} {time} because",
        ("was pleased with the class", "had corrected the test", "taught at the school"),
        role="pupil",
    ),
    Schema(
        "{one} arrested {two} {time} because",
        ("was on patrol", "had seen the crime from the police car", "worked for the police"),
        role="thief",
    ),
    Schema(
        "{one} brought {two} the soup {time} because",
        ("served that table", "worked in the restaurant", "was a waiter there"),
        role="guest",
    ),
    Schema(
        "{one} sent {two} to prison {time} because",
        ("had heard all the witnesses", "had to apply the law", "believed the witnesses"),
        role="murderer",
    ),
    Schema(
        "{one} made {two} a dress {time} because",
        ("was skilled with the needle", "owned a shop for dresses", "lived from sewing"),
        role="bride",
    ),
    Schema(
        "{one} fed {two} {time} because",
        ("had warmed the milk", "had heard the crying", "was in charge of the children"),
        role="baby",
    ),
    Schema(
        "{one} saved {two} {time} because",
        ("was on guard at the beach", "had a boat and a rope", "had heard the cry for help"),
        role="swimmer",
    ),
    Schema(
        "{one} called {two} {time} because",
        ("wanted to raise the rent", "owned the house", "had not received the rent"),
        role="tenant",
    ),
    Schema(
        "{one} went to see {two} {time} because",
        ("had the tools to fix pipes", "repaired sinks for a living", "could fix the sink"),
        role="customer",
    ),
    Schema(
        "{one} rewarded {two} {time} because",
        ("ruled the country", "could give away castles", "had won the war with such men"),
        role="soldier",
    ),
    Schema(
        "{one} took {two} along {time} because",
        ("had an empty seat in the car", "drove a taxi", "knew the road to the hotel"),
        role="tourist",
    ),
)

THINGS = (
    Schema(
        "{one} did not fit into {two} {time} because",
        ("was too large", "was too big", "was too long"),
        ("was too small", "was too narrow", "was full already"),
    ),
    Schema(
        "{one} fell through {two} {time} because",
        ("was too heavy", "had sharp edges"),
        ("was made of thin paper", "had a hole in the bottom"),
    ),
    Schema(
        "nobody could see {one} behind {two} {time} because",
        ("was so small", "was so tiny"),
        ("was so large", "was so tall"),
    ),
    Schema(
        "they took {one} out of {two} {time} because",
        ("was needed on the stage", "was to be sold"),
        ("was needed for other things", "had become too full"),
    ),
)

PEOPLE = (
    Schema(
        "{one} thanked {two} {time} because",
        ("had received so much help", "had been given a present"),
        ("had given so much help", "had been so generous"),
    ),
    Schema(
        "{one} lent {two} some money {time} because",
        ("was a generous friend", "had more than enough"),
        ("had lost a wallet", "could not pay the rent"),
    ),
    Schema(
        "{one} could not catch {two} {time} because",
        ("ran too slowly", "started too late"),
        ("ran too fast", "was too far ahead"),
    ),
    Schema(
        "{one} comforted {two} {time} because",
        ("had a kind heart", "could not bear the crying"),
        ("was crying", "had lost a friend"),
    ),
    Schema(
        "{one} hid from {two} {time} because",
        ("was afraid", "did not want to be found"),
        ("was looking for someone to punish", "looked dangerous"),
    ),
    Schema(
        "{one} sold {two} the house {time} because",
        ("was moving abroad", "needed money quickly"),
        ("was looking for a home", "made the best offer"),
    ),
    Schema(
        "{one} asked {two} a question {time}, but",
        ("did not get an answer", "was not told anything"),
        ("did not answer", "kept silent"),
    ),
    Schema(
        "{one} paid {two} {time} after",
        ("had received the goods", "had got the bill"),
        ("had delivered the goods", "had sent the bill"),
    ),
    Schema(
        "{one} hired {two} {time} because",
        ("needed an assistant", "could not do all the work alone"),
        ("was a skilled worker", "had applied for the job"),
    ),
    Schema(
        "{one} visited {two} in the hospital {time} because",
        ("was worried", "wanted to see the patient"),
        ("was very ill", "had broken a leg"),
    ),
    Schema(
        "{one} forgave {two} {time} after",
        ("had calmed down", "was no longer angry"),
        ("had apologized", "had said sorry"),
    ),
    Schema(
        "{one} copied the homework of {two} {time} because",
        ("had forgotten to do any", "was too lazy to think"),
        ("always had the right answers", "was good at algebra"),
    ),
    Schema(
        "{one} taught {two} to swim {time} because",
        ("was a swimming teacher", "was a good swimmer"),
        ("had never learned it", "was afraid of water"),
    ),
    Schema(
        "{one} carried {two} home {time} because",
        ("was strong enough", "did not mind the weight"),
        ("could not walk", "had hurt a foot"),
    ),
    Schema(
        "{one} interrupted {two} {time} because",
        ("was impatient", "could not wait any longer"),
        ("was talking for too long", "was telling lies"),
    ),
    Schema(
        "{one} envied {two} {time} because",
        ("had lost the contest", "had won nothing"),
        ("had won the contest", "was so successful"),
    ),
)
