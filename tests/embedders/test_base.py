from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.embedders.sets import TINY, with_audio
from tests.material import mels, write_corpus

from affetti.embedders.base import BATCH_SIZE, FunctionEmbedder, Standardiser, embed_rows, require_input
from affetti.embedders.clip_set import ClipSet, open_clip_set
from affetti.embedders.statistics import STATISTICS
from affetti.errors import InputError


def test_an_embedder_of_waveforms_refuses_a_set_without_audio(tmp_path: Path) -> None:
    listener = FunctionEmbedder("ears", "1", lambda sound: sound, sample_rate=16_000)
    np.save(tmp_path / "mels.npy", mels(4, TINY.shape).numpy())
    for clips in (open_clip_set(tmp_path / "mels.npy"), open_clip_set(write_corpus(tmp_path / "mute", 4, 1).path)):
        with pytest.raises(InputError, match="holds no audio, and the features ears take waveforms"):
            require_input(listener, clips)
    recorded = with_audio(tmp_path / "audio")
    require_input(listener, recorded)
    assert recorded.files is not None
    recorded.files[2].unlink()
    with pytest.raises(InputError, match=r"clip2.flac: the audio of 1 clips is missing"):
        require_input(listener, recorded)


def test_an_embedder_is_given_the_waveform_of_each_clip(tmp_path: Path) -> None:
    clips = with_audio(tmp_path / "audio", BATCH_SIZE + 2)
    listener = FunctionEmbedder("ears", "1", lambda sound: sound[:, :100], sample_rate=16_000)
    features = embed_rows(listener, clips, range(1, BATCH_SIZE + 2))
    assert features.dtype == np.float32
    expected = [clips.waveform(row, 16_000)[:100].numpy() for row in range(1, BATCH_SIZE + 2)]
    np.testing.assert_array_equal(features, expected)


def test_rows_of_a_set_are_embedded_as_they_are_alone() -> None:
    data = mels(9, (16, 32)).numpy()
    clips = ClipSet("set", data, np.zeros(9, str))
    np.testing.assert_array_equal(
        embed_rows(STATISTICS, clips, range(4, 7)), embed_rows(STATISTICS, clips, range(9))[4:7]
    )


def test_a_damaged_log_mel_is_refused_with_the_number_of_its_clip() -> None:
    clips = mels(3, (64, 128)).numpy()
    clips[1, 5, 6] = np.inf
    with pytest.raises(InputError, match="set, clip 1: a value is not finite"):
        embed_rows(STATISTICS, ClipSet("set", clips, np.zeros(3, str)), range(3))


def test_features_are_scaled_by_the_reference_alone() -> None:
    rng = np.random.default_rng(0)
    reference = rng.normal([5, -2, 0], [2, 0.1, 1], (500, 3))
    standard = Standardiser.fit(reference)
    scaled = standard(reference)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(scaled.std(axis=0), 1)
    np.testing.assert_allclose(standard(reference + standard.std), scaled + 1)


def test_a_feature_that_never_varies_is_kept_as_it_is() -> None:
    standard = Standardiser.fit(np.full((10, 1), 3.0))
    np.testing.assert_allclose(standard(np.array([[3.0], [4.5]])), [[0], [1.5]])
