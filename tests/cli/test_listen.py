from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from affetti.studies.listening.ratings import RatingStore
from affetti.studies.listening.result import ListeningResult
from listening_material import answer, study, with_files

Affetti = Callable[..., Any]


def take_part(folder: Path, listeners: int, start: int = 0) -> None:
    """Listeners who perceive 0.8 of the requested emotion, and like the first system best."""
    with RatingStore.open(folder) as store:
        for seed in range(start, start + listeners):
            token, rng = store.add_listener(), np.random.default_rng(seed)
            for trial in store.trials(store.listener(token)):
                given = answer(store.study, trial, rng)
                clip = store.study.by_id[trial.clips[0]]
                if trial.purpose == "main":
                    given["valence"] = float(np.clip(0.8 * (clip.valence or 0) + rng.normal(0, 0.1), -1, 1))
                    given["quality"] = 5.0 if clip.system == "real" else 1.0 + rng.integers(3)
                store.record(token, trial.number, given)


@pytest.fixture
def answered(tmp_path: Path) -> Path:
    with_files(study("rate", 6, 2, repeats=1, attention_checks=1), tmp_path / "study")
    take_part(tmp_path / "study", 6)
    return tmp_path / "study"


def test_a_study_is_made_from_folders_of_audio(
    affetti: Affetti, make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    folder = make_folder(4, 1.0)
    planned = affetti(
        "listen", "new", tmp_path / "s", "--clips", f"real={folder}", "--clips-per-condition", 3, "--dry-run"
    )
    assert planned.code == 0
    assert not (tmp_path / "s").exists()
    made = affetti(
        "listen", "new", tmp_path / "s", "--clips", f"real={folder}", f"copy={folder}", "--task", "pair",
        "--clips-per-condition", 3, "--json",
    )  # fmt: skip
    document = json.loads(made.out)
    assert document["systems"] == ["real", "copy"]
    assert document["loudness"] == "matched"
    assert len(list((tmp_path / "s" / "clips").iterdir())) == 6
    for wrong, named in ((["--clips", "real"], "NAME=FOLDER"), (["--clips", f"a={tmp_path / 'no'}"], "no such folder")):
        refused = affetti("listen", "new", tmp_path / "t", *wrong)
        assert refused.code == 2
        assert named in refused.complaint


def test_results_are_analysed_saved_and_exported(affetti: Affetti, answered: Path, tmp_path: Path) -> None:
    ran = affetti("listen", "results", answered, "--out", tmp_path / "out", "--json")
    assert ran.code == 0
    document = json.loads(ran.out)
    assert {"systems", "pairs", "control", "reliability", "variance", "screening"} <= document.keys()
    assert {"name", "scale", "mean", "ci", "clips", "listeners"} <= document["systems"][0].keys()
    keys = {"a", "b", "scale", "difference", "ci", "ci_simultaneous", "p", "p_adjusted"}
    assert keys <= document["pairs"][0].keys()
    opened = ListeningResult.open(tmp_path / "out")
    assert opened.to_dict() == document
    assert opened.versions["affetti"]
    quality = next(it for it in opened.pairs if it.scale == "quality")
    assert (quality.p_adjusted or 1) < 0.05
    labels = pd.read_csv(tmp_path / "out" / "labels.csv")
    assert labels.columns[0] == "file"
    assert len(labels) == 12
    slope = next(it for it in opened.control if it.axis == "valence").slope
    assert slope.value == pytest.approx(0.8, abs=0.15)
    again = affetti("listen", "results", tmp_path / "out" / "ratings.csv", "--out", tmp_path / "again", "--json")
    imported = json.loads(again.out)
    for key in ("systems", "pairs", "control", "reliability", "variance"):
        assert imported[key] == document[key]
    text = affetti("listen", "results", answered, "--out", tmp_path / "out").out
    assert "slope" in text
    assert "limited by" in text


def test_the_text_names_intervals_medians_and_numbers_in_plain_english(affetti: Affetti, tmp_path: Path) -> None:
    table = pd.DataFrame(
        [
            {"listener": f"l{k}", "clip": f"c{r}", "system": "a", "against": "b", "rating": int((k + r) % 3 > 0)}
            for k in range(5)
            for r in range(4)
        ]
    ).assign(scale="spotted")
    table.to_csv(tmp_path / "triangles.csv", index=False)
    ran = affetti("listen", "results", tmp_path / "triangles.csv", "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    test = ListeningResult.open(tmp_path / "out").triangles[0]
    assert test.ci is not None
    low, high = (f"{100 * end:.3g}" for end in test.ci)
    assert f"a and b: {100 * test.correct:.3g} [{low}, {high}] % of triangles correct (33 % by guessing), p" in ran.out
    alone = table.iloc[:1].assign(scale="quality", against="", rating=3)
    alone.to_csv(tmp_path / "one.csv", index=False)
    ran = affetti("listen", "results", tmp_path / "one.csv", "--out", tmp_path / "one")
    assert ran.out.startswith("1 rating by 1 listener\n")


def test_settings_of_an_analysis_that_cannot_be_are_refused(affetti: Affetti, answered: Path, tmp_path: Path) -> None:
    for flags, named in (
        (("--scorecards", f"raal={tmp_path}"), "no system raal"),
        (("--target", 0), "a half-width of 0"),
        (("--target", "nan"), "a half-width of nan"),
    ):
        refused = affetti("listen", "results", answered, "--out", tmp_path / "out", *flags)
        assert refused.code == 2
        assert named in refused.complaint
        assert not (tmp_path / "out").exists()


def test_a_second_look_without_a_plan_is_refused(affetti: Affetti, answered: Path, tmp_path: Path) -> None:
    assert affetti("listen", "results", answered, "--out", tmp_path / "a").code == 0
    take_part(answered, 1, start=6)
    refused = affetti("listen", "results", answered, "--out", tmp_path / "b")
    assert refused.code == 2
    assert "analysed before with 6 listeners, now has 7" in refused.complaint
    first = affetti("listen", "results", answered, "--out", tmp_path / "b", "--first", 6, "--json")
    assert json.loads(first.out)["listeners"] == 6


def test_bad_input_is_one_line(affetti: Affetti, answered: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    with_files(study(), empty)
    table = tmp_path / "ratings.csv"
    table.write_text("listener,clip,system,scale,rating\na,c,real,valence,7\n", encoding="utf-8")
    for source, named in (
        (empty, "nobody has answered yet"),
        (tmp_path / "nothing.csv", "nothing.csv"),
        (table, "valence 7 of L0001, c is outside [-1, 1]"),
        (tmp_path, "no study.toml"),
    ):
        refused = affetti("listen", "results", source, "--out", tmp_path / "out")
        assert refused.code == 2
        assert named in refused.complaint
    next((answered / "clips").iterdir()).unlink()
    refused = affetti("listen", "results", answered, "--out", tmp_path / "out")
    assert "a clip of the study is missing" in refused.complaint
    assert not (tmp_path / "out").exists()


def test_ratings_become_a_corpus_with_spread_raters_and_ceiling(affetti: Affetti, tmp_path: Path) -> None:
    with_files(study("rate", 6, 2), tmp_path / "study", seconds=6.0)
    take_part(tmp_path / "study", 6)
    made = affetti("prepare", f"listening:{tmp_path / 'study'}", "--out", tmp_path / "rated", "--folds", 2, "--json")
    assert made.code == 0, made.err
    document = json.loads(made.out)
    assert (document["clips"], document["songs"]) == (12, 6)
    affetti("listen", "results", tmp_path / "study", "--out", tmp_path / "out")
    analysed = ListeningResult.open(tmp_path / "out").to_dict()
    assert document["labels"]["ceiling"]["valence"]["r2"]["value"] == pytest.approx(
        analysed["ceiling"]["valence"]["r2"]["value"]
    )
    clips = pd.read_parquet(tmp_path / "rated" / "clips.parquet")
    assert (clips["raters"] == 3).all()
    assert np.isfinite(clips["valence_std"]).all()
    with_files(study(), tmp_path / "empty")
    refused = affetti("prepare", f"listening:{tmp_path / 'empty'}", "--out", tmp_path / "none")
    assert refused.code == 2
    assert "nobody has answered yet" in refused.complaint
