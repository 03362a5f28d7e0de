from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.conftest import RATE, music

from affetti.errors import AffettiError, MismatchError, StorageError
from affetti.inference.blend import FILE, Blend, ListenerAgreement, Member, open_blend, save_blend
from affetti.inference.predictor import predict_waveform
from affetti.inference.window_regressors import BlendedWindowRegressor, TorchWindowRegressor, open_regressor
from affetti.results import Estimate
from affetti.training import run as runs

WEIGHTS = {"student": (0.3, 0.9), "baseline": (0.5, 0.2)}
OFFSET = (0.05, -0.1)


@pytest.fixture
def blend(run_of: Callable[[str], Path], tmp_path: Path) -> Path:
    folder = tmp_path / "blend"
    members: list[Member] = []
    for kind, weight in WEIGHTS.items():
        shutil.copytree(run_of(kind), folder / kind)
        members.append(Member(kind, runs.load(folder / kind).meta.weights_sha256, weight))
    agreement = ListenerAgreement("piano", 9, "r", Estimate(0.4, (0.2, 0.6)), Estimate(0.7, (0.5, 0.8)), (0.9, 0.8))
    save_blend(
        folder, Blend(tuple(members), OFFSET, (0.4, 0.3), 0.9, "-1..1", "a blend", (agreement,), "train a better one")
    )
    return folder


def windows(count: int = 2) -> NDArray[np.float32]:
    length = round(5.9 * RATE)
    return np.stack([music(seed, 6.0)[:length] for seed in range(count)])


def test_a_blend_is_the_weighted_sum_of_its_members(blend: Path) -> None:
    regressor, sound = open_regressor(blend), windows()
    expected = np.array(OFFSET)
    for kind, weight in WEIGHTS.items():
        expected = expected + np.array(weight) * TorchWindowRegressor(runs.load(blend / kind)).predict(sound)
    assert regressor.predict(sound) == pytest.approx(expected.clip(-1, 1), abs=1e-6)
    one = np.concatenate([regressor.predict(sound[i : i + 1]) for i in range(2)])
    assert regressor.predict(sound) == pytest.approx(one, abs=1e-5)


def test_a_blend_predicts_with_its_own_interval_and_says_what_it_is(blend: Path) -> None:
    prediction = predict_waveform(open_regressor(blend), music(1, 8.0))
    assert prediction.interval_level == 0.9
    assert prediction.valence is not None
    assert prediction.valence_ci == pytest.approx([prediction.valence - 0.4, prediction.valence + 0.4])
    assert prediction.regressor == (
        "a blend. agreement with listeners on piano: r valence 0.40 [0.20, 0.60], arousal 0.70 [0.50, 0.80], "
        "inside the intervals 90% and 80%. train a better one"
    )


def test_a_member_of_shorter_clips_predicts_from_the_middle(blend: Path) -> None:
    regressor = BlendedWindowRegressor(blend)
    longer = np.pad(windows(1), ((0, 0), (RATE, RATE)), mode="wrap")
    assert regressor.predict(longer) == pytest.approx(regressor.predict(windows(1)), abs=1e-6)


def test_other_weights_are_refused(blend: Path, run_of: Callable[[str], Path]) -> None:
    shutil.rmtree(blend / "student")
    shutil.copytree(run_of("vit"), blend / "student")
    with pytest.raises(MismatchError, match=r"weights are not those blend\.json describes"):
        open_regressor(blend)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "not a blend"),
        ({"version": 99}, "blend format 99"),
        ({"members": []}, "has no members"),
        ({"half_width": "wide"}, "damaged"),
        ({"surplus": 1}, "damaged"),
        ({"offset": [math.nan, 0]}, "not a finite number"),
        ({"offset": [0, math.inf]}, "not a finite number"),
        ({"half_width": [-1, 0.2]}, "half-width"),
        ({"half_width": [0.2, math.nan]}, "half-width"),
        ({"interval_level": 2}, "an interval level of 2"),
    ],
)
def test_a_damaged_description_is_refused(blend: Path, change: dict[str, object], message: str) -> None:
    document = json.loads((blend / FILE).read_text()) | change
    (blend / FILE).write_text(json.dumps(document))
    with pytest.raises(AffettiError, match=message):
        open_blend(blend)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"run": "../student"}, r"'../student' is no folder within the blend"),
        ({"run": ""}, "no folder within the blend"),
        ({"run": "baseline"}, "names a member twice"),
        ({"weight": [1, math.nan]}, "not a finite number"),
    ],
)
def test_a_damaged_member_is_refused(blend: Path, change: dict[str, object], message: str) -> None:
    document = json.loads((blend / FILE).read_text())
    document["members"][0] |= change
    (blend / FILE).write_text(json.dumps(document))
    with pytest.raises(StorageError, match=message):
        open_blend(blend)


def test_a_blend_is_no_run(blend: Path) -> None:
    with pytest.raises(StorageError, match="a blend of regressors, which needs sound"):
        runs.load(blend)


def test_a_description_that_is_cut_short_is_refused(blend: Path) -> None:
    text = (blend / FILE).read_text()
    (blend / FILE).write_text(text[: len(text) // 2])
    with pytest.raises(StorageError):
        open_regressor(blend)


def test_what_was_saved_is_opened(blend: Path) -> None:
    first = open_blend(blend)
    changed = replace(first, offset=(0.0, 0.0))
    save_blend(blend, changed)
    assert open_blend(blend) == changed
