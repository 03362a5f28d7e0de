"""Reruns one row of the filed results from nothing, and says whether it holds.

**Tolerance.** The same commands gave CCC within .004 on another machine: processors add floats in another order, and
training amplifies the last bit over hundreds of updates. A value may therefore differ by .004. A difference is one of
two values, and may differ by .008. On the same machine and thread count a row comes out to the last digit. A row that
another version made is compared too, but where it does not hold, the change may be that of the version.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from affetti.corpus import Corpus
from affetti.errors import InputError, UsageError
from affetti.studies.augmentation.arms import BEST, PLAIN, PLAIN_REFERENCE, parse_arm
from affetti.studies.augmentation.results import StudyResult
from affetti.training.registry import GENERATORS
from edition import Step
from edition_run import run_step
from result_file import Row, Table

TOLERANCE = 0.004
"""Of a value."""
ROUNDING = 0.0005
"""Filed values have three digits."""
HOURS = 12.0
OLD = "0.1"
"""The version whose arms had no recipe: they are the ``plain-`` arms of today."""


@dataclass(frozen=True)
class Checked:
    """A row as filed, and as it came out again."""

    filed: Row
    value: float
    difference: float

    @property
    def holds(self) -> bool:
        """Whether both are within the tolerance."""
        near = abs(self.value - self.filed.value) <= TOLERANCE + ROUNDING
        return near and abs(self.difference - self.filed.difference) <= 2 * TOLERANCE + ROUNDING

    def describe(self, table: Table, corpus_hash: str) -> str:
        """What came out, and whether it holds."""
        called = "CCC" if table.measure == "ccc" else "the share in the right quadrant"
        first = (
            f"{self.filed.arm} of {table.id}: {called} {self.value:.3f}, filed {self.filed.value:.3f} "
            f"(tolerance {TOLERANCE}); difference {self.difference:+.3f}, filed {self.filed.difference:+.3f} "
            f"(tolerance {2 * TOLERANCE}): {'holds' if self.holds else 'does not hold'}"
        )
        lines = [first]
        now = version("affetti")
        if now != table.version:
            lines.append(f"filed by version {table.version}, rerun by {now}")
        if table.corpus_hash is None:
            lines.append(f"the corpus then was not recorded; now its hash is {corpus_hash}")
        elif table.corpus_hash != corpus_hash:
            lines.append(f"the corpus differs: hash {corpus_hash}, filed {table.corpus_hash}")
        return "\n".join(lines)


def check_row(table: Table, arm: str, work: Path, sources: dict[str, str]) -> tuple[Checked, str]:
    """Rerun an arm of a table in the folder ``work``; what came out, and the hash of the corpus.

    Args:
        table: of the filed results.
        arm: the row.
        work: a new folder, or that of a check which was interrupted.
        sources: for each data set, such as ``vgmidi``, its folder.

    Raises:
        UsageError: the table has no such row.
        InputError: a command failed.
    """
    try:
        filed = table.row(arm)
    except KeyError:
        hint = f"choose from {', '.join(row.arm for row in table.rows)}"
        raise UsageError(f"{table.id} has no row {arm!r}", where="--check", hint=hint) from None
    work.mkdir(parents=True, exist_ok=True)
    (work / "logs").mkdir(exist_ok=True)
    commands = check_commands(table, arm, sources)
    for number, command in enumerate(commands, 1):
        print(f"{number} of {len(commands)}: {command}", flush=True)
        step = Step(f"check-{number}", "check", command, 0.0)
        code, last = run_step(step, work, HOURS * 3_600)
        if code:
            raise InputError(f"exit code {code}: {last}", where=command, hint="see logs/, and call the check again")
    made = [shlex.split(command) for command in commands]
    result = StudyResult.open(work / after(made[-1], "--out")[0])
    corpus = Corpus.open(work / after(made[0], "--out")[0])
    return Checked(filed, *_measured(result, table, arm)), corpus.hash


def _measured(result: StudyResult, table: Table, arm: str) -> tuple[float, float]:
    """The value of an arm, and its difference from the reference."""
    name = present_name(table, arm)
    row = result.arm(name)
    value = row.ccc if table.measure == "ccc" else row.accuracy or 0.0
    if name in ("real", PLAIN_REFERENCE) or not name.startswith(PLAIN):
        return value, row.delta if name != PLAIN_REFERENCE else 0.0
    pairs = {(contrast.arm, contrast.reference): contrast.delta for contrast in result.contrasts}
    return value, pairs[name, PLAIN_REFERENCE]


def present_name(table: Table, arm: str) -> str:
    """The name that an arm of a table has today.

    Raises:
        UsageError: it has none.
    """
    if table.version == OLD and arm == BEST:
        what, hint = (
            f"{BEST} of version {OLD} was chosen among arms of that version",
            "check the arm that it stands for",
        )
        raise UsageError(what, where="--check", hint=hint)
    return f"{PLAIN}{arm}" if table.version == OLD else arm


def check_commands(table: Table, arm: str, sources: dict[str, str]) -> list[str]:
    """The commands that make one row again: those of the table, without what other rows need."""
    name = present_name(table, arm)
    synthetic = parse_arm(name, 1.0).synthetic
    kind = synthetic.kind if synthetic is not None and synthetic.kind in GENERATORS else None
    needs_models = kind is not None or name == BEST
    kept: list[str] = []
    for command in table.commands:
        words = [_source(word, sources) for word in shlex.split(command)]
        if words[1] == "train" and words[2] != kind and name != BEST:
            continue
        if words[1] == "compare":
            for flag in ("--contrast", "--published-protocol", *(() if needs_models else ("--models",))):
                words = without(words, flag)
            if name != BEST:  # which is chosen among all arms
                words = without(words, "--arms")
                words += [] if name == "real" else ["--arms", name]
            if table.version == OLD and kind:
                words += ["--generator-runs", "1"]
        kept.append(shlex.join(words))
    return kept


def _source(word: str, sources: dict[str, str]) -> str:
    name, colon, _ = word.partition(":")
    return f"{name}:{sources[name]}" if colon and name in sources else word


def after(words: list[str], flag: str) -> list[str]:
    """The values of a flag."""
    values: list[str] = []
    for word in words[words.index(flag) + 1 :]:
        if word.startswith("--"):
            break
        values.append(word)
    return values


def without(words: list[str], flag: str) -> list[str]:
    """The command without a flag and its values, wherever it stands."""
    kept: list[str] = []
    dropped = False
    for word in words:
        if word.startswith("--"):
            dropped = word == flag
        if not dropped:
            kept.append(word)
    return kept
