from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.material import shorten

from affetti.corpus import Corpus
from affetti.studies.augmentation.design import StudySettings, design_study
from affetti.studies.augmentation.published_protocol import published_protocol
from affetti.studies.augmentation.results import ArmResult
from affetti.training.registry import Budget


def test_the_mixture_is_split_by_clip_and_marked_as_not_valid(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten(monkeypatch, "gan", Budget(2, 8))
    made = design_study(corpus, StudySettings(seeds=2, steps=2, batch_size=8, ratio=2.3, arms=("gan",)))
    ccc = {"ccc_valence": 0.3, "ccc_arousal": 0.3, "ci": (0.2, 0.4)}
    arms = (
        ArmResult(name="real", ccc=0.3, **ccc, delta=0.0, delta_ci=(0.0, 0.0)),  # type: ignore[arg-type]
        ArmResult(name="gan", ccc=0.32, **ccc, delta=0.02, delta_ci=(-0.1, 0.1)),  # type: ignore[arg-type]
    )
    result = published_protocol(made, tmp_path / "out", arms)
    conditions = np.load(tmp_path / "out/labels.npy")
    assert conditions.shape == (round(2.3 * 160), 2)
    assert abs(conditions.mean()) < 0.15, "conditions are drawn uniformly from the plane"
    assert result.honest is False
    assert "trained on every real test song" in result.why
    total = 160 + len(conditions)
    assert result.test.test == total - int(0.85 * total)
    assert result.test.synthetic / result.test.test == pytest.approx(2.3 / 3.3, abs=0.12)
    assert result.gain == pytest.approx(result.mixed.value - result.real.value)
    assert result.difference == pytest.approx(result.gain - 0.02)
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.*")}
    assert published_protocol(made, tmp_path / "out", arms) == result
    assert before == {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.*")}, "done once"
    one = json.loads((tmp_path / "out/seed-0.json").read_text())
    assert result.mixed.range[0] <= one["mixed"] <= result.mixed.range[1]
