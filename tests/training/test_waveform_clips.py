from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from affetti import api
from affetti.corpus import Corpus
from affetti.errors import InputError
from affetti.signal import audio
from affetti.training.waveform_clips import SoundClips, sound_clips


@pytest.fixture(scope="module")
def with_audio(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("sound") / "corpus"
    api.prepare.run("composed", folder, clips=16, folds=2, workers=1, keep_audio=True)
    return Corpus.open(folder)


def clips_of(corpus: Corpus, window: int = 131_072) -> SoundClips:
    return sound_clips(corpus, corpus.labels, np.arange(len(corpus)), window)


def test_a_batch_is_the_sound_of_its_clips(with_audio: Corpus) -> None:
    rows = np.array([3, 0])
    result, labels = clips_of(with_audio).take(rows)
    assert result.shape == (2, with_audio.front_end.samples)
    assert result.dtype == torch.float32
    for row, waveform in zip(rows, result, strict=True):
        file = with_audio.path / "audio" / f"{with_audio.clips['clip_id'].iloc[row]}.flac"
        assert torch.equal(waveform, audio.load(file, 22_050)[: with_audio.front_end.samples])
    np.testing.assert_allclose(labels.numpy(), with_audio.labels[rows], rtol=1e-6)


def test_a_piece_of_a_long_clip_is_chosen_by_the_seed(with_audio: Corpus) -> None:
    clips, whole = clips_of(with_audio, 4096), clips_of(with_audio).take(np.array([2]))[0][0]
    pieces = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        pieces.append(clips.take(np.array([2]))[0][0])
    assert torch.equal(pieces[0], pieces[1])
    assert not torch.equal(pieces[0], pieces[2])
    starts = (whole.unfold(0, 4096, 1)[:, :64] == pieces[0][:64]).all(dim=1).nonzero()
    assert len(starts) >= 1


def test_batches_come_in_the_order_of_the_loop(with_audio: Corpus) -> None:
    clips = clips_of(with_audio, 4096)
    requested: list[int] = []
    for step in range(4):
        _, labels = clips.batch(4, 0, step)
        requested += [int(np.abs(with_audio.labels - row.numpy()).sum(axis=1).argmin()) for row in labels]
    assert sorted(requested) == list(range(16)), "every clip once an epoch"


def test_statistics_are_of_whole_clips(with_audio: Corpus) -> None:
    waveforms, labels = clips_of(with_audio, 4096).sample()
    assert waveforms.shape == (16, with_audio.front_end.samples)
    assert labels.shape == (16, 2)


def test_the_loudest_clip_is_always_in_the_sample(with_audio: Corpus) -> None:
    clips = clips_of(with_audio)
    peaks = clips.take(clips.rows)[0].abs().amax(dim=1)
    for loudest in (0, 1, 17, 38, 39):  # 16 of 40 places are taken otherwise
        rows = np.full(40, int(peaks.argmin()))
        rows[loudest] = int(peaks.argmax())
        result, _ = replace(clips, rows=rows).sample(limit=1)
        assert len(result) in (16, 17)
        assert float(result.abs().max()) == float(peaks.max())


def test_a_corpus_that_kept_no_audio_is_refused(corpus: Corpus, with_audio: Corpus, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"kept no audio.* --keep-audio"):
        clips_of(corpus)
    import shutil

    shutil.copytree(with_audio.path, tmp_path / "corpus")
    (tmp_path / "corpus/audio" / f"{with_audio.clips['clip_id'].iloc[5]}.flac").unlink()
    with pytest.raises(InputError, match=r"the sound of a clip is missing.* --keep-audio"):
        clips_of(Corpus.open(tmp_path / "corpus"))
