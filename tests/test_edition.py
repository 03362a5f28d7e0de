"""The edition of the results: its commands are the CLI's, each reads what an earlier one made, and pieces resume."""

from __future__ import annotations

import dataclasses
import re
import shlex
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from affetti.cli.flags import parse
from affetti.errors import UsageError
from affetti.studies.augmentation.arms import parse_arm

BENCH = Path(__file__).parents[1] / "bench"


@pytest.fixture(scope="module", autouse=True)
def bench_modules() -> None:
    """The scripts of bench/ can be imported by name."""
    if str(BENCH) not in sys.path:
        sys.path.append(str(BENCH))


def steps(reduced: bool = False) -> tuple[Any, ...]:
    return import_module("edition").edition(reduced=reduced)


@pytest.mark.parametrize("reduced", [False, True])
def test_every_command_parses_and_reads_what_an_earlier_one_made(reduced: bool) -> None:
    made: set[str] = set()
    parsed: set[str] = set()
    for step in steps(reduced):
        verb, *arguments = step.arguments
        assert set(step.inputs) <= made
        assert step.out not in made
        made.add(step.out)
        shape = re.sub(r"\d+", "0", step.command)
        if shape in parsed:  # another fold, seed or corpus
            continue
        parsed.add(shape)
        flags = parse(import_module(f"affetti.cli.{verb}").Flags, [*arguments, "--dry-run"], verb)
        assert flags.dry_run
        for arm in getattr(flags, "arms", ()):
            assert parse_arm(arm, 1.0).name == arm
        for name in ("corpus", "models", "study"):
            paths = getattr(flags, name, ()) or ()
            for path in (paths,) if isinstance(paths, Path) else paths:
                assert str(path) in made, f"{step.name}: no earlier step makes {path}"
        assert str(flags.out) == step.out
        assert step.seconds > 0
    names = [step.name for step in steps(reduced)]
    assert len(names) == len(set(names))


def test_a_command_that_does_not_parse_is_noticed() -> None:
    flags = import_module("affetti.cli.compare").Flags
    with pytest.raises(UsageError, match="seds"):
        parse(flags, ["--corpus", "c", "--out", "o", "--seds", "3"], "compare")


def test_the_plan_shows_hours_needs_and_every_command() -> None:
    results = import_module("results")
    text = results.plan(steps())
    assert all(step.command in text for step in steps())
    assert "needs weights of a flow that ship with affetti" in text
    assert f"{len(steps())} commands" in text


def a_step(name: str, command: str) -> Any:
    return import_module("edition").Step(name, "corpora", command, 1.0)


def test_pieces_go_on_where_the_last_one_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = import_module("edition_run")
    ran: list[str] = []

    def run_step(step: Any, work: Path, _: float) -> tuple[int, str]:
        """Made whole, but for the first try of ``two``, which the piece ends."""
        ran.append(step.name)
        if step.name == "two" and ran.count("two") == 1:
            return run.INTERRUPTED, ""
        (work / step.out).mkdir(parents=True)
        return 0, ""

    monkeypatch.setattr(run, "run_step", run_step)
    one = a_step("one", "affetti prepare composed --out corpora/one")
    two = a_step("two", "affetti train student --corpus corpora/one --out runs/two")
    three = a_step("three", "affetti prepare composed --out corpora/three")
    every = (one, two, three)
    assert not run.run_piece(every, tmp_path, 0.0, reduced=True).done
    assert set(run.run_piece(every, tmp_path, 600.0, reduced=True).done) == {"one"}
    assert set(run.run_piece(every, tmp_path, 600.0, reduced=True).done) == {"one", "two", "three"}
    assert ran == ["one", "two", "two", "three"]
    with pytest.raises(UsageError, match="holds an edition of reduced size"):
        run.run_piece(every, tmp_path, 600.0, reduced=False)
    changed = a_step("one", "affetti prepare composed --clips 48 --out corpora/one")
    with pytest.raises(UsageError, match="was run as"):
        run.run_piece((changed,), tmp_path, 600.0, reduced=True)


