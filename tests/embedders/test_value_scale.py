from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from affetti.corpus import Corpus
from affetti.embedders.value_scale import unlike_decibels

Mels = NDArray[np.float64]


@pytest.fixture(params=["composed", "recorded"])
def mels(request: pytest.FixtureRequest) -> Mels:
    """dB log-mels of composed songs, and of real recordings by librosa."""
    if request.param == "composed":
        corpus: Corpus = request.getfixturevalue("corpus")
        return np.asarray(corpus.mel, dtype=np.float64)
    data: Path = request.getfixturevalue("data")
    librosa = pytest.importorskip("librosa", reason="librosa is the witness of the front-end")
    clips: list[Mels] = []
    for path in sorted((data / "open/librosa_audio").glob("*.ogg")):
        wave, rate = soundfile.read(path, frames=24 * 44_100, dtype="float32", always_2d=True)
        wave = librosa.resample(wave.mean(axis=1), orig_sr=rate, target_sr=22_050)
        power = librosa.feature.melspectrogram(y=wave, sr=22_050, n_fft=2_048, hop_length=1_024, n_mels=64, fmax=8_000)
        decibels = librosa.power_to_db(power, top_db=80.0)
        clips += [decibels[:, at : at + 128] for at in range(0, decibels.shape[1] - 127, 128)]
    return np.stack(clips)


def test_decibels_are_not_cautioned_against(mels: Mels) -> None:
    assert unlike_decibels(mels) is None
    assert unlike_decibels(mels.astype(np.float16)) is None
    assert unlike_decibels(mels[:4] - 30) is None


@pytest.mark.parametrize(
    ("scale", "says"),
    [
        ("unit", "scaled to [-1, 1]"),
        ("zero to one", "scaled to [0, 1]"),
        ("zero to one with tails", "scaled to [0, 1]"),
        ("unit with tails", "scaled to [-1, 1]"),
        ("standardised", "standardised to mean 0"),
        ("power", "power or magnitude"),
        ("magnitude", "power or magnitude"),
        ("natural logarithm", "a natural logarithm"),
        ("decimal logarithm", "a decimal logarithm"),
        ("above the floor", "dB above a floor"),
        ("own maximum", "relative to each clip's own maximum"),
        ("axes", "frames before bands"),
    ],
)
def test_another_scale_is_named(mels: Mels, scale: str, says: str) -> None:
    low, high = mels.min(), mels.max()
    other = {
        "unit": 2 * (mels - low) / (high - low) - 1,
        "zero to one": (mels - low) / (high - low),
        "zero to one with tails": with_tails((mels - low) / (high - low)),
        "unit with tails": with_tails(2 * (mels - low) / (high - low) - 1),
        "standardised": (mels - mels.mean()) / mels.std(),
        "power": 10 ** (mels / 10),
        "magnitude": 10 ** (mels / 20),
        "natural logarithm": mels * np.log(10) / 10,
        "decimal logarithm": mels / 10,
        "above the floor": mels - low,
        "own maximum": mels - mels.max(axis=(1, 2), keepdims=True),
        "axes": mels.transpose(0, 2, 1),
    }[scale]
    result = unlike_decibels(other)
    assert result is not None
    assert says in result


def with_tails(mels: Mels) -> Mels:
    """One value in two hundred lies outside the range, as a network makes them."""
    outside = np.random.default_rng(3).random(mels.shape) < 0.005
    return np.where(outside, mels + np.sign(mels - mels.mean()), mels)


def test_one_clip_or_no_values_give_no_verdict() -> None:
    assert unlike_decibels(np.zeros((3, 8, 16))) is None
    assert unlike_decibels(np.full((1, 8, 16), np.nan)) is None
