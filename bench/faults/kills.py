"""SIGKILL at a random moment, then the same command again: the same bytes as unbroken, and nothing left behind."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from faults.case import Case
from faults.command import Ended, run
from faults.content import content, difference

TREE, CORPUS, RUN, STUDENT, MADE, SCORE = "tree", "corpus", "flow", "student", "made", "score"
TINY_FLOW = ["--set", "widths=16,32", "embedding=32", "components=8", "steps=4"]
TINY_GAN = ["--set", "width=32", "embedding=32", "discriminator_width=16"]
TRAIN = ["--corpus", CORPUS, "--steps", "24", "--batch-size", "8", "--checkpoint-every", "4"]
STUDY = ["--seeds", "1", "--steps", "8", "--batch-size", "8", "--workers", "1"]

COMMANDS: dict[str, tuple[int, list[str]]] = {
    "prepare composed": (4, ["prepare", "composed", "--clips", "32", "--folds", "2", "--workers", "1"]),
    "prepare folder": (
        8,
        ["prepare", f"folder:{TREE}", "--front-end", "tiny", "--folds", "2", "--keep-audio", "--workers", "1"],
    ),
    "train baseline": (6, ["train", "baseline", "--corpus", CORPUS]),
    "train student": (3, ["train", "student", *TRAIN, "--set", "width=8"]),
    "train flow": (3, ["train", "flow", *TRAIN, *TINY_FLOW]),
    "train gan": (3, ["train", "gan", *TRAIN, *TINY_GAN]),
    "generate": (8, ["generate", "--model", RUN, "--n", "24", "--emotions", "matched", "--audio", "--workers", "1"]),
    "score": (1, ["score", CORPUS, MADE, "--workers", "1"]),
    "compare": (1, ["compare", "--corpus", CORPUS, "--models", RUN, "--arms", "real", "flow", *STUDY]),
    "audit": (2, ["audit", CORPUS, "--only", "structure", "--quick", "--workers", "1"]),
    "report": (6, ["report", SCORE]),
}
"""How often each is drawn, and the command without ``--out``; cheap ones are drawn more often."""


@dataclass(frozen=True)
class Whole:
    """A command that nobody interrupted."""

    seconds: float
    content: dict[str, str]
    unstable: frozenset[str]
    """Files whose bytes differ between two unbroken runs: they hold the time or a path."""


def prepare(folder: Path) -> None:
    """Make what the commands read, once."""
    for name, command in {
        CORPUS: ["prepare", "composed", "--clips", "96", "--folds", "2", "--keep-audio", "--workers", "1"],
        RUN: ["train", "flow", *TRAIN, *TINY_FLOW],
        STUDENT: ["train", "student", *TRAIN, "--set", "width=8"],
        MADE: ["generate", "--model", RUN, "--n", "48", "--emotions", "matched", "--workers", "1"],
        SCORE: ["score", CORPUS, MADE, "--workers", "1"],
    }.items():
        if not (folder / name).exists():
            _done(run([*command, "--out", f"{name}.part"], folder, limit=600), command)
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


def _done(ended: Ended, command: list[str]) -> None:
    if ended.code != 0:
        raise SystemExit(f"affetti {' '.join(command)} failed unbroken:\n{ended.err}")


def _out(kind: str, name: str) -> list[str]:
    return ["--out", f"{name}/page.html" if kind == "report" else name]


@cache
def whole(kind: str, folder: Path) -> Whole:
    """Run a command twice without interruption."""
    command = COMMANDS[kind][1]
    made: list[dict[str, str]] = []
    seconds = 0.0
    for number in range(2):
        out = folder / "whole" / f"{kind.replace(' ', '-')}-{number}"
        shutil.rmtree(out, ignore_errors=True)
        out.parent.mkdir(exist_ok=True)
        if kind == "report":
            out.mkdir()
        ended = run([*command, *_out(kind, str(out))], folder, limit=600)
        _done(ended, command)
        made.append(content(out))
        seconds = ended.seconds
    unstable = frozenset(name for name in made[0] if made[0][name] != made[1].get(name))
    return Whole(seconds, made[0], unstable)


def case(seed: int, folder: Path) -> Case:
    """Kill one command, one to three times, and let it end."""
    rng = random.Random(seed)
    kind = rng.choices(list(COMMANDS), [weight for weight, _ in COMMANDS.values()])[0]
    unbroken = whole(kind, folder)
    out = folder / f"killed-{seed}"
    shutil.rmtree(out, ignore_errors=True)
    if kind == "report":
        out.mkdir()
    command = [*COMMANDS[kind][1], *_out(kind, str(out))]
    for _ in range(rng.choice([1, 1, 2, 3])):
        run(command, folder, kill_after=rng.uniform(0.0, 1.05 * unbroken.seconds))
    ended = run(command, folder, limit=60 + 20 * unbroken.seconds)
    fault = ended.fault or (None if ended.code == 0 else f"exit {ended.code}: {ended.err.strip()[-200:]}")
    fault = fault or difference(unbroken.content, content(out), unbroken.unstable)
    shutil.rmtree(out, ignore_errors=True)
    return Case("kills", kind, seed, fault)
