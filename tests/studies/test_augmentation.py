from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.material import LEAN, sha, write_corpus

from affetti.corpus import Corpus, splits
from affetti.errors import AffettiError, InputError, MismatchError, StorageError, UsageError
from affetti.models.baseline import Baseline
from affetti.presets import FRONT_ENDS
from affetti.studies.augmentation import StudyTask, Unit, augmentation_study, choose_arms, require_honest
from affetti.training.fit import fit_baseline, fit_run, read
from affetti.training.loop import Clips

GO: dict[str, Any] = {"seeds": 2, "steps": 2, "batch_size": 8}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, corpus: Corpus, run_of: Callable[[str], Path]) -> Path:
    out = tmp_path_factory.mktemp("study") / "study"
    augmentation_study(corpus, out, models=(run_of("flow"), run_of("gan")), **GO)
    return out


@pytest.fixture
def result(study: Path) -> dict[str, Any]:
    return json.loads((study / "result.json").read_text())


def test_the_document_has_the_keys_of_the_contract(result: dict[str, Any]) -> None:
    assert [row["name"] for row in result["arms"]] == [
        "real", "real-longer", "specaugment", "flow", "gan", "gan-shuffled"
    ]  # fmt: skip
    for row in result["arms"]:
        assert {"name", "ccc_valence", "ccc_arousal", "ccc", "ci", "delta", "delta_ci", "by_genre"} <= set(row)
        assert row["ci"][0] <= row["ci"][1]
        assert "exploratory" in row["verdict"] or row["name"] in ("real", "real-longer")
    assert result["test"] == {"n": 80, "songs": 10, "synthetic": 0}
    assert (result["seeds"], result["folds"], result["exploratory"]) == (2, [0], True)


def test_arms_differ_in_what_they_train_on_and_for_how_long(
    result: dict[str, Any], corpus: Corpus, study: Path
) -> None:
    real = len(splits.fold(corpus.clips, 0).train)
    found = {row["name"]: (row["n_train"], row["steps"]) for row in result["arms"]}
    assert found["real"] == (real, 2)
    assert found["real-longer"] == found["specaugment"] == (real, 4)
    assert found["flow"] == found["gan-shuffled"] == (2 * real, 4)
    made = Corpus.open(study / "synthetic/gan-f0")
    assert len(made) == real
    assert made.synthetic


def test_the_ridge_of_the_real_arm_is_the_baseline(study: Path, corpus: Corpus) -> None:
    part = splits.fold(corpus.clips, 0)
    model = Baseline(corpus.front_end.shape)
    fit_baseline(model, Clips(corpus.mel, corpus.labels, part.train))
    filed = json.loads((study / "units/baseline-real-f0-s0.json").read_text())["prediction"]
    np.testing.assert_allclose(filed, read(model, corpus.mel, part.test), atol=1e-5)


def test_shuffled_labels_are_the_same_labels_elsewhere(study: Path, corpus: Corpus) -> None:
    part = splits.fold(corpus.clips, 0)
    task = StudyTask(corpus.path, (), (("gan", 0, study / "synthetic/gan-f0"),), study / "units", 2, 8)
    plain, shuffled, other = (
        task._clips(corpus, part, Unit(arm, "student", 0, seed))
        for arm, seed in (("gan", 0), ("gan-shuffled", 0), ("gan-shuffled", 1))
    )
    n = len(part.train)
    assert np.array_equal(plain.mel, shuffled.mel)
    assert np.array_equal(plain.labels[:n], shuffled.labels[:n])
    assert not np.array_equal(plain.labels[n:], shuffled.labels[n:])
    assert not np.array_equal(shuffled.labels[n:], other.labels[n:])
    assert sorted(map(tuple, plain.labels[n:])) == sorted(map(tuple, shuffled.labels[n:]))
    assert not set(part.validation) & set(part.train)


