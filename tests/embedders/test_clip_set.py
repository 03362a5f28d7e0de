from __future__ import annotations

import gc
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soxr
import torch
from tests.conftest import RATE, music
from tests.embedders.sets import recordings, with_audio

from affetti.corpus import Corpus
from affetti.embedders import clip_set
from affetti.embedders.clip_set import open_clip_set
from affetti.errors import AffettiError, InputError, StorageError, UsageError
from affetti.presets import mel_front_end
from affetti.signal import audio
from affetti.signal.inversion import invert_mel
from affetti.signal.mel import MelSpectrogram
from affetti.signal.phase import griffin_lim

TINY = mel_front_end("tiny")


def test_a_corpus_is_seen_whole(corpus: Corpus) -> None:
    clips = open_clip_set(corpus.path)
    assert len(clips) == 160
    assert clips.front_end == TINY
    assert clips.labels is not None
    np.testing.assert_array_equal(clips.labels, corpus.labels)
    part = clips.subset(np.array([7, 3]))
    np.testing.assert_array_equal(part.mel, corpus.mel[[7, 3]])
    assert part.songs.tolist() == corpus.songs[[7, 3]].tolist()
    assert part.labels is not None
    np.testing.assert_array_equal(part.labels, corpus.labels[[7, 3]])


def test_an_array_has_a_song_a_row_by_default(tmp_path: Path) -> None:
    np.save(tmp_path / "real.npy", np.random.default_rng(0).normal(-40.0, 10.0, (4, 8, 9)))
    clips = open_clip_set(tmp_path / "real.npy")
    assert len(set(clips.songs)) == 4
    assert clips.labels is None
    (tmp_path / "songs.txt").write_text("a\nb\na\nb\n")
    grouped = open_clip_set(tmp_path / "real.npy", groups=tmp_path / "songs.txt")
    assert grouped.songs.tolist() == ["a", "b", "a", "b"]
    (tmp_path / "songs.txt").write_text("a\nb\na\nb")
    assert open_clip_set(tmp_path / "real.npy", groups=tmp_path / "songs.txt").songs.tolist() == ["a", "b", "a", "b"]
    for saved in (b"\xef\xbb\xbfa\r\nb \r\na\r\nb\r\n\r\n", b" a\nb\t\na\nb", b"a\rb\ra\rb\r"):
        (tmp_path / "songs.txt").write_bytes(saved)
        grouped = open_clip_set(tmp_path / "real.npy", groups=tmp_path / "songs.txt")
        assert grouped.songs.tolist() == ["a", "b", "a", "b"]
    (tmp_path / "songs.txt").write_text("a\n\nb\n\n")
    with pytest.raises(InputError, match=r"songs.txt: line 2 is blank. Write one song id a line"):
        open_clip_set(tmp_path / "real.npy", groups=tmp_path / "songs.txt")


