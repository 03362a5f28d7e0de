from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.conftest import RATE, music

from affetti.corpus import Corpus
from affetti.errors import AffettiError, InputError, StorageError, UsageError
from affetti.features.clipset import open_set
from affetti.presets import front_end
from affetti.signal import audio
from affetti.signal.mel import MelSpectrogram

TINY = front_end("tiny")


def test_a_corpus_is_seen_whole(corpus: Corpus) -> None:
    found = open_set(corpus.path)
    assert len(found) == 160
    assert found.front_end == TINY
    assert found.labels is not None
    np.testing.assert_array_equal(found.labels, corpus.labels)
    part = found.subset(np.array([7, 3]))
    np.testing.assert_array_equal(part.mel, corpus.mel[[7, 3]])
    assert part.songs.tolist() == corpus.songs[[7, 3]].tolist()
    assert part.labels is not None
    np.testing.assert_array_equal(part.labels, corpus.labels[[7, 3]])


def test_an_array_has_a_song_a_row_unless_told(tmp_path: Path) -> None:
    np.save(tmp_path / "real.npy", np.zeros((4, 8, 9), np.float32))
    found = open_set(tmp_path / "real.npy")
    assert len(set(found.songs)) == 4
    assert found.labels is None
    (tmp_path / "songs.txt").write_text("a\nb\na\nb\n")
    grouped = open_set(tmp_path / "real.npy", groups=tmp_path / "songs.txt")
    assert grouped.songs.tolist() == ["a", "b", "a", "b"]
    (tmp_path / "songs.txt").write_text("a\nb\na\nb")
    assert open_set(tmp_path / "real.npy", groups=tmp_path / "songs.txt").songs.tolist() == ["a", "b", "a", "b"]


def test_a_folder_of_audio_gives_the_centre_of_each_file(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    audio.save(tmp_path / "b.wav", music(1, 9.0), RATE)
    audio.save(tmp_path / "sub/a.flac", music(2, 6.0), RATE)
    told: list[int] = []
    found = open_set(tmp_path, front=TINY, progress=lambda _stage, done, _total: told.append(done))
    assert found.songs.tolist() == ["b.wav", "sub/a.flac"]
    assert told == [1, 2]
    whole = audio.load(tmp_path / "b.wav", RATE)
    start = (len(whole) - TINY.samples) // 2
    expected = MelSpectrogram(TINY)(whole[start : start + TINY.samples]).numpy()
    np.testing.assert_allclose(found.mel[0], expected, atol=0.05)


def nothing(_folder: Path) -> Path:
    return _folder / "nowhere"


def array(content: object) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        np.save(folder / "set.npy", np.asarray(content))
        return folder / "set.npy"

    return write


def cut(folder: Path) -> Path:
    np.save(folder / "set.npy", np.zeros((4, 8, 9)))
    (folder / "set.npy").write_bytes((folder / "set.npy").read_bytes()[:500])
    return folder / "set.npy"


def short(folder: Path) -> Path:
    audio.save(folder / "a.wav", music(1, 3.0), RATE)
    return folder


def unfinished(folder: Path) -> Path:
    (folder / ".work").mkdir()
    return folder


@pytest.mark.parametrize(
    ("write", "kind", "says"),
    [
        (nothing, StorageError, "no such corpus, folder or .npy"),
        (lambda folder: folder / "nowhere.npy", InputError, "not a NumPy array"),
        (lambda folder: folder, InputError, "neither a corpus nor a folder of audio"),
        (array(np.zeros((4, 8))), InputError, r"an array of shape \(4, 8\)"),
        (array(np.zeros((4, 8, 9), int)), InputError, "type int64"),
        (array(np.zeros((0, 8, 9))), InputError, r"an array of shape \(0, 8, 9\)"),
        (array(np.array([{"a": 1}], dtype=object)), InputError, "not a NumPy array"),
        (cut, InputError, "not a NumPy array"),
        (short, InputError, r"3\.0 s, shorter than a clip of 5\.9 s"),
        (unfinished, StorageError, "not a finished corpus"),
    ],
)
def test_what_cannot_be_scored_is_refused_in_one_line(
    tmp_path: Path, write: Callable[[Path], Path], kind: type[AffettiError], says: str
) -> None:
    with pytest.raises(kind, match=says) as caught:
        open_set(write(tmp_path), front=TINY)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_song_ids_must_fit(tmp_path: Path, corpus: Corpus) -> None:
    np.save(tmp_path / "real.npy", np.zeros((4, 8, 9)))
    (tmp_path / "songs.txt").write_text("a\nb\n")
    with pytest.raises(InputError, match="2 song ids for 4 rows"):
        open_set(tmp_path / "real.npy", groups=tmp_path / "songs.txt")
    with pytest.raises(InputError, match="cannot be read"):
        open_set(tmp_path / "real.npy", groups=tmp_path / "nowhere.txt")
    with pytest.raises(UsageError, match=r"song ids belong to \.npy sets"):
        open_set(corpus.path, groups=tmp_path / "songs.txt")


def test_audio_needs_a_front_end(tmp_path: Path) -> None:
    audio.save(tmp_path / "a.wav", music(1), RATE)
    with pytest.raises(UsageError, match="--preset"):
        open_set(tmp_path)
