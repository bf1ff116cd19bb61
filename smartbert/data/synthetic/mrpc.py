"""Paraphrase in the manner of MRPC: do two sentences from the news say the same?

Easy pairs are near copies or unrelated reports. In hard ones an equivalent sentence is reworded,
and a different one keeps nearly all words but exchanges two roles, changes a number or turns the
event round.
"""

from random import Random

from smartbert.data.synthetic.frames import Frame, pair

FRILLS = (
    "{open}, officials said.",
    "{open}, according to a statement.",
    "{open}, agencies reported.",
    "{open}, it was announced.",
    "{open}, a spokesman confirmed.",
    "{open}, local media reported.",
)


def build(rng: Random, *, label: int, hard: bool) -> tuple[str, str]:
    """Return two sentences, equivalent for label 1."""
    return pair(rng, FRAMES, same=bool(label), hard=hard, frills=FRILLS)


FRAMES = (
    Frame(
        same=(
            "{company1} bought {company2} for {million} million dollars on {day}.",
            "{company1} acquired {company2} on {day} for {million} million dollars.",
            "{company2} was purchased by {company1} on {day} for {million} million dollars.",
            "On {day}, {company1} paid {million} million dollars to take over {company2}.",
        ),
        other=(
            "{company2} bought {company1} on {day} for {million} million dollars.",
            "{company1} was purchased by {company2} on {day} for {million} million dollars.",
            "{company1} refused on {day} to buy {company2} for {million} million dollars.",
        ),
        changes=("million", "company2"),
    ),
    Frame(
        same=(
            "Shares of {company} rose {percent} percent in {city} on {day}.",
            "{company} stock gained {percent} percent in {city} on {day}.",
            "In {city} on {day}, the shares of {company} climbed by {percent} percent.",
        ),
        other=(
            "Shares of {company} fell {percent} percent in {city} on {day}.",
            "{company} stock lost {percent} percent in {city} on {day}.",
            "In {city} on {day}, the shares of {company} dropped by {percent} percent.",
        ),
        changes=("company", "percent"),
    ),
    Frame(
        same=(
            "{count1} people died and {count2} were injured in a {vehicle} crash near {city}.",
            "A {vehicle} crash near {city} left {count1} people dead and {count2} hurt.",
            "Near {city}, a {vehicle} crash killed {count1} people and injured {count2}.",
        ),
        other=(
            "{count2} people died and {count1} were injured in a {vehicle} crash near {city}.",
            "A {vehicle} crash near {city} left {count2} people dead and {count1} hurt.",
            "Nobody was killed when {count1} people had a {vehicle} crash near {city}.",
        ),
        changes=("city", "vehicle"),
    ),
    Frame(
        same=(
            "A court in {city} sentenced {person1} to {count} years in prison for {crime1}.",
            "{person1} was jailed for {count} years by a court in {city} for {crime1}.",
            "For {crime1}, a {city} court sent {person1} to jail for {count} years.",
        ),
        other=(
            "A court in {city} freed {person1}, who spent {count} years in jail for {crime1}.",
            "{person1} was cleared of {crime1} by a court in {city} after {count} years.",
        ),
        changes=("person1", "crime1", "count"),
    ),
    Frame(
        same=(
            "{person1} beat {person2} in the {sport} final in {city} on {day}.",
            "{person2} lost to {person1} in the {sport} final in {city} on {day}.",
            "In {city} on {day}, {person1} defeated {person2} in the {sport} final.",
            "{person1} won the {sport} final against {person2} on {day} in {city}.",
        ),
        other=(
            "{person2} beat {person1} in the {sport} final in {city} on {day}.",
            "{person1} lost to {person2} in the {sport} final in {city} on {day}.",
            "{person2} won the {sport} final against {person1} on {day} in {city}.",
        ),
        changes=("sport", "person2"),
    ),
    Frame(
        same=(
            "{company} will close its plant in {city} in {month} and cut {hundred} jobs.",
            "{hundred} jobs will go when {company} shuts its {city} plant in {month}.",
            "In {month}, {company} will shut its plant in {city}, where {hundred} people work.",
        ),
        other=(
            "{company} will open a plant in {city} in {month} and create {hundred} jobs.",
            "{company} will keep its {city} plant open after {month} and save {hundred} jobs.",
        ),
        changes=("company", "city", "hundred"),
    ),
    Frame(
        same=(
            "{company} named {person1} on {day} as its new chief to replace {person2}.",
            "{person1} will succeed {person2} as the head of {company}, the firm said on {day}.",
            "{person2} will be replaced by {person1} as chief of {company}, it was said on {day}.",
        ),
        other=(
            "{company} named {person2} on {day} as its new chief to replace {person1}.",
            "{person2} will succeed {person1} as the head of {company}, the firm said on {day}.",
        ),
        changes=("company", "person1"),
    ),
    Frame(
        same=(
            "Doctors in {city} say that {food} lowers the risk of {disease} by {percent} percent.",
            "{food} reduces the danger of {disease} by {percent} percent, {city} doctors say.",
            "The risk of {disease} falls by {percent} percent with {food}, doctors in {city} say.",
        ),
        other=(
            "Doctors in {city} say that {food} raises the risk of {disease} by {percent} percent.",
            "{food} increases the danger of {disease} by {percent} percent, {city} doctors say.",
            "Doctors in {city} say that {food} does not change the risk of {disease}.",
        ),
        changes=("food", "disease", "percent"),
    ),
    Frame(
        same=(
            "{country} sold {percent} percent less {commodity} abroad in {month}.",
            "Exports of {commodity} from {country} dropped by {percent} percent in {month}.",
            "In {month}, {country} exported {percent} percent less {commodity} than before.",
        ),
        other=(
            "{country} sold {percent} percent more {commodity} abroad in {month}.",
            "In {month}, {country} exported {percent} percent more {commodity} than before.",
            "{country} bought {percent} percent less {commodity} abroad in {month}.",
        ),
        changes=("country", "commodity", "month"),
    ),
    Frame(
        same=(
            "A storm cut power to {count} thousand homes in {city} on {day}.",
            "About {count} thousand homes in {city} lost power on {day} because of a storm.",
            "On {day}, a storm left {count} thousand {city} homes without electricity.",
        ),
        other=(
            "Power returned to {count} thousand homes in {city} on {day} after a storm.",
            "No power was lost on {day} when a storm passed {count} thousand homes in {city}.",
        ),
        changes=("city", "count"),
    ),
    Frame(
        same=(
            "Police in {city} arrested {count} men on {day} over stolen {valuable}.",
            "{count} men who are said to have stolen {valuable} were held in {city} on {day}.",
            "On {day}, {city} police caught {count} men suspected of stealing {valuable}.",
        ),
        other=(
            "Police in {city} released {count} men on {day} who were held over stolen {valuable}.",
            "On {day}, {count} men told {city} police that their {valuable} had been stolen.",
        ),
        changes=("city", "count", "valuable"),
    ),
    Frame(
        same=(
            "Lawmakers in {country} approved a new {law} bill on {day} by {hundred} votes.",
            "A new {law} bill passed in {country} on {day} with {hundred} votes.",
            "On {day}, {hundred} lawmakers in {country} voted for a new {law} law.",
        ),
        other=(
            "Lawmakers in {country} rejected a new {law} bill on {day} by {hundred} votes.",
            "A new {law} bill failed in {country} on {day} with {hundred} votes.",
            "On {day}, {hundred} lawmakers in {country} voted against a new {law} law.",
        ),
        changes=("country", "law"),
    ),
    Frame(
        same=(
            "{person1} flew to {country} on {day} to meet {person2} for the first time.",
            "On {day}, {person1} went to {country} for a first meeting with {person2}.",
            "{person1} arrived in {country} on {day} to see {person2} for the first time.",
        ),
        other=(
            "{person2} flew to {country} on {day} to meet {person1} for the first time.",
            "{person1} left {country} on {day} after a first meeting with {person2}.",
        ),
        changes=("country", "person2"),
    ),
)
