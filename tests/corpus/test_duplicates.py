from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from affetti.corpus import duplicates
from affetti.presets import MEL_FRONT_ENDS
from affetti.signal import audio
from affetti.signal.mel import MelSpectrogram

MakeClips = Callable[..., pd.DataFrame]
FRONT = MEL_FRONT_ENDS["tiny"]


def course(seed: int, frames: int = 100, bands: int = 16) -> NDArray[np.float64]:
    """A log-mel with a course of its own over time."""
    rng = np.random.default_rng(seed)
    return rng.normal(0, 8, (bands, frames)) - 40 + rng.normal(0, 5, (bands, 1))


def mel(wave: NDArray[np.float32]) -> NDArray[np.float16]:
    return MelSpectrogram(FRONT)(torch.from_numpy(np.ascontiguousarray(wave))).numpy().astype(np.float16)


def test_similarity_is_the_correlation_at_the_best_lag_by_brute_force() -> None:
    x, y = course(0), course(1)
    a, b = (it - it.mean(axis=1, keepdims=True) for it in (x, y))

    def at(lag: int) -> float:
        s, t = (a[:, lag:], b[:, : 100 - lag]) if lag >= 0 else (a[:, :lag], b[:, -lag:])
        return float((s * t).sum() / np.sqrt((s**2).sum() * (t**2).sum()))

    assert duplicates.similarity(x, y) == pytest.approx(max(at(lag) for lag in range(-25, 26)), abs=1e-9)
    assert duplicates.similarity(x, y) == pytest.approx(duplicates.similarity(y, x), abs=1e-9)


def test_a_copy_at_another_level_through_another_filter_or_later_is_the_same() -> None:
    x = course(0, 140)
    first = x[:, :100]
    assert duplicates.similarity(first, first) == pytest.approx(1.0)
    assert duplicates.similarity(first, first - 12 + np.linspace(-6, 6, 16)[:, None]) == pytest.approx(1.0)
    assert duplicates.similarity(first, x[:, 20:120]) > 0.98
    assert duplicates.similarity(first, course(1)) < 0.8


def test_steady_sounds_are_not_compared() -> None:
    assert duplicates.similarity(np.full((16, 100), -30.0), course(0)) == 0.0


def test_common_silence_is_not_similarity() -> None:
    x, y = course(0), course(1)
    x[:, 40:] = y[:, 40:] = min(x.min(), y.min()) - 60
    assert duplicates.similarity(x, y) < 0.5
    assert duplicates.similarity(x, x - 6) == pytest.approx(1.0)
    x[:, 20:] = x.min()
    assert duplicates.similarity(x, x) == 0.0  # a fifth of a clip is too short to compare


def test_copies_are_named_after_the_first_and_songs_of_one_id_are_no_fault(make_clips: MakeClips) -> None:
    made = [course(seed) for seed in range(20)]
    made[7], made[15], made[11] = made[3] - 6, made[3] + 3, made[10]
    mels = np.stack(made).astype(np.float16)
    clips = make_clips(20)
    clips.loc[11, "song_id"] = clips["song_id"].tolist()[10]
    result = duplicates.find(mels, clips)
    assert duplicates.find(mels, clips, threads=3) == result
    assert {i: name for i, name in enumerate(result) if name} == {3: "c3", 7: "c3", 15: "c3"}
    check = duplicates.check(clips.assign(duplicates=result))
    assert (check.verdict, check.n) == ("suspect", 3)
    assert duplicates.check(clips).verdict == "fine"


def test_a_sound_that_many_songs_share_ties_none_of_them(make_clips: MakeClips) -> None:
    ending = course(99)
    for count, tied in ((duplicates.MAX_SONGS, True), (duplicates.MAX_SONGS + 1, False)):
        made = [ending - seed if seed < count else course(seed) for seed in range(14)]
        result = duplicates.find(np.stack(made).astype(np.float16), make_clips(14))
        assert [bool(name) for name in result] == [tied and seed < count for seed in range(14)]


def test_detected_copies_do_not_depend_on_the_order(make_clips: MakeClips) -> None:
    made = [course(seed) for seed in range(12)]
    made[5] = made[2] - 6
    mels, clips = np.stack(made).astype(np.float16), make_clips(12)
    backwards = duplicates.find(mels[::-1], clips.iloc[::-1])
    assert [bool(name) for name in backwards[::-1]] == [bool(name) for name in duplicates.find(mels, clips)]


def test_real_music_is_recognised_after_a_codec_and_other_music_is_not(data: Path, make_clips: MakeClips) -> None:
    names = sorted((data / "open/librosa_audio").glob("*.ogg"))
    takes: list[NDArray[np.float32]] = []
    for name in names:
        wave = audio.load(name, FRONT.sample_rate).numpy()
        takes += [wave[at : at + FRONT.samples] for at in range(0, len(wave) - FRONT.samples, 3 * FRONT.samples)]
    takes = [take for take in takes if not audio.is_silent(take)]
    coded = io.BytesIO()
    soundfile.write(coded, 0.5 * takes[0], FRONT.sample_rate, format="MP3", subtype="MPEG_LAYER_III")
    coded.seek(0)
    copy = soundfile.read(coded, dtype="float32")[0][: FRONT.samples]
    mels = np.stack([mel(take) for take in [*takes, copy]])
    result = duplicates.find(mels, make_clips(len(mels)))
    assert [i for i, name in enumerate(result) if name] == [0, len(mels) - 1]
