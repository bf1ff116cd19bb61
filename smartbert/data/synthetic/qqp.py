"""Duplicate questions in the manner of QQP: do two people ask the same thing?

Easy pairs are near copies or unrelated questions. In hard ones a duplicate is reworded, and a
question that is none keeps the topic and most of the words but asks for something else.
"""

from random import Random

from smartbert.data.synthetic.frames import Frame, pair

FRILLS = (
    "Please tell me: {text}",
    "Quick question: {text}",
    "Does anyone know this? {text}",
    "{text} Thank you!",
    "{text} Any ideas?",
    "{text} I am curious.",
)


def build(rng: Random, *, label: int, hard: bool) -> tuple[str, str]:
    """Return two questions, duplicates for label 1."""
    return pair(rng, FRAMES, same=bool(label), hard=hard, frills=FRILLS)


FRAMES = (
    Frame(
        same=(
            "How can a busy {role} learn {language} quickly?",
            "What is the fastest way for a busy {role} to learn {language}?",
            "I am a {role} with little time. How do I learn {language} fast?",
        ),
        other=(
            "Why should a busy {role} learn {language}?",
            "How can a busy {role} teach {language}?",
            "How long does a busy {role} need to learn {language}?",
        ),
        changes=("language",),
    ),
    Frame(
        same=(
            "How do I get from {city1} to {city2} by {vehicle}?",
            "What is the best way to travel from {city1} to {city2} by {vehicle}?",
            "I live in {city1}. How can I reach {city2} by {vehicle}?",
        ),
        other=(
            "How do I get from {city2} to {city1} by {vehicle}?",
            "What does it cost to travel from {city1} to {city2} by {vehicle}?",
            "I live in {city2}. How can I reach {city1} by {vehicle}?",
        ),
        changes=("vehicle", "city2"),
    ),
    Frame(
        same=(
            "What is the best month to visit {country} from {city}?",
            "When should I travel from {city} to {country}?",
            "At what time of the year should people from {city} go to {country}?",
        ),
        other=(
            "What is the best airline to visit {country} from {city}?",
            "What should I see when I travel from {city} to {country}?",
            "Why do so many people from {city} go to {country}?",
        ),
        changes=("country",),
    ),
    Frame(
        same=(
            "How can I lose {count} pounds before {month}?",
            "What should I do to lose {count} pounds by {month}?",
            "How is it possible to lose {count} pounds until {month}?",
        ),
        other=(
            "How can I gain {count} pounds before {month}?",
            "What should I do after I lost {count} pounds in {month}?",
            "Is it healthy to lose {count} pounds before {month}?",
        ),
        changes=("count", "month"),
    ),
    Frame(
        same=(
            "How do I remove {stain} stains from {cloth}?",
            "What is the best way to get {stain} out of {cloth}?",
            "How can {stain} be cleaned off {cloth}?",
        ),
        other=(
            "Will {stain} ruin {cloth} for ever?",
            "Why does {stain} leave stains on {cloth}?",
            "How do I stop {stain} from getting on {cloth}?",
        ),
        changes=("stain", "cloth"),
    ),
    Frame(
        same=(
            "Is it safe for {animal} to have {food} every {day}?",
            "Can {animal} have {food} every {day} without harm?",
            "Is {food} bad for {animal} if they get it each {day}?",
        ),
        other=(
            "Why do {animal} like to have {food} every {day}?",
            "How much {food} do {animal} want every {day}?",
            "Where can I buy {food} for {animal} every {day}?",
        ),
        changes=("animal", "food"),
    ),
    Frame(
        same=(
            "Should a {role} learn {skill1} before {skill2}?",
            "Is it better for a {role} to start with {skill1} and do {skill2} later?",
            "Would you advise a {role} to study {skill1} first and {skill2} second?",
        ),
        other=(
            "Should a {role} learn {skill2} before {skill1}?",
            "Is it better for a {role} to start with {skill2} and do {skill1} later?",
            "Does a {role} earn more with {skill1} than with {skill2}?",
        ),
        changes=("skill1", "skill2"),
    ),
    Frame(
        same=(
            "How can I delete my {app} account from my {device}?",
            "What are the steps to close my {app} account on a {device}?",
            "Is there a way to remove my {app} account with a {device}?",
        ),
        other=(
            "How can I open my {app} account from my {device}?",
            "Why was my {app} account on my {device} closed?",
            "Is there a way to get back my old {app} account with a {device}?",
        ),
        changes=("app",),
    ),
    Frame(
        same=(
            "How much does it cost to {job} in {city}?",
            "What is the price to {job} in {city}?",
            "How expensive is it to {job} in {city}?",
        ),
        other=(
            "How long does it take to {job} in {city}?",
            "Why is it hard to {job} in {city}?",
            "Which papers does one need to {job} in {city}?",
        ),
        changes=("job", "city"),
    ),
    Frame(
        same=(
            "Why is {country1} so much better than {country2} at {sport}?",
            "What makes {country1} stronger than {country2} in {sport}?",
            "In {sport}, why does {country2} always lose to {country1}?",
        ),
        other=(
            "Why is {country2} so much better than {country1} at {sport}?",
            "What makes {country2} stronger than {country1} in {sport}?",
            "When did {country1} first play {country2} in {sport}?",
        ),
        changes=("sport", "country2"),
    ),
    Frame(
        same=(
            "What does a {role} earn in {city}?",
            "How much money does a {role} make in {city}?",
            "What is the usual salary of a {role} in {city}?",
        ),
        other=(
            "What does a {role} do all day in {city}?",
            "How much time does a {role} spend at work in {city}?",
            "How can I become a {role} in {city}?",
        ),
        changes=("role", "city"),
    ),
    Frame(
        same=(
            "How do I repair a {device} that fell into {liquid}?",
            "What can I do to fix a {device} after it fell into {liquid}?",
            "My {device} fell into {liquid}. How can I make it work again?",
        ),
        other=(
            "Where can I sell a {device} that fell into {liquid}?",
            "How do I keep a {device} from falling into {liquid}?",
            "Why does a {device} break when it falls into {liquid}?",
        ),
        changes=("device",),
    ),
    Frame(
        same=(
            "Does {food} help against {disease} in {animal}?",
            "Can {disease} in {animal} be treated with {food}?",
            "Is {food} a cure for {animal} with {disease}?",
        ),
        other=(
            "Does {food} cause {disease} in {animal}?",
            "Can {animal} with {disease} smell {food}?",
            "Why do {animal} with {disease} refuse {food}?",
        ),
        changes=("food", "disease", "animal"),
    ),
)