def test_a_step_that_fails_holds_up_only_those_that_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = import_module("edition_run")
    codes = {"one": (2, "no such data set"), "three": (0, "")}
    monkeypatch.setattr(run, "run_step", lambda step, *_: codes[step.name])
    one = a_step("one", "affetti prepare vgmidi:NOWHERE --out corpora/one")
    two = a_step("two", "affetti train student --corpus corpora/one --out runs/two")
    three = a_step("three", "affetti prepare composed --out corpora/three")
    state = run.run_piece((one, two, three), tmp_path, 60.0, reduced=True)
    assert set(state.done) == {"three"}
    assert state.failed == {"one": "no such data set"}
    assert "two: waits for corpora/one" in capsys.readouterr().out


def test_a_step_that_a_piece_ends_is_interrupted(tmp_path: Path) -> None:
    run = import_module("edition_run")
    (tmp_path / "logs").mkdir()
    step = a_step("long", "affetti prepare composed --clips 9600 --out corpora/long")
    code, _ = run.run_step(step, tmp_path, 0.5)
    assert code == 130
    assert not (tmp_path / "corpora/long/corpus.json").exists()


def test_ctrl_c_stops_the_step_and_all_further_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = import_module("edition_run")
    (tmp_path / "logs").mkdir()
    waited: list[float | None] = []

    class Child:
        returncode = 130

        def __init__(self, *_: object, **__: object) -> None:
            self.signals: list[int] = []

        def wait(self, seconds: float | None = None) -> int:
            waited.append(seconds)
            if len(waited) == 1:
                raise KeyboardInterrupt
            return self.returncode

        def send_signal(self, number: int) -> None:
            self.signals.append(number)

    monkeypatch.setattr(run.subprocess, "Popen", Child)
    with pytest.raises(KeyboardInterrupt):
        run.run_step(a_step("one", "affetti prepare composed --out corpora/one"), tmp_path, 60.0)
    assert waited == [60.0, run.SAVING]


def test_a_check_runs_only_what_its_row_needs() -> None:
    check, file = import_module("result_check"), import_module("result_file")
    first = file.read_edition()
    sources = {"vgmidi": "/data/VGMIDI"}
    commands = check.check_commands(first.table("composed-flow"), "null", sources)
    assert commands == [
        "affetti prepare composed --out corpus",
        "affetti compare --corpus corpus --seeds 3 --out study --arms null",
    ]
    commands = check.check_commands(first.table("composed-flow"), "flow", sources)
    assert [shlex.split(command)[1] for command in commands] == ["prepare", "train", "train", "train", "compare"]
    commands = check.check_commands(first.table("methods-vgmidi"), "time-stretch", sources)
    assert commands[0] == "affetti prepare vgmidi:/data/VGMIDI --windows all --out vgmidi"
    assert commands[1].endswith("--out study --arms plain-time-stretch")
    for table in first.tables:
        for row in table.rows:
            if (table.version, row.arm) == ("0.1", "best"):
                with pytest.raises(UsageError, match="was chosen among arms of that version"):
                    check.check_commands(table, row.arm, sources)
                continue
            commands = check.check_commands(table, row.arm, sources)
            for command in commands if row is table.rows[1] else ():
                verb, *arguments = shlex.split(command)[1:]
                parse(import_module(f"affetti.cli.{verb}").Flags, arguments, verb)


def test_a_row_holds_within_the_tolerance() -> None:
    check, file = import_module("result_check"), import_module("result_file")
    row = file.Row(arm="null", value=0.7, difference=-0.02, difference_ci=(-0.1, 0.1))
    assert check.Checked(row, 0.704, -0.028).holds
    assert not check.Checked(row, 0.706, -0.02).holds
    assert not check.Checked(row, 0.7, -0.03).holds


def test_what_is_filed_is_what_was_measured(tmp_path: Path) -> None:
    file = import_module("result_file")
    first = file.read_edition()
    file.write_edition(first, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text("utf-8") == (file.RESULTS / "first.json").read_text("utf-8")
    changed = dataclasses.replace(first.tables[0].rows[1], difference_ci=(0.01, 0.1))
    assert [changed.outcome(None), first.tables[0].rows[1].outcome(None)] == ["helps", "cannot tell"]
