"""``affetti VERB …``: finds the verb, runs it, and turns its end into an exit code.

0 done; 2 bad usage or bad input, with one line on stderr; 130 interrupted, after saving; 143 the same by
SIGTERM. Each verb's module is imported only when it is called, so that ``--help`` costs nothing.
"""

from __future__ import annotations

import difflib
import os
import signal
import sys
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from importlib import import_module

from affetti.cli.output import note, prepare_streams, print_text
from affetti.errors import AffettiError, StorageError, one_line

VERBS = {
    "demo": "run everything on composed music, with no data, network or GPU",
    "serve": "open a page: click on the emotion plane and hear, drop a song and see",
    "prepare": "make a corpus of spectrograms from labelled music",
    "train": "train a generator or a regressor on one fold of a corpus",
    "generate": "generate a synthetic corpus for emotions of your choice",
    "score": "score a synthetic set against real music",
    "predict": "predict valence and arousal of recordings",
    "export": "write a regressor as an ONNX file: waveform in, emotion out",
    "compare": "measure whether synthetic data helps: the augmentation study",
    "audit": "measure what a log-mel loses and which published claims hold",
    "listen new": "make a blind listening study of any clips",
    "listen serve": "ask people: serve a listening study, and see how far it is",
    "listen results": "analyse a listening study, or ratings that were collected elsewhere",
    "report": "write one self-contained HTML page",
    "push": "send a run or a corpus to the Hugging Face Hub",
    "runs": "list the corpora, runs, scores and studies below a folder, or compare two",
    "doctor": "report what works here and what is missing",
}

NOT_RESUMABLE = (
    "serve",
    "listen new",
    "listen serve",
    "listen results",
    "score",
    "predict",
    "export",
    "report",
    "push",
    "runs",
    "doctor",
)
"""Verbs that do not resume."""


def usage() -> str:
    """The text of ``affetti --help``."""
    lines = [
        "usage: affetti VERB [options]      affetti VERB --help for one verb's options",
        "",
        "Makes synthetic music data that follows an emotion, measures how good it is,",
        "and whether training on it helps.",
        "",
        *_listed(VERBS),
        "",
        "Begin with: affetti demo",
    ]
    return "\n".join(lines)


def _group_usage(group: str, verbs: list[str]) -> str:
    """The text of ``affetti GROUP --help``, such as ``affetti listen --help``."""
    return "\n".join([f"usage: affetti {group} VERB [options]", "", *_listed(verbs)])


def _listed(verbs: Iterable[str]) -> list[str]:
    """A line for each verb."""
    width = max(map(len, VERBS))
    return [f"  {verb:<{width}}  {VERBS[verb]}" for verb in verbs]


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    prepare_streams()
    if sys.platform == "win32":
        return _refuse("Windows lacks file locks and signals that affetti needs. Run it in WSL 2, which is Linux")
    try:
        return _main(sys.argv[1:] if argv is None else argv)
    except BrokenPipeError:
        # The program that read our output has ended (`affetti … | head`): no error, but Python would flush it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except StorageError as error:
        return _refuse(str(error))


def _main(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print_text(usage())
        return 0
    if arguments[0] in ("-V", "--version"):
        from importlib.metadata import version

        print_text(f"affetti {version('affetti')}")
        return 0
    if " ".join(arguments[:2]) in VERBS:
        verb, rest = " ".join(arguments[:2]), arguments[2:]
    else:
        verb, *rest = arguments
    if verb not in VERBS:
        longer = [other for other in VERBS if other.startswith(f"{verb} ")]
        if longer and rest and rest[0] in ("-h", "--help", "help"):
            print_text(_group_usage(verb, longer))
            return 0
        near = longer or difflib.get_close_matches(verb, VERBS, n=1)
        hint = f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(VERBS)}"
        return _refuse(f"there is no verb {verb!r}. {hint[0].upper()}{hint[1:]}")
    return _run(verb, rest)


def _run(verb: str, arguments: list[str]) -> int:
    # OpenMP threads that spin while they wait make torch many times slower when another program shares the cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        with _sigterm_raises():
            return int(import_module(f"affetti.cli.{verb.replace(' ', '_')}").run(arguments) or 0)
    except AffettiError as error:
        return _refuse(str(error))
    except OSError as error:
        # What the system refuses is no fault of the program where it concerns a path that the user gave.
        if error.filename is None or isinstance(error, BrokenPipeError):
            raise
        path, reason = one_line(str(error.filename)), error.strerror or type(error).__name__
        return _refuse(f"{path}: cannot be used ({reason}). Check the path and its permissions")
    except KeyboardInterrupt as interrupt:
        next_step = "start it again" if verb in NOT_RESUMABLE else "run the same command again to continue"
        note("")  # the terminal shows ^C on the line before
        note(f"affetti {verb}: interrupted; {next_step}")
        return 143 if isinstance(interrupt, _Terminated) else 130


class _Terminated(KeyboardInterrupt):
    """SIGTERM, which ends the work as Ctrl-C does: temporary files are removed, and what can be saved is."""


@contextmanager
def _sigterm_raises() -> Generator[None]:
    """Raise :class:`_Terminated` on SIGTERM unless it is handled already; by default the process would end at once."""
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def terminate(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a second one ends it at once
        raise _Terminated

    signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _refuse(message: str) -> int:
    line = " ".join(message.split())
    note(f"affetti: {line}")
    return 2


if __name__ == "__main__":
    sys.exit(main())