def test_called_again_it_goes_on_where_it_was(
    study: Path, corpus: Corpus, run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    copy = tmp_path / "study"
    shutil.copytree(study, copy)
    before = {path.name: path.stat().st_mtime_ns for path in (copy / "units").iterdir()}
    gone = copy / "units/student-gan-f0-s1.json"
    gone.unlink()
    (copy / "result.json").unlink()
    augmentation_study(corpus, copy, models=(run_of("flow"), run_of("gan")), **GO)
    again = {path.name: path.stat().st_mtime_ns for path in (copy / "units").iterdir()}
    assert {name for name in again if again[name] != before[name]} == {gone.name}
    assert sha(gone) == sha(study / "units" / gone.name)
    first, second = (json.loads((folder / "result.json").read_text()) for folder in (study, copy))
    assert {**first, "synthetic": 0} == {**second, "synthetic": 0}
    with pytest.raises(StorageError, match="holds"):
        augmentation_study(corpus, copy, models=(run_of("flow"), run_of("gan")), **(GO | {"steps": 3}))


def test_arms_may_be_chosen(tmp_path: Path, corpus: Corpus) -> None:
    found = augmentation_study(corpus, tmp_path / "study", arms=("specaugment",), folds=2, seeds=1, steps=1)
    assert [row["name"] for row in found["arms"]] == ["real", "real-longer", "specaugment"]
    assert found["test"]["n"] == 160
    assert found["folds"] == [0, 1]
    assert not (tmp_path / "study/runs").exists(), "no generator is needed"
    assert choose_arms((), ("gan", "flow"))[-3:] == ["gan", "flow", "flow-shuffled"]
    assert choose_arms(("gan-shuffled",), ("gan", "flow")) == ["real", "real-longer", "gan-shuffled"]


def test_what_cannot_be_compared_is_refused_before_any_work(
    tmp_path: Path, corpus: Corpus, run_of: Callable[[str], Path], made: Callable[..., Path]
) -> None:
    flow = run_of("flow")
    wide = write_corpus(tmp_path / "wide", 8, 2, FRONT_ENDS["full-band"], "full-band")
    other = fit_run("gan", corpus, 1, tmp_path / "gan1", steps=1, batch_size=4, settings=LEAN["gan"])
    assert other["fold"] == 1
    single = write_corpus(tmp_path / "single", 6, fold=np.repeat([0, 1, 1, 1, 1, 1], 2))
    overlapping = write_corpus(tmp_path / "overlapping", 12, song_id=np.repeat(sorted(set(corpus.songs))[:12], 2))
    cases: list[tuple[type[AffettiError], str, Any, dict[str, Any]]] = [
        (UsageError, "0 seeds", corpus, {"seeds": 0}),
        (UsageError, "0 folds", corpus, {"folds": 0}),
        (UsageError, "ratio 0", corpus, {"ratio": 0.0}),
        (UsageError, "ratio nan", corpus, {"ratio": float("nan")}),
        (UsageError, "--steps: 0", corpus, {"steps": 0}),
        (UsageError, "--seed: -1", corpus, {"seed": -1}),
        (UsageError, "unknown arm 'flwo'", corpus, {"arms": ("gan", "flwo")}),
        (UsageError, "there is no fold 2", corpus, {"folds": 3}),
        (UsageError, "a student does not generate", corpus, {"models": (run_of("student"),)}),
        (UsageError, "2 flow models for fold 0", corpus, {"models": (flow, flow)}),
        (UsageError, "0 (gan|flow) models for fold", corpus, {"models": (flow, tmp_path / "gan1")}),
        (MismatchError, "holds synthetic clips", Corpus.open(made("flow")), {}),
        (MismatchError, "made with front-end", wide, {"models": (flow,)}),
        (MismatchError, "of the test songs", overlapping, {"models": (flow,)}),
        (InputError, "fold 0 holds one test song", single, {}),
    ]
    for kind, says, given, options in cases:
        with pytest.raises(kind, match=says) as caught:
            augmentation_study(given, tmp_path / "study", **options)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "study").exists(), says


def test_synthetic_test_clips_and_generators_that_heard_the_test_songs_are_refused(
    tmp_path: Path, corpus: Corpus, made: Callable[..., Path]
) -> None:
    synthetic = Corpus.open(made("flow"))
    require_honest(synthetic, corpus, splits.fold(corpus.clips, 0))
    with pytest.raises(MismatchError, match=r"was trained on \d+ of the test songs .*--fold"):
        require_honest(synthetic, corpus, splits.fold(corpus.clips, 1))
    unknown = write_corpus(tmp_path / "unknown", synthetic=True, fold=-1)
    with pytest.raises(MismatchError, match="says nothing of its generator"):
        require_honest(unknown, corpus, splits.fold(corpus.clips, 0))
    clips = corpus.clips.copy()
    clips.loc[clips["fold"] == 0, "synthetic"] = True
    with pytest.raises(MismatchError, match="test clips are synthetic"):
        splits.fold(clips, 0)
