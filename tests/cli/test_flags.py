from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from affetti.cli.compare import Flags as CompareFlags
from affetti.cli.flags import OLD_FLAGS, LongFlags, parse, resolve
from affetti.cli.prepare import Flags as PrepareFlags
from affetti.errors import StorageError, UsageError


@dataclass(frozen=True)
class Flags(LongFlags):
    """Do something."""

    out: Path | None = None
    """Where."""
    steps: int | None = None
    """How long."""
    ratio: float | None = None
    """How much."""
    audio: bool = False
    """With sound."""
    arms: tuple[str, ...] = field(default=())
    """Which."""


def resolved(
    *arguments: str, defaults: dict[str, object] | None = None, known: tuple[str, ...] = ()
) -> dict[str, object]:
    flags = parse(Flags, list(arguments), "something")
    return resolve(flags, defaults or {"steps": 5, "seed": 0}, flags.config, known)


def test_flags_override_the_file_and_the_file_overrides_defaults(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('steps = 7\nratio = 2\narms = ["gan"]\nout = "there"\n')
    assert resolved() == {"steps": 5, "seed": 0}
    assert resolved("--config", str(file)) == {
        "steps": 7, "seed": 0, "ratio": 2.0, "arms": ("gan",), "out": Path("there")
    }  # fmt: skip
    result = resolved("--config", str(file), "--steps", "9", "--arms", "flow", "real", "--seed", "3", "--audio")
    assert (result["steps"], result["arms"], result["seed"], result["audio"]) == (9, ("flow", "real"), 3, True)


def test_json_is_accepted_and_recorded_keys_of_a_run_are_ignored(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"verb": "train", "steps": 3, "ratio": None, "json": True}))
    assert resolved("--config", str(file), known=("verb",)) == {"steps": 3, "seed": 0}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("stpes = 3", r"unknown setting 'stpes'\. Did you mean steps"),
        ("zzz = 3", "unknown setting 'zzz'"),
        ("steps = 3.5", "wrong setting"),
        ('steps = "3"', "wrong setting"),
        ("audio = 1", "wrong setting"),
        ("out = 5", "wrong setting"),
    ],
)
def test_a_file_with_a_wrong_setting_is_refused(tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(content)
    with pytest.raises(UsageError, match=says) as caught:
        resolved("--config", str(file))
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no such file"):
        resolved("--config", str(tmp_path / "nowhere.toml"))


@pytest.mark.parametrize(
    ("arguments", "says"), [(["--setps", "3"], "--steps"), (["--steps", "x"], "x"), (["stray"], "stray")]
)
def test_a_wrong_flag_is_reported_in_one_line(arguments: list[str], says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        parse(Flags, arguments, "something")
    assert "\n" not in str(caught.value)
    assert "See affetti something --help" in str(caught.value)
    assert not set("│╭╮╰╯─") & set(str(caught.value))


def test_a_config_file_may_hold_the_flags_of_0_1(tmp_path: Path) -> None:
    from affetti.cli import compare, generate

    path = tmp_path / "study.toml"
    path.write_text('shares = "50,100"\nreturns = "10"\ndial = ["guidance=1,2"]\n')
    flags = compare.Flags(corpus=Path("corpus"), out=Path("study"))
    settings = resolve(flags, {}, path)
    assert settings["train_fractions"] == "50,100"
    assert settings["training_steps"] == "10"
    assert settings["sampling"] == ("guidance=1,2",)
    path.write_text('shares = "50,100"\n')
    with pytest.raises(UsageError, match="unknown setting 'shares'"):
        resolve(generate.Flags(model=Path("run"), n=2, out=Path("out")), {}, path)


@dataclass(frozen=True)
class Choices:
    """Choices."""

    what: Literal["e", "b", "d", "a", "c"] | None = None
    """Which."""


def test_choices_are_named_in_one_order() -> None:
    with pytest.raises(UsageError) as caught:
        parse(Choices, ["--what", "x"], "train")
    assert "('a', 'b', 'c', 'd', 'e')" in str(caught.value)


def test_old_names_of_flags_work_and_help_does_not_list_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for typed in (["--preset", "cqt"], ["--preset=cqt"], ["--front-end", "cqt"]):
        assert parse(PrepareFlags, ["composed", *typed], "prepare").preset == "cqt"
    old = ["--dial", "guidance=1", "--shares", "10,50", "--returns=100"]
    flags = parse(CompareFlags, ["--corpus", "a", "--out", "b", *old], "compare")
    assert (flags.sampling, flags.train_fractions, flags.training_steps) == (("guidance=1",), "10,50", "100")
    with pytest.raises(UsageError, match="--shares"):
        parse(PrepareFlags, ["composed", "--shares", "10"], "prepare")
    file = tmp_path / "mine.toml"
    file.write_text('front-end = "cqt"')
    flags = parse(PrepareFlags, ["composed", "--config", str(file)], "prepare")
    assert resolve(flags, {}, flags.config)["preset"] == "cqt"
    for kind, verb in ((PrepareFlags, "prepare"), (CompareFlags, "compare")):
        with pytest.raises(SystemExit):
            parse(kind, ["--help"], verb)
    listed = capsys.readouterr().out
    assert "--front-end" in listed
    assert not [flag for flag in OLD_FLAGS if flag in listed]


@pytest.mark.parametrize(
    "arguments",
    [["prepare", "folder:s3://bucket/music", "--out", "x"], ["score", "real", "fake", "--out=s3://bucket/music"]],
)
def test_a_url_is_refused_as_a_path(arguments: list[str]) -> None:
    with pytest.raises(
        UsageError, match=r"^s3://bucket/music: affetti reads and writes files by path.*mount its storage"
    ):
        parse(Flags, arguments[1:], arguments[0])


def test_an_address_is_no_path() -> None:
    with pytest.raises(UsageError, match=r"(?i)unrecognized|moon"):
        parse(Flags, ["moon", "--address", "ray://host:10001"], "moon")
