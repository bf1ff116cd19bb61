"""Labels: from what a file holds to the task's class ids, by name wherever there are names. No
pandas, no torch.

Ids alone say nothing of what they mean: two copies of one task may number its classes otherwise.
"""

import re
from collections.abc import Callable, Mapping, Sequence, Sized
from typing import TypeVar

from smartbert.errors import UserError
from smartbert.tasks import TaskSpec, plain_name

WHOLE = re.compile(r"[+-]?[0-9]{1,18}(\.0*)?")
DECIMAL = re.compile(r"-?[0-9]+\.[0-9]+")
MISSING = ("nan", "<na>")  # what a missing value turns into where it is written as text
MOST_NAMES = 20  # in a message
Found = TypeVar("Found")


def whole_number(value: object) -> int | None:
    """Return a value, or a text of digits, as a whole number; None if it is none (or a truth value,
    which does not say what it is the truth of).
    """
    if isinstance(value, str):
        text = value.strip()
        return int(text.partition(".")[0]) if WHOLE.fullmatch(text) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if abs(value) < 2**63 and value == int(value) else None


def any_number(value: object) -> float | None:
    """Return a value, or a text that is one, as a number, a whole one as such; None if it is none.

    A text with a fraction is a number in its shortest form alone: 1.10 may be a version's name.
    """
    if (whole := whole_number(value)) is not None:
        return whole
    text = value.strip() if isinstance(value, str) else repr(value)
    if not DECIMAL.fullmatch(text) or repr(float(text)) != text:
        return None
    return float(text)


def class_ids(
    values: Sequence[object], task: TaskSpec, where: str, *, names: Sequence[str] | None = None
) -> list[int]:
    """Return a column of labels as the task's class ids.

    Args:
        values: names, or ids: the data's own where they have names, else the task's.
        where: the split, for messages.
        names: the data's class names, by their id.

    Raises:
        UserError: if a label is none of the task's, the data's names are others than the task's, or
            names and ids are mixed.
    """
    own = {plain_name(name): number for number, name in enumerate(task.labels)}
    if names is None and task.own and (found := _by_number(values, task, where)):
        return found
    if names is not None and not _says_nothing(names):
        return _by_names(values, task, where, names, own)
    meant = _each(values, lambda value: _meant(value, own))
    by_name, by_id = ([pair[kind] for pair in meant] for kind in (0, 1))
    named = [number for number in by_name if number is not None]
    ids = [number for number in by_id if number is not None]
    if len(named) == len(ids) == len(values) and named != ids:
        raise UserError(
            f"{where}: labels are names of classes and ids of others; known:"
            f" {numbered(task.labels)}; give the classes names that are no numbers, in the data and"
            " in the task's record"
        )
    for found in (named, ids):
        if len(found) == len(values):
            return found
    raise _unknown(values, task, where, meant)


def _by_number(values: Sequence[object], task: TaskSpec, where: str) -> list[int] | None:
    """Return class ids where all classes of a task of the config are called by numbers, as stars
    are: there a number is a name, in whatever form a file has it. None where they are not.
    """
    own = {any_number(name): number for number, name in enumerate(task.labels)}
    if None in own or len(own) < len(task.labels):
        return None
    found = [own.get(number) for number in _each(values, any_number)]
    numbers = [number for number in found if number is not None]
    if len(numbers) < len(found):
        row = found.index(None)
        raise UserError(
            f"{where}: unknown label {values[row]!r:.60} in row {row}; known:"
            f" {', '.join(task.labels)}"
        )
    return numbers


