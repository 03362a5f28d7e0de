from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from affetti import config
from affetti.errors import StorageError, UsageError
from affetti.presets import FRONT_ENDS, FrontEnd, MelFrontEnd


@dataclass(frozen=True)
class Knobs:
    steps: int = 10
    rate: float = 0.1
    ema: bool = True
    kind: Literal["a", "b"] = "a"
    out: Path | None = None
    front: FrontEnd = field(default_factory=MelFrontEnd)


def test_later_layers_override_and_none_means_not_given() -> None:
    knobs = config.layered(Knobs, {"steps": 20, "rate": 0.2}, {"steps": 30, "rate": None})
    assert knobs == Knobs(steps=30, rate=0.2)


@pytest.mark.parametrize("front", FRONT_ENDS.values())
def test_an_unstructured_value_is_restored(front: FrontEnd) -> None:
    knobs = Knobs(steps=3, out=Path("x"), front=front)
    plain = config.unstructure(knobs)
    assert plain["out"] == "x"
    assert config.structure(plain, Knobs) == knobs
    assert config.structure(plain, Knobs).front.hash == front.hash


def test_the_error_of_a_misspelt_key_suggests_the_right_one() -> None:
    with pytest.raises(UsageError, match=r"run\.toml: unknown setting 'stesp'\. Did you mean steps\?"):
        config.structure({"stesp": 1}, Knobs, "run.toml")


def test_the_error_of_an_unknown_key_lists_all_keys() -> None:
    with pytest.raises(UsageError, match=r"unknown setting 'zzz'.*ema, front, kind, out, rate, steps"):
        config.structure({"zzz": 1}, Knobs)


@pytest.mark.parametrize(
    "values",
    [
        {"steps": "64"},
        {"steps": 64.7},
        {"steps": True},
        {"rate": "0.1"},
        {"ema": "no"},
        {"ema": 0},
        {"kind": "c"},
        {"front": {"n_mels": "64"}},
        {"front": {"n_melz": 64}},
        {"front": 3},
    ],
)
def test_a_value_of_the_wrong_type_is_refused_not_converted(values: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="wrong setting") as caught:
        config.structure(values, Knobs)
    assert "\n" not in str(caught.value)


def test_a_whole_number_is_a_number() -> None:
    rate = config.structure({"rate": 1}, Knobs).rate
    assert rate == 1.0
    assert isinstance(rate, float)


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('steps = 5\nkind = "b"\n', encoding="utf-8")
    (tmp_path / "a.json").write_text('{"steps": 5, "kind": "b"}', encoding="utf-8")
    assert config.read(tmp_path / "a.toml") == config.read(tmp_path / "a.json") == {"steps": 5, "kind": "b"}


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbfsteps = 5\r\n")
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"steps": 5}')
    assert config.read(tmp_path / "a.toml") == config.read(tmp_path / "a.json") == {"steps": 5}


def test_the_home_folder_is_written_as_in_a_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass(frozen=True)
    class Settings:
        corpus: Path
        out: Path | None = None

    monkeypatch.setenv("HOME", "/home/ann")
    expected = Settings(Path("/home/ann/corpus"), Path("~backup/run"))
    assert config.structure({"corpus": "~/corpus", "out": "~backup/run"}, Settings) == expected


@pytest.mark.parametrize(
    ("name", "content", "kind", "says"),
    [
        ("a.toml", None, StorageError, "no such file"),
        ("a.toml", b"steps = ", StorageError, "not valid"),
        ("a.json", b'{"steps": ', StorageError, "not valid"),
        ("a.json", b'{"steps": ' + b"[" * 5_000, StorageError, "nested too deeply"),
        ("a.toml", b"steps = " + b"[" * 5_000, StorageError, "nested too deeply"),
        ("a.json", b'{"steps": ' + b"9" * 5_000 + b"}", StorageError, "thousands of digits"),
        ("a.toml", b"steps = " + b"9" * 5_000, StorageError, "thousands of digits"),
        ("a.json", b"[1]", UsageError, "not a table"),
        ("a.yaml", b"steps: 1", UsageError, "unknown kind"),
        ("a.toml", b"\xff", StorageError, "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_reported(
    tmp_path: Path, name: str, content: bytes | None, kind: type[Exception], says: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(kind, match=says):
        config.read(tmp_path / name)
