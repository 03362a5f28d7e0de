"""Runs the steps of the edition, in pieces of limited time; each goes on where the last one stopped.

A step that a piece ends in the middle is interrupted as by Ctrl-C, saves what it has, and resumes in the next piece. A
step that fails is tried again in the next piece; steps that read what it would have made wait for it, all others are
run. ``edition.json`` in the folder of the edition says what is done, ``logs/`` holds what each step printed.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from signal import SIGINT

from affetti.errors import UsageError
from affetti.results import BaseResult
from affetti.storage import read_json, write_json
from edition import Step

STATE = "edition.json"
SAVING = 300.0
"""Seconds that an interrupted step may take to save what it has."""
INTERRUPTED = 130


@dataclass(frozen=True)
class Done(BaseResult):
    """A step that has ended well."""

    command: str
    version: str
    seconds: float
    """In all pieces."""


@dataclass(frozen=True)
class State(BaseResult):
    """What of an edition is done."""

    reduced: bool
    done: dict[str, Done] = field(default_factory=dict[str, Done])
    begun: dict[str, float] = field(default_factory=dict[str, float])
    """Seconds that steps have taken which are not done."""
    failed: dict[str, str] = field(default_factory=dict[str, str])
    """The last line that a step printed which failed."""

    @classmethod
    def read(cls, work: Path, reduced: bool) -> State:
        """The state of the edition in ``work``.

        Raises:
            UsageError: it is of the other size.
        """
        if not (work / STATE).exists():
            return cls(reduced)
        state = cls.from_dict(read_json(work / STATE), work / STATE)
        if state.reduced != reduced:
            size = "reduced" if state.reduced else "full"
            raise UsageError(f"holds an edition of {size} size", where=work, hint="give another folder")
        return state

    def write(self, work: Path) -> None:
        """File it."""
        write_json(work / STATE, self.to_dict())


def require_same_commands(steps: Sequence[Step], state: State, work: Path) -> None:
    """Refuse to go on with other commands than those that were run.

    Raises:
        UsageError: names the step.
    """
    for step in steps:
        done = state.done.get(step.name)
        if done is not None and done.command != step.command:
            what = f"{step.name} was run as {done.command!r}, and is now {step.command!r}"
            raise UsageError(what, where=work, hint="give a new folder, or the data sets that it was run with")


def run_piece(steps: Sequence[Step], work: Path, seconds: float, *, reduced: bool) -> State:
    """Run steps that are not done, in order, for so many seconds; the state after that.

    Raises:
        UsageError: the folder holds an edition of another size or of other commands.
    """
    (work / "logs").mkdir(parents=True, exist_ok=True)
    state = replace(State.read(work, reduced), failed={})
    require_same_commands(steps, state, work)
    ends = time.monotonic() + seconds
    for step in steps:
        left = ends - time.monotonic()
        if left <= 0:
            break
        missing = [path for path in step.inputs if not (work / path).exists()]
        if step.name in state.done:
            continue
        if missing:
            print(f"{step.name}: waits for {missing[0]}", flush=True)
            continue
        print(f"{step.name}: {step.command}", flush=True)
        began = time.monotonic()
        code, last = run_step(step, work, left)
        took = state.begun.get(step.name, 0.0) + time.monotonic() - began
        begun = {name: its for name, its in state.begun.items() if name != step.name}
        if code == 0:
            done = Done(step.command, version("affetti"), round(took, 1))
            state = replace(state, done={**state.done, step.name: done}, begun=begun)
        else:
            state = replace(state, begun={**begun, step.name: round(took, 1)})
        if code not in (0, INTERRUPTED):
            state = replace(state, failed={**state.failed, step.name: last})
            print(f"{step.name}: exit code {code}: {last}", flush=True)
        state.write(work)
        if code == INTERRUPTED:
            break
    return state


def run_step(step: Step, work: Path, seconds: float) -> tuple[int, str]:
    """Run a step for at most so many seconds; its exit code, 130 where it was interrupted, and its last line."""
    log = work / "logs" / f"{step.name}.txt"
    with log.open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "affetti", *step.arguments], cwd=work, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            code = child.wait(seconds)
        except subprocess.TimeoutExpired:
            stop(child)
            code = INTERRUPTED if child.returncode != 0 else 0
        except KeyboardInterrupt:
            stop(child)
            raise
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return code, next((line.strip() for line in reversed(lines) if line.strip()), "")


def stop(child: subprocess.Popen[bytes]) -> None:
    """End a step as Ctrl-C does, or at once where it does not end in time."""
    child.send_signal(SIGINT)
    try:
        child.wait(SAVING)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
