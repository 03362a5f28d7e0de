from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.material import LEAN, flags

from affetti.corpus import Corpus
from affetti.errors import StorageError
from affetti.results import Estimate
from affetti.training.result import ClipCounts, TrainResult
from affetti.training.train import TrainSettings, train_run

ESTIMATE = {"value": 0.5, "ci": [0.4, 0.6]}
AGREEMENT = {"ccc": ESTIMATE, "r2": None, "pearson": ESTIMATE, "rmse": ESTIMATE, "mae": ESTIMATE}
GENERATOR: dict[str, Any] = {
    "verb": "train",
    "model": "flow",
    "fold": 0,
    "n": {"train": 72, "validation": 8, "test": 80},
    "songs": {"train": 9},
    "steps": 24,
    "seed": 0,
    "seconds": 1.5,
    "loss": 0.7,
    "parameters": 1000,
    "corpus_hash": "abc",
    "versions": {"affetti": "0.1.0"},
    "alarms": ["step 24: silence"],
}
REGRESSOR: dict[str, Any] = {key: value for key, value in GENERATOR.items() if key != "alarms"} | {
    "calibration": {
        "coverage": 0.9,
        "n": 8,
        "songs": 1,
        "half_width": {"valence": 0.2, "arousal": 0.3},
        "on": "validation songs",
    },
    "test": {"valence": AGREEMENT, "arousal": AGREEMENT},
    "coverage": {"valence": ESTIMATE, "arousal": ESTIMATE},
    "quadrants": {"accuracy": ESTIMATE, "guess": 0.4, "n": 80},
    "genres": [{"genre": "rock", "n": 8, "songs": 2, "valence": None, "arousal": ESTIMATE}],
    "worst": [
        {
            "song_id": "a",
            "error": 0.4,
            "n": 8,
            "read": [0.1, 0.2],
            "label": [0.3, 0.4],
            "worst_clip": "a-0",
            "genre": "rock",
        }
    ],
}


def test_results_of_version_0_1_open_under_the_new_names(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps(REGRESSOR))
    result = TrainResult.open(tmp_path)
    assert result.quadrants is not None
    assert result.worst is not None
    assert result.test is not None
    assert result.quadrants.chance == 0.4
    assert result.worst[0].prediction == (0.1, 0.2)
    assert result.test["valence"].pearson == Estimate(0.5, (0.4, 0.6))
    assert result.alarms is None
    (tmp_path / "result.json").write_text(json.dumps(GENERATOR))
    generator = TrainResult.open(tmp_path)
    assert (generator.alarms, generator.n, generator.test) == (("step 24: silence",), ClipCounts(72, 8, 80), None)


@pytest.mark.parametrize("kind", ["flow", "student"])
def test_a_result_is_the_document_on_disk_and_its_keys_keep_their_order(
    run_of: Callable[[str], Path], kind: str
) -> None:
    document = json.loads((run_of(kind) / "result.json").read_text())
    result = TrainResult.open(run_of(kind))
    assert json.loads(json.dumps(result.to_dict())) == document
    later = [key for key in REGRESSOR if key not in GENERATOR]
    first = [key for key in GENERATOR if key != "alarms"]
    last = ["features", "feature_ccc", "labels", "test_by_song", "within_songs", "curves", "fusion", "initial_weights"]
    assert list(document) == [*first, "alignment", "alarms", *later, *last]


def test_an_unfinished_run_of_another_version_says_so_in_one_line(
    tmp_path: Path, corpus: Corpus, affetti: Callable[..., Any]
) -> None:
    settings = TrainSettings(steps=4, batch_size=8, model=LEAN["student"])
    train_run("student", corpus, 0, tmp_path / "run", settings)
    (tmp_path / "run/model.json").unlink()
    path = tmp_path / "run/config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"affetti": "0.0.9"}))
    with pytest.raises(StorageError, match=r"holds other work \(affetti was '0\.0\.9', is "):
        train_run("student", corpus, 0, tmp_path / "run", settings)
    ran = affetti(
        *("train", "student", "--corpus", corpus.path, "--out", tmp_path / "run", "--steps", 4, "--batch-size", 8),
        *("--set", *flags("student")),
    )
    assert ran.code == 2
    assert "affetti was '0.0.9'" in ran.complaint
