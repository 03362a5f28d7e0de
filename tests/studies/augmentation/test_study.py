from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from tests.material import present, sha, shorten, write_corpus

from affetti.corpus import Corpus, splits
from affetti.errors import MismatchError, StorageError, UsageError
from affetti.execution import Job, LocalExecutor, RangeTask
from affetti.models.regressors.baseline import Baseline
from affetti.progress import Progress, silent
from affetti.studies.augmentation.design import StudySettings
from affetti.studies.augmentation.results import ArmResult, StudyResult
from affetti.studies.augmentation.study import augmentation_study
from affetti.studies.augmentation.summary import _notes
from affetti.training import run as runs
from affetti.training.clips import Clips
from affetti.training.closed_form import fit_baseline
from affetti.training.evaluation import predict
from affetti.training.registry import Budget

T = TypeVar("T")
ARMS = (
    "time-stretch", "null", "real-again", "flow", "gan", "gan-shuffled", "gan-only", "gan-pretrained", "flow@0.5",
    "flow:steps=2", "best",
)  # fmt: skip


def settings(run_of: Callable[[str], Path], **others: Any) -> StudySettings:
    """The study of these tests."""
    given: dict[str, Any] = {
        "models": (run_of("flow"), run_of("gan")),
        "arms": ARMS,
        "seeds": 2,
        "steps": 2,
        "batch_size": 8,
    }
    return StudySettings(**{**given, **others})


class RemoteExecutor:
    """Stands for an executor on other machines: what it runs must be picklable. Lists the stages of its work."""

    workers = 1

    def __init__(self) -> None:
        self.stages: list[str] = []

    def map_ranges(self, task: RangeTask, n: int, chunk: int, *, stage: str = "", progress: Progress = silent) -> None:
        self.stages.append(stage)
        pickle.dumps(task)
        LocalExecutor().map_ranges(task, n, chunk, stage=stage, progress=progress)

    def run_jobs(self, jobs: Sequence[Job[T]], progress: Progress = silent) -> list[T]:
        self.stages += [job.name for job in jobs]
        pickle.dumps(jobs)
        return LocalExecutor().run_jobs(jobs, progress)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, corpus: Corpus, run_of: Callable[[str], Path]) -> Path:
    out = tmp_path_factory.mktemp("study") / "study"
    augmentation_study(corpus, out, settings(run_of))
    return out


@pytest.fixture
def result(study: Path) -> dict[str, Any]:
    return json.loads((study / "result.json").read_text())


def test_the_document_has_the_keys_of_the_contract(result: dict[str, Any]) -> None:
    names = [row["name"] for row in result["arms"]]
    assert names[0] == "real"
    assert set(names) == {"real", *ARMS}
    for row in result["arms"]:
        assert {"name", "ccc_valence", "ccc_arousal", "ccc", "ci", "delta", "delta_ci", "by_genre"} <= set(row)
        assert row["ci"][0] <= row["ci"][1]
        assert "exploratory" in row["verdict"] or row["name"] == "real"
    assert result["test"] == {"n": 80, "songs": 10, "synthetic": 0}
    assert (result["seeds"], result["folds"], result["exploratory"]) == (2, [0], True)
    assert (result["measure"], result["published_protocol"], result["curve"]) == ("ccc", None, [])
    each = [row["detectable"] for row in result["arms"][1:]]
    assert result["detectable"] == pytest.approx(np.median(each))
    assert min(each) < result["detectable"] < max(each)


def test_arms_differ_in_what_they_train_on_and_may_take_as_many_updates_on_it(
    result: dict[str, Any], corpus: Corpus, study: Path
) -> None:
    real = len(splits.fold(corpus.clips, 0).train)
    by_key = {row["name"]: (row["n_train"], row["steps"]) for row in result["arms"]}
    assert by_key["real"] == by_key["real-again"] == by_key["time-stretch"] == by_key["gan-only"] == (real, 4)
    assert by_key["flow"] == by_key["gan-shuffled"] == by_key["null"] == (2 * real, 4)
    assert by_key["gan-pretrained"] == (2 * real, 8), "as many on real clips as real, and as many before"
    assert by_key["flow@0.5"] == (real + round(0.5 * real), 4)
    made = Corpus.open(study / "synthetic/gan-f0")
    assert len(made) == real
    assert made.synthetic
    assert sorted(path.name for path in (study / "synthetic").iterdir()) == [
        "flow-f0", "flow-steps=2-f0", "flow@0.5-f0", "gan-f0"
    ]  # fmt: skip


