from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from affetti.errors import UsageError
from affetti.inference.predictor import CurvePoint, SongPrediction
from affetti.report.curve import COLOURS, curve_picture


def entry(name: str, points: int = 5, interval: bool = True) -> SongPrediction:
    curve = [CurvePoint(float(t), 0.1 * t - 0.2, 0.5 - 0.1 * t) for t in range(points)]
    ci = [-0.3, 0.4] if interval else None
    return SongPrediction(f"music/{name}", 0.1, 0.2, valence_ci=ci, arousal_ci=ci, curve=curve)


def colours(path: Path) -> set[tuple[int, ...]]:
    return {tuple(value) for value in np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3)[::1].tolist()}


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))


def test_each_recording_is_drawn_in_its_colour(tmp_path: Path) -> None:
    path = tmp_path / "curve.png"
    assert curve_picture([entry("a.mp3"), SongPrediction("b.mp3", error="broken"), entry("c.mp3")], path) == []
    seen = colours(path)
    assert rgb(COLOURS[0]) in seen
    assert rgb(COLOURS[1]) in seen
    assert rgb(COLOURS[2]) not in seen


def test_arms_that_do_not_fit_are_named(tmp_path: Path) -> None:
    left = curve_picture([entry(f"{i}.wav", 1, interval=False) for i in range(10)], tmp_path / "curve.svg")
    assert left == ["music/8.wav", "music/9.wav"]
    assert (tmp_path / "curve.svg").read_text().lstrip().startswith("<?xml")


def test_an_invalid_picture_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'\.doc' is no picture"):
        curve_picture([entry("a.mp3")], tmp_path / "curve.doc")
    assert not list(tmp_path.iterdir())
