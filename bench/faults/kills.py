"""SIGKILL, then the same command again: the same bytes as unbroken, and nothing left behind.

Half of the kills come at a random moment, in seconds of processor time. The other half come just before a change of a
file of the output, drawn from all of them (a file opened to be written, renamed, removed, locked, a folder made): those
moments are short, and what a kill may break lies there.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import random
import shutil
import signal
import struct
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import affetti
from faults.case import Case
from faults.command import Ended, run
from faults.content import content, difference

TREE, CORPUS, RUN, STUDENT, MADE, SCORE = "tree", "corpus", "flow", "student", "made", "score"
TINY_FLOW = ["--set", "widths=16,32", "embedding=32", "components=8", "steps=4"]
TINY_GAN = ["--set", "width=32", "embedding=32", "discriminator_width=16"]
TRAIN = ["--corpus", CORPUS, "--steps", "24", "--batch-size", "8", "--checkpoint-every", "4"]
STUDY = ["--seeds", "1", "--steps", "8", "--batch-size", "8", "--workers", "1"]
OUT = "{out}"
SONG = "composed-00000-00"

COMMANDS: dict[str, tuple[int, list[str]]] = {
    "prepare composed": (4, ["prepare", "composed", "--clips", "32", "--folds", "2", "--workers", "1", "--out", OUT]),
    "prepare folder": (
        8,
        ["prepare", f"folder:{TREE}", "--folds", "2", "--keep-audio", "--workers", "1", "--out", OUT],
    ),
    "train baseline": (6, ["train", "baseline", "--corpus", CORPUS, "--out", OUT]),
    "train student": (3, ["train", "student", *TRAIN, "--set", "width=8", "--out", OUT]),
    "train flow": (3, ["train", "flow", *TRAIN, *TINY_FLOW, "--out", OUT]),
    "train gan": (3, ["train", "gan", *TRAIN, *TINY_GAN, "--out", OUT]),
    "generate": (
        8,
        ["generate", "--model", RUN, "--n", "24", "--emotions", "matched", "--audio", "--workers", "1", "--out", OUT],
    ),
    "score": (1, ["score", CORPUS, MADE, "--workers", "1", "--out", OUT]),
    "compare": (1, ["compare", "--corpus", CORPUS, "--models", RUN, "--arms", "real", "flow", *STUDY, "--out", OUT]),
    "audit": (2, ["audit", CORPUS, "--only", "structure", "--quick", "--workers", "1", "--out", OUT]),
    "report": (6, ["report", SCORE, "--out", f"{OUT}/page.html"]),
    "predict": (6, ["predict", f"{TREE}/{SONG}.flac", "--csv", f"{OUT}/a.csv", "--curve-csv", f"{OUT}/b.csv"]),
}
"""How often each is drawn, and the command; cheap ones are drawn more often."""
NEEDS_FOLDER = ("report", "predict")
"""Commands that write files into a folder that is there."""
CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod")
"""Events of Python's audit that change a file; besides ``open`` to write."""


@dataclass(frozen=True)
class Whole:
    """A command that nobody interrupted."""

    seconds: float
    """Processor time."""
    changes: int
    """Changes of files of the output, see :func:`_counting`."""
    content: dict[str, str]
    unstable: list[str]
    """Files whose bytes differ between two unbroken runs: they hold the time or a path."""


def command(kind: str, out: Path) -> list[str]:
    """The command that writes into ``out``."""
    return [part.replace(OUT, str(out)) for part in COMMANDS[kind][1]]


