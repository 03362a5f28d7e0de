"""The errors affetti raises.

All derive from :class:`AffettiError`, so that a caller can catch them at once, and from the built-in exception they
resemble. Every message says what is wrong (with the value), where it is and what to do next, on one line.

Example:
    >>> str(InputError("label 12 lies outside [1, 9]", where="labels.csv", hint="correct it"))
    'labels.csv: label 12 lies outside [1, 9]. Correct it'
"""

from __future__ import annotations

import re
from pathlib import Path

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters but line feed and tab; and those that reverse the direction of what follows."""
LONGEST = 400
"""Characters of a description that are shown; the middle of a longer one is left out."""
LINE_BREAKS = re.compile("[\t\n\u2028\u2029]")


class AffettiError(Exception):
    """An error that the user can correct.

    Args:
        what: what is wrong, with the offending value.
        where: the file, column, row or parameter concerned.
        hint: the next step, as an instruction.
    """

    def __init__(self, what: str, *, where: str | Path | None = None, hint: str | None = None) -> None:
        self.what = what
        self.where = None if where is None else str(where)
        self.hint = hint
        super().__init__(str(self))

    def __str__(self) -> str:
        line = printable(" ".join(self.what.split()))  # a library's message may span lines
        if len(line) > LONGEST:  # it quotes a value of thousands of characters
            line = f"{line[: LONGEST - 100]} … {line[-97:]}"
        if self.where is not None:
            line = f"{one_line(self.where)}: {line}"
        if self.hint:
            hint = " ".join(self.hint.split())
            line = f"{line}. {hint[:1].upper()}{hint[1:]}"
        return printable(line)

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments would be lost when a worker process sends the error to its parent.
        return (_rebuild, (type(self), self.what, self.where, self.hint))


def first_line(error: BaseException) -> str:
    r"""What an error of another library says, without what follows its first line; its type where it says nothing.

    Example:
        >>> first_line(OSError("404 Client Error\nmore")), first_line(KeyError())
        ('404 Client Error', 'KeyError')
    """
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def printable(text: str) -> str:
    r"""``text`` as a terminal may show it: what is not UTF-8, and control characters, are shown as escapes.

    The name of a file may hold what clears the screen of a terminal. Line feeds and tabs stay. The escapes are those
    of JSON.

    Example:
        >>> print(printable("song\x1b[2J.wav"))
        song\u001b[2J.wav
    """
    text = text.encode("utf-8", "backslashreplace").decode()
    return CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def one_line(text: str) -> str:
    r"""``text``, such as a path, as part of one line: :func:`printable`, with ends of lines and tabs as escapes too.

    Example:
        >>> print(one_line("first\nsecond.wav"))
        first\nsecond.wav
    """
    return LINE_BREAKS.sub(lambda match: repr(match[0])[1:-1], printable(text))


def _rebuild(kind: type[AffettiError], what: str, where: str | None, hint: str | None) -> AffettiError:
    return kind(what, where=where, hint=hint)


class InputError(AffettiError, ValueError):
    """Data that cannot be used: a broken file, a label outside its scale, an array of the wrong shape."""


class UsageError(AffettiError, ValueError):
    """An invalid request: an unknown preset, flags that contradict each other."""


class MismatchError(AffettiError, ValueError):
    """Two things that do not belong together: front-ends, versions, folds."""


class StorageError(AffettiError, OSError):
    """A folder that cannot be read or written: disk full, file cut short, work of another run in the way."""


class TrainingError(AffettiError, RuntimeError):
    """Training that cannot continue, such as a loss that is not a number."""


class WorkerError(AffettiError, RuntimeError):
    """A worker process that died: killed from outside, or out of memory."""


class MissingDependencyError(AffettiError, ImportError):
    """An optional package or file is absent; the hint gives the command that installs it."""