def test_the_ridge_of_the_real_arm_is_the_baseline(study: Path, corpus: Corpus, result: dict[str, Any]) -> None:
    part = splits.fold(corpus.clips, 0)
    model = Baseline(corpus.front_end.shape)
    fit_baseline(model, Clips(corpus.mel, corpus.labels, part.train))
    saved = json.loads((study / "trials/baseline-real-f0-s0.json").read_text())["prediction"]
    np.testing.assert_allclose(saved, predict(model, corpus.mel, part.test), atol=1e-5)
    assert {row["name"] for row in result["ridge"]} == {
        "real", "flow", "gan", "gan-shuffled", "gan-only", "flow@0.5", "flow:steps=2"
    }  # fmt: skip


def test_best_is_a_signal_arm_with_a_generator_and_is_reported(result: dict[str, Any], study: Path) -> None:
    (entry,) = result["best"]
    signal, made = entry["arm"].split("+")
    assert signal == "time-stretch"
    assert made in ("flow", "gan", "flow@0.5", "flow:steps=2")
    assert (study / "trials" / f"student-{entry['arm'].replace(':', '-')}-f0-s1.json").exists()
    assert not list((study / "trials").glob("student-best*")), "it is saved under what it is"


def test_called_again_it_resumes_and_takes_more_arms(
    study: Path, corpus: Corpus, run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    copy = tmp_path / "study"
    shutil.copytree(study, copy)
    before = {path.name: path.stat().st_mtime_ns for path in (copy / "trials").iterdir()}
    gone = copy / "trials/student-gan-f0-s1.json"
    gone.unlink()
    (copy / "result.json").unlink()
    augmentation_study(corpus, copy, settings(run_of))
    again = {path.name: path.stat().st_mtime_ns for path in (copy / "trials").iterdir()}
    assert {name for name in again if again[name] != before[name]} == {gone.name}
    assert sha(gone) == sha(study / "trials" / gone.name)
    first, second = (json.loads((folder / "result.json").read_text()) for folder in (study, copy))
    assert {**first, "synthetic": 0} == {**second, "synthetic": 0}
    more = augmentation_study(corpus, copy, settings(run_of, arms=("mixup", "gan")))
    assert [row.name for row in more.arms] == ["real", "gan", "mixup"]
    with pytest.raises(StorageError, match="holds"):
        augmentation_study(corpus, copy, settings(run_of, steps=3))


def test_folds_are_pooled_and_no_generator_is_trained_that_no_arm_needs(tmp_path: Path, corpus: Corpus) -> None:
    settings = StudySettings(arms=("mixup",), folds=2, seeds=1, steps=1, batch_size=8)
    actual = augmentation_study(corpus, tmp_path / "study", settings)
    assert [row.name for row in actual.arms] == ["real", "mixup"]
    assert actual.test.n == 160
    assert actual.folds == (0, 1)
    assert not (tmp_path / "study/runs").exists()


def test_learning_curve_returns_budget_and_published_protocol_in_one_study(
    tmp_path: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("gan", "flow"):
        shorten(monkeypatch, kind, Budget(2, 8))
    settings = StudySettings(
        arms=("mixup",), seeds=1, steps=1, batch_size=8, train_fractions=(0.5,), training_steps=(2,),
        published_protocol=True, budget=3_600.0,
    )  # fmt: skip
    executor = RemoteExecutor()
    actual = augmentation_study(corpus, tmp_path / "study", settings, executor=executor)
    names = ["real", "mixup", "gan:trained=2", "flow:trained=2"]
    assert [row.name for row in actual.arms] == names
    assert [(point.train_fraction, point.songs) for point in actual.curve] == [(0.5, 5), (1.0, 9)]
    assert [row.name for row in actual.curve[0].arms] == names
    fraction = Corpus.open(tmp_path / "study/train-fractions/f0-p50")
    trained_on = json.loads((tmp_path / "study/runs/gan-trained=2-f0-p50/model.json").read_text())["songs"]
    assert set(trained_on) == set(fraction.songs[fraction.fold(0).train]), "generators see that fraction alone"
    assert [(row.kind, row.updates) for row in actual.training_steps] == [("flow", 2), ("gan", 2)]
    assert actual.left_out == ()
    published = actual.published_protocol
    assert published is not None
    assert published.honest is False
    assert published.test.synthetic > 0
    assert published.gain == pytest.approx(published.mixed.value - published.real.value)
    assert actual.test.synthetic == 0
    assert "at each fraction" in " ".join(actual.notes)
    assert executor.stages == [
        "training gan", "training flow", "training gan", "training flow", *["generate gan", "generate flow"] * 2,
        "compare, 50 % of the songs", "compare", "published protocol",
    ]  # fmt: skip


def test_a_budget_that_is_refused_leaves_the_folder_free(corpus: Corpus, tmp_path: Path) -> None:
    out = tmp_path / "study"
    with pytest.raises(UsageError, match="real alone"):
        augmentation_study(corpus, out, StudySettings(budget=0.001, steps=2, batch_size=4, seeds=1, arms=("mixup",)))
    assert not (out / "config.json").exists()
    reported = augmentation_study(corpus, out, StudySettings(steps=1, batch_size=4, seeds=1, arms=("mixup",)))
    assert {row.name for row in reported.arms} == {"real", "mixup"}


def rows(**reference: Any) -> tuple[ArmResult, ...]:
    """The reference, of which only an interval matters, and an arm."""
    ccc = {"ccc_valence": 0.5, "ccc_arousal": 0.5, "ccc": 0.5, "ci": (0.4, 0.6), "delta": 0.0, "delta_ci": (0.0, 0.0)}
    return ArmResult(name="real", **{**ccc, **reference}), ArmResult(name="flow", **ccc)  # type: ignore[arg-type]


@pytest.mark.parametrize(("low", "said"), [(-0.01, True), (0.2, False)])
def test_a_study_without_learning_is_reported(low: float, said: bool) -> None:
    notes = _notes("ccc", np.array(["jazz", "rock"]), False, rows(ci=(low, 0.6)))
    assert ("no better than chance" in " ".join(notes)) == said


@pytest.mark.parametrize(("low", "said"), [(0.2, True), (0.3, False)])
def test_with_quadrant_labels_accuracy_is_compared_with_chance(low: float, said: bool) -> None:
    """One clip in four is right by chance; the interval of CCC lies on the other side of 0.25."""
    reference = rows(ci=(0.1, 0.3) if low > 0.25 else (0.4, 0.6), accuracy=0.4, accuracy_ci=(low, 0.6))
    notes = _notes("accuracy", np.array(["jazz", "rock"]), False, reference)
    assert ("no better than chance" in " ".join(notes)) == said


def test_a_study_of_another_version_is_not_resumed_but_opens(
    study: Path, corpus: Corpus, run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    copy = tmp_path / "study"
    shutil.copytree(study, copy)
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"affetti": "0.1.0.dev0"}))
    with pytest.raises(StorageError, match="affetti") as caught:
        augmentation_study(corpus, copy, settings(run_of))
    assert "\n" not in str(caught.value)
    assert StudyResult.open(copy) == StudyResult.open(study)


