from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.embedders.sets import TINY, with_audio
from tests.material import mels, write_corpus

from affetti.corpus import Corpus
from affetti.embedders.base import BATCH, STATISTICS, Embedder, Standardiser, regressor, statistics
from affetti.embedders.clip_set import ClipSet, open_clip_set
from affetti.errors import InputError, MismatchError, UsageError
from affetti.signal.statistics import mel_statistics
from affetti.training import run as runs


def test_statistics_of_many_clips_are_those_of_each() -> None:
    data = mels(BATCH + 3, (16, 32)).half().numpy()
    found = statistics(data)
    assert found.shape == (BATCH + 3, 3 * 16 + 48)
    for row in (0, BATCH - 1, BATCH, BATCH + 2):
        alone = mel_statistics(torch.from_numpy(data[row : row + 1].astype(np.float32))).numpy()[0]
        np.testing.assert_allclose(found[row], alone, rtol=1e-4, atol=1e-4)


def test_the_version_of_the_statistics_stands_for_these_numbers() -> None:
    # Numbers that lie in caches bear the version: whoever changes them raises it, in embedders.STATISTICS.
    mel = np.sin(np.arange(8 * 64, dtype=np.float64)).reshape(1, 8, 64) * 20 - 40
    found = statistics(mel)[0]
    assert STATISTICS.version == "statistics-1"
    known = [-39.9698, 14.1334, 13.6903, -38.5975, -9.5374, -3.7231]
    np.testing.assert_allclose(found[[0, 8, 16, 24, 40, 71]], known, rtol=1e-5)


def test_a_regressors_features_are_what_its_last_layer_reads(run_of: Callable[[str], Path], corpus: Corpus) -> None:
    embedder = regressor(str(run_of("student")))
    assert embedder.front_end == TINY
    assert embedder.sample_rate is None
    assert not embedder.standardise
    assert len(embedder.trained_on) == 9  # of ten, one is kept for the intervals
    model = runs.load(run_of("student")).model
    mel = torch.from_numpy(corpus.mel[:5].astype(np.float32))
    with torch.inference_mode():
        found = embedder.embed(mel)
        last = model.get_submodule("head")[-1]
        assert found.shape == (5, 64)
        torch.testing.assert_close(torch.tanh(last(found)), model(mel))
        torch.testing.assert_close(embedder.embed(mel[[3]]), found[[3]], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(embedder.embed(mel.flip(0)), found.flip(0), rtol=1e-4, atol=1e-4)


def test_runs_without_features_of_emotion_are_refused(run_of: Callable[[str], Path]) -> None:
    for kind in ("baseline", "flow"):
        with pytest.raises(UsageError, match=f"a {kind} has no features of emotion"):
            regressor(str(run_of(kind)))


def test_a_regressor_may_not_judge_songs_it_was_trained_on(run_of: Callable[[str], Path], corpus: Corpus) -> None:
    embedder = regressor(str(run_of("student")))
    part = corpus.fold(0)
    embedder.require_unseen(corpus.songs[part.test])
    with pytest.raises(MismatchError, match="--features regressor: was trained on 9 of the test songs"):
        embedder.require_unseen(corpus.songs)
    STATISTICS.require_unseen(corpus.songs)


def test_log_mels_of_another_front_end_are_refused(tmp_path: Path, run_of: Callable[[str], Path]) -> None:
    embedder = regressor(str(run_of("student")))
    other = replace(TINY, f_max=11_025.0)
    same_shape = write_corpus(tmp_path / "wide", 4, 1, other)
    np.save(tmp_path / "narrow.npy", mels(4, (32, 128)).numpy())
    np.save(tmp_path / "fits.npy", mels(4, TINY.shape).numpy())
    for path in (same_shape.path, tmp_path / "narrow.npy"):
        with pytest.raises(MismatchError, match=rf"features regressor read {TINY.hash}"):
            embedder.require(open_clip_set(path))
    embedder.require(open_clip_set(tmp_path / "fits.npy"))


def test_features_that_hear_refuse_a_set_without_audio(tmp_path: Path) -> None:
    listener = Embedder("ears", "1", lambda sound: sound, sample_rate=16_000)
    np.save(tmp_path / "mels.npy", mels(4, TINY.shape).numpy())
    for clips in (open_clip_set(tmp_path / "mels.npy"), open_clip_set(write_corpus(tmp_path / "mute", 4, 1).path)):
        with pytest.raises(InputError, match="holds no audio, and the features ears hear waveforms"):
            listener.require(clips)
    heard = with_audio(tmp_path / "heard")
    listener.require(heard)
    assert heard.files is not None
    heard.files[2].unlink()
    with pytest.raises(InputError, match=r"clip2.flac: the audio of 1 clips is missing"):
        listener.require(heard)


def test_an_embedder_hears_each_clip(tmp_path: Path) -> None:
    clips = with_audio(tmp_path / "heard", BATCH + 2)
    listener = Embedder("ears", "1", lambda sound: sound[:, :100], sample_rate=16_000)
    found = listener(clips, range(1, BATCH + 2))
    assert found.dtype == np.float32
    expected = [clips.waveform(row, 16_000)[:100].numpy() for row in range(1, BATCH + 2)]
    np.testing.assert_array_equal(found, expected)


def test_rows_of_a_set_are_embedded_as_they_are_alone() -> None:
    data = mels(9, (16, 32)).numpy()
    clips = ClipSet("set", data, np.zeros(9, str))
    np.testing.assert_array_equal(STATISTICS(clips, range(4, 7)), STATISTICS(clips, range(9))[4:7])


def test_features_are_scaled_by_the_reference_alone() -> None:
    rng = np.random.default_rng(0)
    reference = rng.normal([5, -2, 0], [2, 0.1, 1], (500, 3))
    standard = Standardiser.of(reference)
    scaled = standard(reference)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(scaled.std(axis=0), 1)
    np.testing.assert_allclose(standard(reference + standard.std), scaled + 1)


def test_a_feature_that_never_varies_is_kept_as_it_is() -> None:
    standard = Standardiser.of(np.full((10, 1), 3.0))
    np.testing.assert_allclose(standard(np.array([[3.0], [4.5]])), [[0], [1.5]])