def test_a_folder_of_audio_gives_the_centre_of_each_file(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    audio.save(tmp_path / "b.wav", music(1, 9.0), RATE)
    audio.save(tmp_path / "sub/a.flac", music(2, 6.0), RATE)
    reported: list[int] = []
    clips = open_clip_set(tmp_path, front=TINY, progress=lambda _stage, done, _total: reported.append(done))
    assert clips.songs.tolist() == ["b.wav", "sub/a.flac"]
    assert reported == [0, 2]
    whole = audio.load(tmp_path / "b.wav", RATE)
    start = (len(whole) - TINY.samples) // 2
    expected = MelSpectrogram(TINY)(whole[start : start + TINY.samples]).numpy()
    np.testing.assert_allclose(clips.mel[0], expected, atol=0.05)


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
        (lambda folder: folder / "nowhere.npy", InputError, "no such file"),
        (lambda folder: folder, InputError, "neither a corpus nor a folder of audio"),
        (array(np.zeros((4, 8))), InputError, r"an array of shape \(4, 8\)"),
        (array(np.zeros((4, 8, 9), int)), InputError, "type int64"),
        (array(np.zeros((0, 8, 9))), InputError, r"an array of shape \(0, 8, 9\)"),
        (array(np.array([{"a": 1}], dtype=object)), InputError, "cut short, or no array of numbers"),
        (cut, InputError, "cut short, or no array of numbers"),
        (short, InputError, r"3\.0 s, shorter than a clip of 5\.9 s"),
        (unfinished, StorageError, "not a finished corpus"),
    ],
)
def test_input_that_cannot_be_scored_is_refused_in_one_line(
    tmp_path: Path, write: Callable[[Path], Path], kind: type[AffettiError], says: str
) -> None:
    with pytest.raises(kind, match=says) as caught:
        open_clip_set(write(tmp_path), front=TINY)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_silent_files_are_left_out_and_counted(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = (0.1 * rng.normal(size=8 * 22_050)).astype(np.float32)
    audio.save(tmp_path / "a.wav", noise, 22_050)
    audio.save(tmp_path / "b.wav", np.zeros_like(noise), 22_050)
    audio.save(tmp_path / "c.wav", np.full_like(noise, 0.5), 22_050)
    audio.save(tmp_path / "d.wav", np.where(np.arange(len(noise)) < 3 * 22_050, noise, 0.0).astype(np.float32), 22_050)
    clips = open_clip_set(tmp_path, front=mel_front_end("tiny"))
    assert len(clips) == 2 and clips.silent == 2
    assert [Path(file["path"]).name for file in clips.left_out] == ["b.wav", "c.wav"]
    assert all("silent" in file["reason"] for file in clips.left_out)


def test_silent_rows_of_an_array_are_left_out_and_counted(tmp_path: Path) -> None:
    mel = np.random.default_rng(0).normal(-40.0, 10.0, (5, 64, 20)).astype(np.float32)
    mel[1], mel[3] = -100.0, -80.0
    np.save(tmp_path / "mel.npy", mel)
    clips = open_clip_set(tmp_path / "mel.npy")
    np.testing.assert_array_equal(clips.mel, mel[[0, 2, 4]])
    assert clips.silent == 2
    assert clips.clip_names() == ["mel.npy[0]", "mel.npy[2]", "mel.npy[4]"]
    assert clips.left_out[0]["reason"] == "2 of its 5 clips are silent, the first in row 1"
    np.save(tmp_path / "silence.npy", np.full((3, 64, 20), -100.0))
    with pytest.raises(InputError, match="all clips are silent"):
        open_clip_set(tmp_path / "silence.npy")


def silence(corpus: Corpus, rows: list[int], folder: Path) -> Path:
    """A copy of a corpus in which some clips are silent."""
    shutil.copytree(corpus.path, folder)
    mel = np.load(folder / "mel.npy")
    mel[rows] = -100.0
    np.save(folder / "mel.npy", mel)
    return folder


def test_silent_rows_of_a_corpus_are_left_out_and_counted(corpus: Corpus, tmp_path: Path) -> None:
    rows = [3, 7, 100]
    clips = open_clip_set(silence(corpus, rows, tmp_path / "corpus"))
    kept = np.setdiff1d(np.arange(160), rows)
    assert (len(clips), clips.silent) == (157, 3)
    np.testing.assert_array_equal(clips.mel, corpus.mel[kept])
    assert clips.songs.tolist() == corpus.songs[kept].tolist()
    first = corpus.clips["clip_id"].iloc[3]
    assert clips.left_out[0]["reason"] == f"3 of its 160 clips are silent, the first {first}"
    whole, fold = corpus.fold(0), clips.fold(0)
    assert clips.corpus_rows is not None
    for part, name in ((whole.train, "train"), (whole.validation, "validation"), (whole.test, "test")):
        assert clips.corpus_rows[getattr(fold, name)].tolist() == np.setdiff1d(part, rows).tolist()
    with pytest.raises(InputError, match=r"silence: all clips are silent\. Check how they were made"):
        open_clip_set(silence(corpus, list(range(160)), tmp_path / "silence"))


def test_a_fold_of_a_corpus_is_that_of_its_rows(corpus: Corpus) -> None:
    fold, whole = open_clip_set(corpus.path).fold(1), corpus.fold(1)
    for ours, rows in ((fold.train, whole.train), (fold.validation, whole.validation), (fold.test, whole.test)):
        np.testing.assert_array_equal(ours, rows)


def test_large_parts_of_a_set_stay_on_disk(corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(clip_set, "MAX_BYTES_IN_MEMORY", 1_000)
    rows = np.array([150, 3, 90, 91])
    part = open_clip_set(corpus.path).subset(rows)
    assert isinstance(part.mel, np.memmap)
    np.testing.assert_array_equal(part.mel, corpus.mel[rows])
    assert len(list(tmp_path.iterdir())) == 1
    del part
    gc.collect()
    assert not list(tmp_path.iterdir())


def test_song_ids_must_fit(tmp_path: Path, corpus: Corpus) -> None:
    np.save(tmp_path / "real.npy", np.zeros((4, 8, 9)))
    (tmp_path / "songs.txt").write_text("a\nb\n")
    with pytest.raises(InputError, match="2 song ids for 4 rows"):
        open_clip_set(tmp_path / "real.npy", groups=tmp_path / "songs.txt")
    with pytest.raises(InputError, match="no such file"):
        open_clip_set(tmp_path / "real.npy", groups=tmp_path / "nowhere.txt")
    with pytest.raises(UsageError, match=r"song ids belong to \.npy sets"):
        open_clip_set(corpus.path, groups=tmp_path / "songs.txt")


def test_audio_needs_a_front_end(tmp_path: Path) -> None:
    audio.save(tmp_path / "a.wav", music(1), RATE)
    with pytest.raises(UsageError, match="--front-end"):
        open_clip_set(tmp_path)


def test_the_sound_of_a_clip_is_the_span_that_mel_inversion_gives_back(tmp_path: Path) -> None:
    length = (TINY.frames - 1) * TINY.hop_length
    clips = with_audio(tmp_path / "corpus")
    folder = open_clip_set(recordings(tmp_path / "folder", 2, seconds=9.0), front=TINY)
    for result in (clips, folder):
        assert result.files is not None
        whole = audio.load(result.files[1], RATE).numpy()
        start = (len(whole) - TINY.samples) // 2
        assert result.waveform(1, RATE).shape == (length,)
        np.testing.assert_array_equal(result.waveform(1, RATE), whole[start : start + length])
        expected = soxr.resample(whole[start : start + length], RATE, 16_000, quality="HQ")
        np.testing.assert_allclose(result.waveform(1, 16_000), expected, atol=1e-6)
    part = clips.subset(np.array([2, 1]))
    np.testing.assert_array_equal(part.waveform(1, RATE), clips.waveform(1, RATE))


def test_sound_of_mel_inversion_is_whole(tmp_path: Path) -> None:
    clips = with_audio(tmp_path / "corpus")
    assert clips.files is not None
    log_mel = torch.from_numpy(np.asarray(clips.mel[0], dtype=np.float32))
    inverted = griffin_lim(invert_mel(log_mel, TINY), 2, TINY.hop_length)
    audio.save(clips.files[0], inverted, RATE)
    assert clips.waveform(0, RATE).shape == inverted.shape
    audio.save(clips.files[0], inverted[:-1], RATE)
    with pytest.raises(InputError, match=r"5\.9 s, shorter than a clip of 5\.9 s"):
        clips.waveform(0, RATE)


def test_recordings_of_any_sample_rate_come_by_way_of_the_front_ends(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    time = np.arange(6 * 44_100) / 44_100
    tones = 0.1 * np.sin(2 * np.pi * 15_000 * time) + 0.1 * np.sin(2 * np.pi * 1_000 * time)
    audio.save(tmp_path / "a/high.wav", tones.astype(np.float32), 44_100)
    waveform = open_clip_set(tmp_path / "a", front=TINY).waveform(0, 48_000)[4_800:-4_800].double()
    level = torch.fft.rfft(waveform * torch.hann_window(len(waveform), dtype=torch.float64)).abs()
    above = round(11_025 * len(waveform) / 48_000)
    assert level[above:].max() < 1e-3 * level.max()
