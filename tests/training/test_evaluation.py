from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.material import present

from affetti.corpus import Corpus, splits
from affetti.errors import InputError
from affetti.models.base import Regressor
from affetti.training import run as runs
from affetti.training.evaluation import evaluate_regressor, predict
from affetti.training.model_card import model_card
from affetti.training.result import TrainResult


class Oracle(Regressor):
    """Knows the label, which lies in the first two cells, but for ``error``."""

    def __init__(self, error: float) -> None:
        super().__init__()
        self.error = error

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        return mel[:, 0, :2] + self.error

    def embedding(self, mel: torch.Tensor) -> torch.Tensor:
        return mel.flatten(1)


def labels_as_mels(corpus: Corpus) -> np.ndarray:
    return np.repeat(corpus.labels[:, None, :], 2, axis=1)


def test_a_perfect_regressor_passes_every_measure(corpus: Corpus) -> None:
    part = splits.fold(corpus.clips, 0)
    result = evaluate_regressor(Oracle(0.0), labels_as_mels(corpus), corpus, part, 0)
    for axis in ("valence", "arousal"):
        assert present(result.test[axis].ccc).value == pytest.approx(1)
        assert present(present(result.test[axis].ccc).of_ceiling).value > 1, "labels are noisy: no real regressor can"
        assert result.coverage[axis].value == 1
    assert result.quadrants.accuracy.value > 0.99
    assert result.worst[0].error == pytest.approx(0, abs=1e-6)
    assert sum(row.n for row in result.genres) == len(part.test)


def test_a_constant_error_is_the_interval(corpus: Corpus) -> None:
    part = splits.fold(corpus.clips, 0)
    result = evaluate_regressor(Oracle(0.2), labels_as_mels(corpus), corpus, part, 0)
    assert result.calibration.half_width["valence"] == pytest.approx(0.2, abs=1e-6)
    assert result.calibration.on == "validation songs"
    assert present(result.test["valence"].mae).value == pytest.approx(0.2, abs=1e-6)
    uncalibrated = splits.Fold(0, part.train, part.validation[:0], part.test)
    again = evaluate_regressor(Oracle(0.2), labels_as_mels(corpus), corpus, uncalibrated, 0)
    assert again.calibration.on.startswith("training")


def test_predictions_keep_the_order_of_rows(corpus: Corpus, run_of: Callable[[str], Path]) -> None:
    model, rows = runs.load(run_of("student")).model, np.array([5, 3, 150])
    np.testing.assert_allclose(predict(model, corpus.mel, rows), predict(model, corpus.mel, rows, 1), atol=1e-5)
    assert predict(model, corpus.mel, rows[:0]).shape == (0, 2)


def test_the_card_has_data_licence_scores_and_limitations(corpus: Corpus, run_of: Callable[[str], Path]) -> None:
    result = TrainResult.open(run_of("student"))
    card = model_card(corpus, result)
    assert card == (run_of("student") / "MODEL_CARD.md").read_text()
    ccc = present(present(result.test)["valence"].ccc)
    low, high = present(ccc.ci)
    assert f"| CCC | {ccc.value:.2f} [{low:.2f}, {high:.2f}] |" in card
    for reported in (
        corpus.meta["licence"],
        "no song or artist on both sides",
        "promised 50 %",
        "## Limits",
        "| pop |",
    ):
        assert reported in card
    assert "Scores" not in (run_of("flow") / "MODEL_CARD.md").read_text()


def test_a_prediction_that_is_not_finite_names_its_clip() -> None:
    data = np.zeros((4, 3, 5), dtype=np.float16)
    data[2, 0, 1] = np.inf
    with pytest.raises(InputError, match=r"the prediction of clip 2 is not finite, and that of 0 others"):
        predict(Oracle(0.0), data, np.arange(4))
