from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from affetti import api
from affetti.corpus import Corpus
from affetti.errors import InputError, MissingDependencyError
from affetti.studies.augmentation import audio_copies as room
from affetti.studies.augmentation.audio_copies import write_audio_copies
from affetti.studies.augmentation.synthetic_sets import require_honest

pytest.importorskip("audiomentations", reason="the extra augment is not installed")


@pytest.fixture
def with_audio(make_folder, tmp_path: Path) -> Corpus:
    api.prepare.run(
        f"folder:{make_folder(8)}", tmp_path / "with_audio", scale="-1..1", keep_audio=True, folds=2, workers=1
    )
    return Corpus.open(tmp_path / "with_audio")


def test_copies_sound_almost_alike_keep_labels_and_songs_and_are_of_training_clips_alone(
    with_audio: Corpus, tmp_path: Path
) -> None:
    part = with_audio.fold(0)
    made = write_audio_copies(with_audio, 0, 5, "shift", tmp_path / "made", seed=1)
    rows = part.train[np.arange(5) % len(part.train)]
    assert made.songs.tolist() == with_audio.songs[rows].tolist()
    assert np.array_equal(made.labels, with_audio.labels[rows])
    apart = np.abs(made.mel.astype(float) - with_audio.mel[rows].astype(float)).mean(axis=(1, 2))
    assert (apart > 0.05).all()
    assert (apart < 12).all(), "dB; a shift of a semitone moves partials by less than a band or two"
    assert made.synthetic
    require_honest(made, with_audio, part)
    before = (tmp_path / "made/corpus.json").stat().st_mtime_ns
    write_audio_copies(with_audio, 0, 5, "shift", tmp_path / "made", seed=1)
    assert (tmp_path / "made/corpus.json").stat().st_mtime_ns == before, "made once"


def test_copies_need_sound_and_the_library(
    with_audio: Corpus, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"audio of a clip is missing.*--keep-audio"):
        write_audio_copies(corpus, 0, 2, "stretch", tmp_path / "mute")
    monkeypatch.setattr(room.waveform, "is_available", lambda: False)
    with pytest.raises(MissingDependencyError, match="audiomentations"):
        write_audio_copies(with_audio, 0, 2, "stretch", tmp_path / "none")
    assert not (tmp_path / "none").exists()
