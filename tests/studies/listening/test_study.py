from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from affetti.errors import AffettiError, StorageError, UsageError
from affetti.studies.listening.study import QUALITY, RatingScale, Study, to_toml
from listening_material import study, with_files


@pytest.mark.parametrize("task", ["rate", "pair", "mushra", "spot"])
def test_a_study_is_read_as_it_was_saved(task: str, tmp_path: Path) -> None:
    saved = with_files(study(task, wording={"title": 'Ein "Hör\\versuch"\n', "language": "de"}), tmp_path)  # type: ignore[arg-type]
    opened = Study.open(tmp_path)
    assert opened == saved
    assert opened.fingerprint == saved.fingerprint
    assert opened.text("title") == 'Ein "Hör\\versuch"\n'
    assert opened.text("attention", answer="2").endswith("answer: 2.")


def test_settings_are_written_as_toml_reads_them() -> None:
    document = {"a": 'x\x7f\t"', "b": [1.0, 2.0], "c": True, "d": {"k": "v"}, "e": [{"x": 1e-9}, {"x": 2.5}]}
    assert tomllib.loads(to_toml(document)) == document


def test_the_fingerprint_ignores_the_wording_alone() -> None:
    made = study()
    assert replace(made, wording={"title": "other"}, completion_code="C").fingerprint == made.fingerprint
    assert replace(made, seed=1).fingerprint != made.fingerprint
    assert replace(made, clips=made.clips[:3], per_listener=1).fingerprint != made.fingerprint


def test_a_clip_that_vanished_or_changed_is_named(tmp_path: Path) -> None:
    made = with_files(study(), tmp_path)
    file = tmp_path / made.clips[4].file
    content = file.read_bytes()
    file.write_bytes(content[:-1])
    with pytest.raises(StorageError, match=r"011\.flac.*SHA-256"):
        Study.open(tmp_path)
    file.unlink()
    with pytest.raises(StorageError, match="missing"):
        Study.open(tmp_path)
    file.write_bytes(content)
    Study.open(tmp_path)
    with pytest.raises(StorageError, match=r"no study\.toml"):
        Study.open(tmp_path / "clips")


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (replace(study(), per_listener=7), "per_listener is 7"),
        (replace(study(), per_listener=0), "per_listener is 0"),
        (replace(study(), repeats=4), "repeats is 4"),
        (replace(study("mushra"), attention_checks=1), "hidden reference"),
        (replace(study(), clips=study().clips[1:]), "condition c00 has 2 versions"),
        (replace(study(), clips=()), "no clips"),
        (replace(study(), clips=(replace(study().clips[0], file="../x.flac"),)), "inside the study's folder"),
        (replace(study(), clips=(replace(study().clips[0], system="a b"),)), "'a b'"),
        (replace(study(), clips=(replace(study().clips[0], valence=2.0),)), "emotion 2"),
        (replace(study(), clips=(study().clips[0],) * 2), "same id"),
        (replace(study("pair"), clips=study().clips[::3], per_listener=1), "one version"),
        (replace(study("mushra"), clips=study().clips), "no reference"),
        (replace(study(), scales=()), "0 scales"),
        (replace(study("pair"), scales=(QUALITY,)), "only rate"),
        (replace(study(), scales=(QUALITY,)), "valence and arousal"),
        (replace(study(), scales=(QUALITY, QUALITY), plane=False), "same name"),
        (replace(study(), scales=(RatingScale("q", 1, 5, 0.7),), plane=False), "step of 0.7"),
        (replace(study(), scales=(RatingScale("q", 5, 1),), plane=False), "low < high"),
        (replace(study(), scales=(RatingScale("q", 1, 5, 1.0, "", ("a", "b", "c")),), plane=False), "3 labels"),
        (replace(study(), planned_listeners=-1), "planned_listeners"),
        (replace(study(), idle_hours=0.0), "idle_hours"),
        (replace(study(), wording={"titel": "x"}), "Did you mean title"),
        (replace(study(), task="rank"), "unknown task 'rank'"),  # type: ignore[arg-type]
        (replace(study(), loudness="loud"), "unknown loudness"),  # type: ignore[arg-type]
    ],
)
def test_a_study_that_cannot_run_is_refused_by_the_setting(wrong: Study, named: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        wrong.save(tmp_path)
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_a_damaged_or_mistyped_file_is_one_line(tmp_path: Path) -> None:
    with_files(study(), tmp_path)
    file = tmp_path / "study.toml"
    text = file.read_text(encoding="utf-8")
    for broken in (
        text[: len(text) // 2],
        text.replace("per_listener", "per_listner"),
        text.replace("seed = 0", 'seed = "0"'),
        "",
    ):
        file.write_text(broken, encoding="utf-8")
        with pytest.raises(AffettiError) as refused:
            Study.open(tmp_path)
        assert "study.toml" in str(refused.value)
        assert "\n" not in str(refused.value)
