"""What the command line writes: results to stdout, notes and progress to stderr.

A note or a step of progress that cannot be written (stderr is closed, or the disk that it goes to is full) is dropped:
it must not end the work. A result that cannot be printed is an error, raised after everything has been saved. Letters
that a terminal's encoding lacks are replaced.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import logging
import os
import sys
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, TextIO

from affetti.errors import StorageError, one_line, printable

if TYPE_CHECKING:
    from affetti.api.plan import Plan


class NoteHandler(logging.Handler):
    """Writes what the library logs as notes on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        note(record.getMessage())


class DroppingStream(io.TextIOBase):
    """A text stream that drops what it cannot write."""

    def __init__(self, stream: TextIO | None) -> None:
        self.stream = stream

    def write(self, text: str, /) -> int:
        """Write ``text``, or drop it."""
        # RuntimeError: a signal handler interrupted a write to the same stream.
        with contextlib.suppress(RuntimeError):
            if self.stream is not None:
                try:
                    self.stream.write(text)
                    self.stream.flush()
                except (OSError, ValueError):
                    _discard(self.stream)
        return len(text)

    def flush(self) -> None:
        """Every write is flushed."""

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self.stream is not None and not self.stream.closed and self.stream.isatty()

    def fileno(self) -> int:
        """File descriptor of the stream beneath."""
        if self.stream is None:
            raise io.UnsupportedOperation("fileno")
        return self.stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Encoding of the stream beneath."""
        return getattr(self.stream, "encoding", None) or "utf-8"


class ClosedStream(io.TextIOBase):
    """Replaces a closed stdout: Python would set it to None, and print nothing without an error."""

    def write(self, _text: str, /) -> int:
        """Raise :class:`OSError`."""
        raise OSError(errno.EBADF, "it is closed")


def prepare_streams() -> None:
    """Make the standard streams safe to write to; called once, before anything is written or opened.

    A file that is opened while a standard stream is closed would get its number, and with it whatever a library
    writes to that stream.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
    if sys.stdout is None:  # type: ignore[reportUnnecessaryComparison] - the interpreter's doing
        sys.stdout = ClosedStream()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and not _is_utf8(stream):
            stream.reconfigure(errors="replace")
    logger = logging.getLogger("affetti")
    if not any(isinstance(handler, NoteHandler) for handler in logger.handlers):
        logger.addHandler(NoteHandler())


def print_result(document: Any, as_json: bool, text: str) -> None:
    """Print a result to stdout: the document as JSON, or the text for people.

    Raises:
        StorageError: stdout is closed, or cannot be written.
        BrokenPipeError: the program that read stdout has ended.
    """
    if as_json:
        text = json.dumps(document, indent=2, ensure_ascii=not _is_utf8(sys.stdout), allow_nan=False, default=str)
    print_text(text)


def print_plan(plan: Plan, as_json: bool) -> None:
    """Print what ``--dry-run`` says; errors are those of :func:`print_result`."""
    print_result(plan.to_dict(), as_json, plan.plan)


def print_text(text: str) -> None:
    """Print lines to stdout; errors are those of :func:`print_result`."""
    with printing():
        print(printable(text), flush=True)


@contextlib.contextmanager
def printing() -> Generator[None]:
    """Turn what goes wrong while the block writes to stdout into the errors of :func:`print_result`."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        _discard(sys.stdout)
        raise StorageError(
            f"the result cannot be printed ({error.strerror or error})",
            where="stdout",
            hint="what was written with --out is complete; print to a terminal, or to a disk with free space",
        ) from error


def note(line: str) -> None:
    """Print a line to stderr, or drop it where that is not possible."""
    DroppingStream(sys.stderr).write(f"{one_line(line)}\n")


def _is_utf8(stream: TextIO | None) -> bool:
    return (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "") == "utf8"


def _discard(stream: TextIO) -> None:
    """Drop what is still written to ``stream``: Python flushes it once more at exit."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
