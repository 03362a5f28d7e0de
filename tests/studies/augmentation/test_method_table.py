from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.material import present

from affetti.corpus import Corpus
from affetti.metrics import concordance, quality_score
from affetti.models.regressors.baseline import Baseline
from affetti.studies.augmentation import method_table
from affetti.studies.augmentation.arms import parse_arm
from affetti.studies.augmentation.design import StudySettings, design_study
from affetti.studies.augmentation.method_table import measure_methods, sampling_rows, training_steps_rows
from affetti.studies.augmentation.results import ArmResult, MethodRow
from affetti.studies.augmentation.synthetic_sets import SyntheticSet, TrainingSubset
from affetti.training.clips import Clips
from affetti.training.closed_form import fit_baseline
from affetti.training.evaluation import predict


@pytest.fixture(scope="module")
def rows(corpus: Corpus) -> dict[str, MethodRow]:
    """Methods, among them a 'generator' that gives back other real clips."""
    result = design_study(corpus, StudySettings(arms=("mixup", "null", "composer", "time-stretch+mixup", "composer@2")))
    made = parse_arm("composer", 1.0).synthetic
    assert made is not None
    sets = [SyntheticSet(made, TrainingSubset(0, 1.0, corpus.path), corpus.path)]
    ccc = {"ccc_valence": 0.3, "ccc_arousal": 0.3, "ccc": 0.3, "ci": (0.2, 0.4)}
    arms = (ArmResult(name="mixup", **ccc, delta=0.1, delta_ci=(0.0, 0.2)),)  # type: ignore[arg-type]
    return {row.name: row for row in measure_methods(result, sets, arms)}


def test_a_row_for_each_method_and_none_for_amounts_and_mixtures(rows: dict[str, MethodRow]) -> None:
    assert set(rows) == {"real", "specaugment", "mixup", "composer"}
    assert rows["mixup"].delta == 0.1
    assert rows["real"].delta is None
    assert rows["composer"].information is None, "what has no original is not measured"
    assert rows["real"].information is None
    for name in ("specaugment", "mixup"):
        low, high = rows[name].information_ci or (0, 0)
        assert 0 < low <= (rows[name].information or 0) <= high < 100
    assert present(rows["specaugment"].claimed).quality == "85–95"
    assert rows["composer"].claimed is None


def test_numbers_are_those_of_the_metrics_themselves(rows: dict[str, MethodRow], corpus: Corpus) -> None:
    part = corpus.fold(0)
    train, test = (np.asarray(corpus.mel[r], dtype=np.float32) for r in (part.train, part.test))
    plain = quality_score(test, train, corpus.songs[part.test], corpus.songs[part.train])
    assert rows["real"].quality == pytest.approx(plain.score)
    regressor = Baseline(corpus.front_end.shape)
    held = np.sort(np.concatenate([part.test, part.validation]))
    fit_baseline(regressor, Clips(corpus.mel, corpus.labels, held))
    prediction = predict(regressor, corpus.mel, part.train)
    by_hand = concordance(prediction[:, 1], corpus.labels[part.train, 1])
    assert rows["real"].emotion["arousal"].ccc.value == pytest.approx(by_hand)


def test_masked_clips_are_less_like_music_and_blends_less_diverse(rows: dict[str, MethodRow]) -> None:
    assert present(rows["specaugment"].quality) < present(rows["real"].quality) - 10
    assert present(rows["mixup"].diversity) < 0.95 * present(rows["real"].diversity)
    assert rows["real"].diversity == pytest.approx(1.0, abs=0.2)


def test_information_is_whole_where_nothing_is_changed_and_less_where_more_is(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = design_study(corpus, StudySettings(arms=("time-stretch",)))
    (small,) = [row for row in measure_methods(result, [], ()) if row.name == "time-stretch"]
    monkeypatch.setattr(method_table, "changes", lambda *_: [lambda mel, labels: (mel, labels)])
    (none,) = [row for row in measure_methods(result, [], ()) if row.name == "time-stretch"]
    noise = torch.Generator().manual_seed(0)
    shaken = [lambda mel, labels: (mel + 20 * torch.randn(mel.shape, generator=noise), labels)]
    monkeypatch.setattr(method_table, "changes", lambda *_: shaken)
    (much,) = [row for row in measure_methods(result, [], ()) if row.name == "time-stretch"]
    assert none.information == pytest.approx(100)
    assert present(none.information) > present(small.information) > present(much.information)


def test_sampling_parameters_and_training_steps_are_reported_in_order(tmp_path: Path, corpus: Corpus) -> None:
    names = ["flow:guidance=2", "flow:guidance=1.5", "flow:trained=40", "flow:steps=2,guidance=2", "gan:truncation=1"]
    result = sampling_rows(tuple(MethodRow(name=name, quality=None, n=1) for name in names), ["guidance"])
    assert [(row.kind, row.sampling, row.value) for row in result] == [
        ("flow", "guidance", 1.5), ("flow", "guidance", 2.0)
    ]  # fmt: skip
    (tmp_path / "runs/flow-trained=40-f0").mkdir(parents=True)
    (tmp_path / "runs/flow-trained=40-f0/result.json").write_text('{"seconds": 3.5}')
    made = design_study(corpus, StudySettings(arms=("mixup",)))
    (row,) = training_steps_rows(tuple(MethodRow(name=name, quality=None, n=1) for name in names), tmp_path, made)
    assert (row.kind, row.updates, row.seconds) == ("flow", 40, 3.5)