def test_the_result_is_the_file(study: Path, result: dict[str, Any]) -> None:
    opened = StudyResult.open(study)
    assert json.loads(json.dumps(opened.to_dict())) == result
    assert opened.arm("gan").verdict == next(row["verdict"] for row in result["arms"] if row["name"] == "gan")


def test_the_primary_contrast_is_the_first_synthetic_arm_and_is_said_in_one_sentence(result: dict[str, Any]) -> None:
    primary = result["primary"]
    row = next(row for row in result["arms"] if row["name"] == "flow")
    assert (primary["arm"], primary["reference"]) == ("flow", "real"), "the first of the table"
    assert (primary["delta"], primary["ci"], primary["p"]) == (row["delta"], row["delta_ci"], row["p_alone"])
    assert (primary["n_songs"], primary["generator_runs"], primary["seeds"]) == (10, 1, 2)
    assert primary["sentence"].startswith(
        "On 10 real songs that no model was trained on, this run of flow changes CCC by"
    )
    assert "says nothing of another run" in primary["sentence"]
    assert row["verdict"].startswith(("this run", "can't tell of this run"))
    assert result["recipe"] == ["specaugment"]


def test_contrasts_runs_and_plain_arms_are_in_one_study(
    tmp_path: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten(monkeypatch, "flow", Budget(2, 8))
    settings = StudySettings(
        arms=("specaugment+flow", "plain-flow", "plain-real", "composed@0.1-pretrained"),
        contrasts=(("composed@0.1-pretrained", "flow"), ("specaugment+flow", "specaugment")),
        seeds=2, steps=1, batch_size=8,
    )  # fmt: skip
    out = tmp_path / "study"
    actual = augmentation_study(corpus, out, settings)
    steps = {row.name: row.steps for row in actual.arms}
    assert steps == {
        "real": 2, "flow": 2, "composed@0.1-pretrained": 4, "plain-flow": 2, "plain-real": 1, "plain-real-longer": 2
    }  # fmt: skip
    assert [(row.arm, row.reference) for row in actual.contrasts] == [
        ("composed@0.1-pretrained", "flow"),
        ("flow", "real"),
        ("plain-flow", "plain-real-longer"),
        ("plain-real", "plain-real-longer"),
    ]
    primary = present(actual.primary)
    assert (primary.arm, primary.reference, primary.generator_runs) == ("composed@0.1-pretrained", "flow", 2)
    assert actual.generator_runs == 2
    assert sorted(path.name for path in (out / "runs").iterdir()) == ["flow-f0", "flow-f0-r1"]
    first, second = (Corpus.open(out / "synthetic" / name) for name in ("flow-f0", "flow-f0-r1"))
    assert not np.array_equal(first.mel[:2], second.mel[:2])
    saved = {path.name for path in (out / "trials").iterdir()}
    assert {"student-flow-f0-s0.json", "student-flow-f0-s1-r1.json", "student-plain-flow-f0-s1-r1.json"} <= saved
    assert "student-real-f0-s1.json" in saved
    assert {row.name for row in actual.ridge} == {"real", "flow"}
    again = replace(settings, generator_runs=1)
    with pytest.raises(StorageError, match="holds"):
        augmentation_study(corpus, out, again)


def test_an_aligned_arm_is_of_a_generator_aligned_from_the_one_that_the_other_arms_have(
    tmp_path: Path, corpus: Corpus, run_of: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten(monkeypatch, "flow", Budget(2, 8))
    chosen = StudySettings(arms=("flow:beta=9-aligned", "flow"), seeds=1, steps=2, batch_size=8)
    result = augmentation_study(corpus, tmp_path / "study", chosen)
    assert [row.name for row in result.arms] == ["real", "flow", "flow:beta=9-aligned"]
    assert {row.generator_runs for row in result.arms[1:]} == {1}
    base, aligned = (runs.load(tmp_path / "study/runs" / name) for name in ("flow-f0", "flow-beta=9-aligned-f0"))
    assert aligned.meta.aligned_from == base.meta.weights_sha256
    assert aligned.meta.steps == 1
    assert present(result.primary).arm == "flow"
    given = replace(chosen, arms=("flow:beta=9-aligned",), models=(run_of("flow"),))
    augmentation_study(corpus, tmp_path / "given", given)
    assert sorted(path.name for path in (tmp_path / "given/runs").iterdir()) == ["flow-beta=9-aligned-f0"]
    made = runs.load(tmp_path / "given/runs/flow-beta=9-aligned-f0")
    assert made.meta.aligned_from == runs.load(run_of("flow")).meta.weights_sha256


def test_clips_of_somebody_elses_generator_are_an_arm_and_what_is_undeclared_is_said(
    tmp_path: Path, corpus: Corpus
) -> None:
    theirs = write_corpus(tmp_path / "theirs", synthetic=True, fold=-1)
    settings = StudySettings(
        arms=("theirs@0.1",), clips=(("theirs", theirs.path),), trained_on="undeclared", seeds=1, steps=1, batch_size=8
    )
    actual = augmentation_study(corpus, tmp_path / "study", settings)
    assert "is undeclared: perhaps the test songs" in present(actual.arm("theirs@0.1").verdict)
    assert actual.requested.clips == (("theirs", str(theirs.path)),)
    declared = tmp_path / "songs.csv"
    declared.write_text("song_id\nsome-song\n")
    known = replace(settings, trained_on=str(declared))
    actual = augmentation_study(corpus, tmp_path / "declared", known)
    assert "undeclared" not in present(actual.arm("theirs@0.1").verdict)
    seen = str(corpus.songs[corpus.fold(0).test[0]])
    declared.write_text(f"song_id\n{seen}\n")
    with pytest.raises(MismatchError, match=f"trained on 1 of the test songs .first: {seen}"):
        augmentation_study(corpus, tmp_path / "leaking", known)
