"""The errors a user can cause. Each carries one line: the bad value, the allowed ones, the setting
to change.
"""

from collections.abc import Iterable


class UserError(Exception):
    """A mistake in config, data, weights or command line; its message is all that the user needs to
    see. It is one line, whatever names and values it repeats.
    """

    def __init__(self, message: str):
        # What it repeats may hold halves of UTF-16's pairs, which no stream prints.
        printable = message.encode(errors="backslashreplace").decode()
        super().__init__(" ".join(printable.splitlines()))


class Diverged(UserError):
    """A training whose loss stopped being a finite number."""


def unknown(kind: str, name: object, known: Iterable[object], *, setting: str) -> UserError:
    """Return the error for a name outside a closed list, with the nearest known name first."""
    import difflib

    names = sorted(str(k) for k in known)
    close = difflib.get_close_matches(str(name), names, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    return UserError(f"unknown {kind} {name!r}{hint}; known: {', '.join(names)}; set by {setting}")


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, or its type's name."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
