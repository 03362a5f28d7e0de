"""Sets of clips to be scored: a corpus, a folder of audio, or an array of log-mels, all seen as one thing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti.corpus import Corpus
from affetti.errors import InputError, StorageError, UsageError
from affetti.presets import FrontEnd
from affetti.progress import Progress, silent
from affetti.signal import audio
from affetti.signal.mel import MelSpectrogram


@dataclass(frozen=True)
class ClipSet:
    """Log-mels and what is known of them."""

    name: str
    mel: NDArray[np.floating]
    """dB ``[N, M, F]``, possibly memory-mapped."""
    songs: NDArray[np.str_]
    """Song id of each clip ``[N]``."""
    labels: NDArray[np.float64] | None = None
    """``[N, 2]`` in [-1, 1]: ratings of real clips, the emotions asked for of synthetic ones."""
    front_end: FrontEnd | None = None
    corpus: Corpus | None = None
    files: tuple[Path, ...] | None = None
    """Audio of each clip, where the set holds audio: of a corpus the clip, of a folder what it is the centre of."""

    def __len__(self) -> int:
        return len(self.mel)

    def subset(self, rows: NDArray[np.intp]) -> ClipSet:
        """The given rows."""
        labels = None if self.labels is None else self.labels[rows]
        files = None if self.files is None else tuple(self.files[row] for row in rows)
        return replace(self, mel=self.mel[rows], songs=self.songs[rows], labels=labels, files=files)

    def require_audio(self, reader: str) -> None:
        """Refuse a set without audio to ``reader``, which hears waveforms.

        Raises:
            InputError: it holds none, or not that of every clip.
        """
        hint = "prepare it with --keep-audio, generate it with --audio, or give a folder of audio"
        if self.files is None or self.front_end is None:
            raise InputError(f"holds no audio, and the features {reader} hear waveforms", where=self.name, hint=hint)
        absent = [file for file in self.files if not file.is_file()]
        if absent:
            raise InputError(f"the audio of {len(absent)} clips is missing", where=absent[0], hint=hint)

    def waveform(self, row: int, sample_rate: int) -> Tensor:
        """The sound of clip ``row``: float32 ``[T]``, of the same T for all clips.

        It comes by way of the front-end's sample rate, so that recordings of a wider band do not differ by that band,
        and is as long as the span from the first frame to the last, which is what mel inversion gives back.

        Raises:
            InputError: the file cannot be used, or is shorter than a clip.
        """
        if self.files is None or self.front_end is None:
            raise InputError("holds no audio", where=self.name)
        front, file = self.front_end, self.files[row]
        length = (front.frames - 1) * front.hop_length
        whole = audio.load(file, front.sample_rate).numpy()
        start = max(0, (len(whole) - front.samples) // 2)
        if len(whole) < length:
            raise _too_short(file, len(whole), front)
        return torch.from_numpy(audio.resample(whole[start : start + length], front.sample_rate, sample_rate))


def open_set(
    path: str | Path, *, front: FrontEnd | None = None, groups: Path | None = None, progress: Progress = silent
) -> ClipSet:
    """Open whatever ``path`` is.

    Args:
        path: a corpus, a folder of audio files (one clip each, from their centre), or a ``.npy`` of dB log-mels
            ``[N, M, F]``.
        front: the front-end for audio; unused for the others.
        groups: a text file with the song id of each row of a ``.npy``, one a line.
        progress: told of files decoded.

    Raises:
        StorageError: there is nothing there.
        InputError: what is there cannot be used.
    """
    path = Path(path)
    if path.suffix == ".npy":
        return _from_array(path, groups)
    if groups is not None:
        raise UsageError("song ids belong to .npy sets; a corpus has its own", where="--groups", hint="leave it out")
    if (path / "corpus.json").exists() or (path / ".work").exists():
        corpus = Corpus.open(path)
        kept = path / "audio"
        files = tuple(kept / f"{name}.flac" for name in corpus.clips["clip_id"]) if kept.is_dir() else None
        return ClipSet(str(path), corpus.mel, corpus.songs, corpus.labels, corpus.front_end, corpus, files)
    if path.is_dir():
        return _from_audio(path, front, progress)
    raise StorageError("no such corpus, folder or .npy", where=path, hint="check the path")


def _from_array(path: Path, groups: Path | None) -> ClipSet:
    try:
        mel = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"not a NumPy array ({error})", where=path, hint="save one with numpy.save") from error
    if mel.ndim != 3 or mel.size == 0 or not np.issubdtype(mel.dtype, np.floating):
        raise InputError(
            f"an array of shape {mel.shape} and type {mel.dtype}", where=path, hint="give dB log-mels [N, M, F]"
        )
    songs = np.array([f"{path.stem}-{i}" for i in range(len(mel))])
    if groups is not None:
        try:
            songs = np.array(groups.read_text(encoding="utf-8").split("\n"))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot be read ({error})", where=groups, hint="write one song id a line") from error
        songs = songs[:-1] if len(songs) and songs[-1] == "" else songs
        if len(songs) != len(mel):
            raise InputError(f"{len(songs)} song ids for {len(mel)} rows", where=groups, hint="write one song id a row")
    return ClipSet(str(path), mel, songs)


def _from_audio(path: Path, front: FrontEnd | None, progress: Progress) -> ClipSet:
    if front is None:
        raise UsageError(
            "two folders of audio need a front-end", where="--preset", hint="name one, such as --preset tiny"
        )
    files = sorted(p for p in path.rglob("*") if p.suffix.lower() in audio.AUDIO_SUFFIXES)
    if not files:
        raise InputError("neither a corpus nor a folder of audio", where=path, hint="give WAV, FLAC, Ogg or MP3 files")
    to_mel = MelSpectrogram(front)
    mels: list[NDArray[np.float16]] = []
    for number, file in enumerate(files):
        waveform = audio.load(file, front.sample_rate)
        start = (len(waveform) - front.samples) // 2
        if start < 0:
            raise _too_short(file, len(waveform), front)
        with torch.inference_mode():
            mels.append(to_mel(waveform[start : start + front.samples]).numpy().astype(np.float16))
        progress("decode", number + 1, len(files))
    songs = np.array([str(file.relative_to(path)) for file in files])
    return ClipSet(str(path), np.stack(mels), songs, front_end=front, files=tuple(files))


def _too_short(file: Path, samples: int, front: FrontEnd) -> InputError:
    return InputError(
        f"{samples / front.sample_rate:.1f} s, shorter than a clip of {front.seconds:g} s",
        where=file,
        hint="remove it, or take another --preset",
    )