def prepare(folder: Path) -> None:
    """Make what the commands read, once."""
    for name, arguments in {
        CORPUS: ["prepare", "composed", "--clips", "96", "--folds", "2", "--keep-audio", "--workers", "1"],
        RUN: ["train", "flow", *TRAIN, *TINY_FLOW],
        STUDENT: ["train", "student", *TRAIN, "--set", "width=8"],
        MADE: ["generate", "--model", RUN, "--n", "48", "--emotions", "matched", "--workers", "1"],
        SCORE: ["score", CORPUS, MADE, "--workers", "1"],
    }.items():
        if not (folder / name).exists():
            _done(run([*arguments, "--out", f"{name}.part"], folder, limit=600), arguments)
            (folder / f"{name}.part").rename(folder / name)
    tree = folder / TREE
    if not tree.exists():
        part = folder / f"{TREE}.part"
        part.mkdir(exist_ok=True)
        lines = ["file,valence,arousal"]
        for number, audio in enumerate(sorted((folder / CORPUS / "audio").iterdir())[:16]):
            shutil.copy(audio, part / audio.name)
            lines.append(f"{audio.name},{(number % 4 - 1.5) / 2},{(number // 4 - 1.5) / 2}")
        (part / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        part.rename(tree)


def _done(ended: Ended, arguments: list[str]) -> None:
    if ended.code != 0:
        raise SystemExit(f"affetti {' '.join(arguments)} failed unbroken:\n{ended.err}")


@cache
def whole(kind: str, folder: Path) -> Whole:
    """Run a command twice without interruption; what it wrote is remembered while affetti's files stay the same."""
    file = folder / "whole" / f"{kind.replace(' ', '-')}-{_version()}.json"
    if file.exists():
        return Whole(**json.loads(file.read_text(encoding="utf-8")))
    file.parent.mkdir(exist_ok=True)
    made: list[dict[str, str]] = []
    seconds, changes = 0.0, _Counter()
    for number in range(2):
        out = folder / "whole" / f"{kind.replace(' ', '-')}-{number}"
        shutil.rmtree(out, ignore_errors=True)
        if kind in NEEDS_FOLDER:
            out.mkdir()
        changes = _Counter()
        ended = run(command(kind, out), folder, limit=3600, inside=changes.counting(out))
        _done(ended, command(kind, out))
        made.append(content(out))
        seconds = ended.processor_seconds
        shutil.rmtree(out)
    unstable = [name for name in made[0] if made[0][name] != made[1].get(name)]
    unbroken = Whole(seconds, changes.number, made[0], unstable)
    file.write_text(json.dumps(asdict(unbroken)), encoding="utf-8")
    return unbroken


@cache
def _version() -> str:
    """Of affetti's files, and of the commands."""
    times = sorted((str(path), path.stat().st_mtime_ns) for path in Path(affetti.__path__[0]).rglob("*.py"))
    return hashlib.sha256(repr((times, COMMANDS)).encode()).hexdigest()[:12]


class _Counter:
    """Counts changes of files in a process that is forked from this one, which can read the number."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 8)

    @property
    def number(self) -> int:
        """Changes so far."""
        return int(struct.unpack("<q", self._shared[:8])[0])

    def counting(self, out: Path, die_at: int | None = None) -> Callable[[], None]:
        """What the new process does first: count changes below ``out``, and die just before that of a number."""
        place = str(out)

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            if event == "open":
                flags = arguments[2]
                writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
                changes = bool(writes) and place in str(arguments[0])
            else:
                changes = event in CHANGES and place in str(arguments[:2])
            if changes:
                number = self.number + 1
                self._shared[:8] = struct.pack("<q", number)
                if number == die_at:
                    os.kill(os.getpid(), signal.SIGKILL)

        return lambda: sys.addaudithook(hook)


def case(seed: int, folder: Path) -> Case:
    """Kill one command, one to three times, and let it end."""
    rng = random.Random(seed)
    kind = rng.choices(list(COMMANDS), [weight for weight, _ in COMMANDS.values()])[0]
    unbroken = whole(kind, folder)
    out = folder / f"killed-{seed}"
    shutil.rmtree(out, ignore_errors=True)
    if kind in NEEDS_FOLDER:
        out.mkdir()
    arguments = command(kind, out)
    killed = 0
    for _ in range(rng.choice([1, 1, 2, 3])):
        if rng.random() < 0.5:
            ended = run(arguments, folder, limit=3600, kill_after=rng.uniform(0.0, 1.05 * unbroken.seconds))
        else:
            dying = _Counter().counting(out, die_at=rng.randint(1, max(unbroken.changes, 1)))
            ended = run(arguments, folder, limit=3600, inside=dying)
        killed += ended.code == -signal.SIGKILL
    ended = run(arguments, folder, limit=3600, processor_limit=int(60 + 5 * unbroken.seconds))
    fault = ended.fault or (None if ended.code == 0 else f"exit {ended.code}: {ended.err.strip()[-200:]}")
    fault = fault or difference(unbroken.content, content(out), frozenset(unbroken.unstable))
    shutil.rmtree(out, ignore_errors=True)
    return Case("kills", kind, seed, fault, tries=killed)