def names_of(values: Sequence[object], where: str, labels_setting: str) -> tuple[str, ...]:
    """Return the classes that a column of labels has, by number where all are, else by alphabet.

    Args:
        labels_setting: what says the classes instead.

    Raises:
        UserError: if a label is missing, empty, or several.
    """
    found: dict[str, str] = {}
    for row, value in enumerate(values):
        if isinstance(value, Sized) and not isinstance(value, str | bytes):
            raise UserError(
                f"{where}: label {str(value)!r:.60} in row {row} is no single value; every row has"
                " one class"
            )
        number = any_number(value)
        name = str(value).strip() if number is None else str(number)
        if value is None or value != value or not plain_name(name):
            raise UserError(f"{where}: empty label in row {row}; every row needs one")
        if plain_name(name) in MISSING:
            raise UserError(
                f"{where}: label {name!r} in row {row} is how a missing one is written; every row"
                f" needs one; where it is a class, set {labels_setting}"
            )
        found.setdefault(plain_name(name), name)
    numbers = {name: number for name in found.values() if (number := any_number(name)) is not None}
    if len(numbers) == len(found):
        return tuple(sorted(numbers, key=numbers.__getitem__))
    return tuple(sorted(found.values()))


def _each(values: Sequence[object], function: Callable[[object], Found]) -> list[Found]:
    """Return what a function says of each value; of equal ones it is asked once."""
    said: dict[tuple[type, str], Found] = {}
    for value in values:
        key = (type(value), str(value))  # True is not 1 here, and a list may be a value
        if key not in said:
            said[key] = function(value)
    return [said[type(value), str(value)] for value in values]


def _meant(value: object, own: Mapping[str, int]) -> tuple[int | None, int | None]:
    """Return which class a label is as a name, and as an id."""
    number = whole_number(value)
    if number is not None and not 0 <= number < len(own):
        number = None
    return (None if value is None else own.get(plain_name(value))), number


def _by_names(
    values: Sequence[object],
    task: TaskSpec,
    where: str,
    names: Sequence[str],
    own: Mapping[str, int],
) -> list[int]:
    """Return class ids by the data's own names."""
    theirs = {plain_name(name): number for number, name in enumerate(names)}

    def named(value: object) -> str | None:
        text = theirs.get(plain_name(value)) if isinstance(value, str) else None
        number = whole_number(value) if text is None else text
        return names[number] if number is not None and 0 <= number < len(names) else None

    found = _each(values, named)
    numbers = []
    for row, (value, name) in enumerate(zip(values, found, strict=True)):
        if name is None:
            raise UserError(
                f"{where}: unknown label {value!r:.60} in row {row}; the data's own are"
                f" {numbered(names)}"
            )
        number = own.get(plain_name(name))
        if number is None:
            raise UserError(
                f"{where}: label {name!r} in row {row} is none of the task's: the data's labels are"
                f" {numbered(names)}; the task's are {numbered(task.labels)}; name them alike, in"
                " the data or in the task's record"
            )
        numbers.append(number)
    return numbers


def _says_nothing(names: Sequence[str]) -> bool:
    """Return whether class names are their own ids."""
    return [str(name).strip() for name in names] == [str(number) for number in range(len(names))]


def _unknown(
    values: Sequence[object],
    task: TaskSpec,
    where: str,
    meant: Sequence[tuple[int | None, int | None]],
) -> UserError:
    """Return the error for labels that are neither all names nor all ids."""
    for row, (value, pair) in enumerate(zip(values, meant, strict=True)):
        if pair == (None, None):
            return UserError(
                f"{where}: unknown label {value!r:.60} in row {row}; known: {numbered(task.labels)}"
            )
    name = next(value for value, pair in zip(values, meant, strict=True) if pair[1] is None)
    number = next(value for value, pair in zip(values, meant, strict=True) if pair[0] is None)
    return UserError(
        f"{where}: labels are names in some rows and ids in others ({name!r}, {number!r}); write"
        f" all of one kind; known: {numbered(task.labels)}"
    )


def numbered(names: Sequence[str]) -> str:
    """Return class names with their ids, for messages."""
    told = [f"{number} ({name})" for number, name in enumerate(names[:MOST_NAMES])]
    return ", ".join([*told, "..."] if len(names) > MOST_NAMES else told)
