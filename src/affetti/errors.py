"""The errors affetti raises.

All derive from :class:`AffettiError`, so that a caller can catch them at once, and from the built-in exception they
resemble. Every message says what is wrong (with the value), where it is and what to do next, on one line.

Example:
    >>> str(InputError("label 12 lies outside [1, 9]", where="labels.csv", hint="correct it"))
    'labels.csv: label 12 lies outside [1, 9]. Correct it'
"""

from __future__ import annotations

from pathlib import Path


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
        line = self.what if self.where is None else f"{self.where}: {self.what}"
        if self.hint:
            line = f"{line}. {self.hint[0].upper()}{self.hint[1:]}"
        return printable(" ".join(line.split()))  # a library's message may span lines

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
    """``text`` as valid UTF-8: bytes of a file name that are not text are shown as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


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
