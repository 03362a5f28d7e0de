"""Sets of clips to be scored: a corpus, a folder of audio, or an array of log-mels, all seen as one thing."""

from __future__ import annotations

import tempfile
import weakref
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti import tables
from affetti.corpus import Corpus, splits
from affetti.corpus.store import audio_file
from affetti.embedders.recordings import decode_folder, too_short_error
from affetti.embedders.silent_rows import CLIPS_AT_A_TIME, silent_rows
from affetti.errors import InputError, StorageError, UsageError
from affetti.execution import Executor
from affetti.execution.base import ranges
from affetti.presets import FrontEnd
from affetti.progress import Progress, silent
from affetti.rows import release_pages
from affetti.scratch import ScratchFolder
from affetti.signal import audio
from affetti.storage import is_file, is_folder, read_error, require_space

MAX_CLIPS = 100_000
"""Clips of a set that is scored at once."""
MAX_BYTES_IN_MEMORY = 1 << 30
"""Log-mels of a part of a set that are copied to memory; more are copied to the temporary space."""


@dataclass(frozen=True)
class ClipSet:
    """Log-mels and what is known of them."""

    name: str
    mel: NDArray[np.floating]
    """dB ``[N, M, F]``, possibly memory-mapped."""
    songs: NDArray[np.str_]
    """Song id of each clip ``[N]``."""
    labels: NDArray[np.float64] | None = None
    """``[N, 2]`` in [-1, 1]: ratings of real clips, the requested emotions of synthetic ones."""
    front_end: FrontEnd | None = None
    corpus: Corpus | None = None
    corpus_rows: NDArray[np.intp] | None = None
    """Row of each clip in the corpus ``[N]``."""
    files: tuple[Path, ...] | None = None
    """Audio of each clip, where the set holds audio: of a corpus the clip, of a folder what it is the centre of."""
    names: NDArray[np.str_] | None = None
    """Id of each clip ``[N]``; without it clips go by their number."""
    genres: NDArray[np.str_] | None = None
    """Of each clip ``[N]``, empty where unknown."""
    sources: NDArray[np.str_] | None = None
    """File that each clip of a corpus was cut from ``[N]``, empty where unknown."""
    left_out: tuple[dict[str, str], ...] = ()
    """``path`` and ``reason`` of each file of a folder that cannot be used, and of silent rows of a corpus or array."""
    silent: int = 0
    """Clips that were left out because they are silent."""
    sample_rates: NDArray[np.intp] | None = None
    """Sample rate of the file of each clip of a folder ``[N]``."""
    rms_db: NDArray[np.float64] | None = None
    """Root mean square of each clip of a folder ``[N]``, dBFS."""

    def __len__(self) -> int:
        return len(self.mel)

    def subset(self, rows: NDArray[np.intp]) -> ClipSet:
        """The given rows."""
        mel = take_rows(self.mel, rows)
        parts = {
            name: None if given is None else given[rows]
            for name, given in (
                ("names", self.names),
                ("genres", self.genres),
                ("sources", self.sources),
                ("corpus_rows", self.corpus_rows),
                ("sample_rates", self.sample_rates),
                ("rms_db", self.rms_db),
            )
        }
        labels = None if self.labels is None else self.labels[rows]
        files = None if self.files is None else tuple(self.files[row] for row in rows)
        return replace(self, mel=mel, songs=self.songs[rows], labels=labels, files=files, **parts)

    def fold(self, number: int) -> splits.Fold:
        """Fold ``number`` of the corpus, as rows of this set.

        Raises:
            UsageError: the set is no corpus, or has no such fold.
            MismatchError: the fold leaks, see :func:`affetti.corpus.splits.fold`.
        """
        if self.corpus is None or self.corpus_rows is None:
            raise UsageError("only a corpus has folds", where="--fold", hint="leave it out")
        whole = self.corpus.fold(number)
        parts = (
            np.flatnonzero(np.isin(self.corpus_rows, part)) for part in (whole.train, whole.validation, whole.test)
        )
        return splits.Fold(number, *parts)

    def clip_names(self) -> list[str]:
        """Id of each clip; where there is none, the set's name and the number of its row."""
        if self.names is not None:
            return self.names.tolist()
        return [f"{Path(self.name).name}[{row}]" for row in range(len(self))]

    def clip_files(self) -> list[str | None]:
        """File of each clip where one is known: its own audio, else what it was cut from."""
        if self.files is not None and all(file.is_file() for file in self.files):
            return [str(file) for file in self.files]
        return [None] * len(self) if self.sources is None else [source or None for source in self.sources.tolist()]

    def require_audio(self, features: str) -> None:
        """Refuse a set without audio; ``features`` names the embedder that takes waveforms.

        Raises:
            InputError: it holds none, or not that of every clip.
        """
        hint = "prepare it with --keep-audio, generate it with --audio, or give a folder of audio"
        if self.files is None or self.front_end is None:
            raise InputError(f"holds no audio, and the features {features} take waveforms", where=self.name, hint=hint)
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
            raise too_short_error(file, len(whole), front)
        return torch.from_numpy(audio.resample(whole[start : start + length], front.sample_rate, sample_rate))


def take_rows(mel: NDArray[np.floating], rows: NDArray[np.intp]) -> NDArray[np.floating]:
    """Rows of log-mels ``[N, M, F]``; what is memory-mapped and large stays memory-mapped, if need be in a copy.

    Raises:
        StorageError: the temporary space is too small for the copy.
    """
    if len(rows) > 0 and (np.diff(rows) == 1).all():
        return mel[rows[0] : rows[-1] + 1]
    needed = len(rows) * mel[0].nbytes
    if needed <= MAX_BYTES_IN_MEMORY:
        return mel[rows]
    require_space(Path(tempfile.gettempdir()), needed)
    scratch = ScratchFolder()
    try:
        taken = np.lib.format.open_memmap(scratch.path / "mel.npy", "w+", mel.dtype, (len(rows), *mel.shape[1:]))
        weakref.finalize(taken, scratch.remove)
        for start, stop in ranges(len(rows), CLIPS_AT_A_TIME):
            taken[start:stop] = mel[rows[start:stop]]
            release_pages(mel)
    except BaseException:
        scratch.remove()
        raise
    taken.flags.writeable = False
    return taken


def open_clip_set(
    path: str | Path,
    *,
    front: FrontEnd | None = None,
    groups: Path | None = None,
    executor: Executor | None = None,
    progress: Progress = silent,
) -> ClipSet:
    """Open whatever ``path`` is.

    Args:
        path: a corpus, a folder of audio files (one clip each, from their centre), or a ``.npy`` of dB log-mels
            ``[N, M, F]``.
        front: the front-end for audio; unused for the others.
        groups: a text file with the song id of each row of a ``.npy``, one a line.
        executor: runs the decoding of audio; this process by default.
        progress: receives the number of files decoded.

    Raises:
        StorageError: there is nothing there.
        InputError: what is there cannot be used, or is too much to be scored at once.
    """
    path = Path(path)
    if path.suffix == ".npy":
        return _from_array(path, groups)
    if groups is not None:
        raise UsageError("song ids belong to .npy sets; a corpus has its own", where="--groups", hint="leave it out")
    if is_file(path / "corpus.json") or is_folder(path / ".work"):
        return _without_silence(corpus_clips(Corpus.open(path)))
    if is_folder(path):
        decoded = decode_folder(path, front, executor=executor, progress=progress)
        names = np.array([str(file.relative_to(path)) for file in decoded.files])
        return ClipSet(
            str(path),
            decoded.mel,
            names,
            front_end=front,
            files=decoded.files,
            names=names,
            left_out=decoded.left_out,
            silent=decoded.silent,
            sample_rates=decoded.sample_rates,
            rms_db=decoded.rms_db,
        )
    raise StorageError("no such corpus, folder or .npy", where=path, hint="check the path")


def _from_array(path: Path, groups: Path | None) -> ClipSet:
    try:
        mel = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        refused = read_error(path, error)
        raise InputError(refused.what, where=path, hint=refused.hint) from error
    except (ValueError, EOFError) as error:  # numpy's own words advise to unpickle
        raise InputError("cut short, or no array of numbers", where=path, hint="save one with numpy.save") from error
    if mel.ndim != 3 or mel.size == 0 or not np.issubdtype(mel.dtype, np.floating):
        raise InputError(
            f"an array of shape {mel.shape} and type {mel.dtype}", where=path, hint="give dB log-mels [N, M, F]"
        )
    require_few_clips(len(mel), path)
    songs = np.array([f"{path.stem}-{i}" for i in range(len(mel))])
    if groups is not None:
        songs = np.array(tables.read_list(groups, "write one song id a line"))
        if len(songs) != len(mel):
            raise InputError(f"{len(songs)} song ids for {len(mel)} rows", where=groups, hint="write one song id a row")
    return _without_silence(ClipSet(str(path), mel, songs))


def corpus_clips(corpus: Corpus) -> ClipSet:
    """All clips of a corpus, silent ones too: row i is clip i.

    Raises:
        InputError: they are too many to be scored at once.
    """
    kept = corpus.path / "audio"
    files = tuple(audio_file(kept, name) for name in corpus.clips["clip_id"]) if kept.is_dir() else None
    require_few_clips(len(corpus), corpus.path)
    columns = ("clip_id", "genre", "source_path")
    names, genres, sources = (corpus.clips[name].fillna("").to_numpy(dtype=str) for name in columns)
    return ClipSet(
        str(corpus.path),
        corpus.mel,
        corpus.songs,
        corpus.labels,
        corpus.front_end,
        corpus,
        np.arange(len(corpus)),
        files,
        names,
        genres,
        sources,
    )


def _without_silence(clips: ClipSet) -> ClipSet:
    """A corpus or array without the rows that are silent.

    Raises:
        InputError: all rows are silent.
        StorageError: the temporary space is too small.
    """
    rows = silent_rows(clips.mel, clips.front_end)
    if not len(rows):
        return clips
    if len(rows) == len(clips):
        raise InputError("all clips are silent", where=clips.name, hint="check how they were made")
    first = f"in row {rows[0]}" if clips.names is None else str(clips.names[rows[0]])
    reason = f"{len(rows)} of its {len(clips)} clips {'is' if len(rows) == 1 else 'are'} silent, the first {first}"
    sounding = np.setdiff1d(np.arange(len(clips)), rows)
    kept = replace(clips, names=np.array(clips.clip_names())).subset(sounding)
    return replace(kept, left_out=({"path": clips.name, "reason": reason},), silent=len(rows))


def require_few_clips(clips: int, where: str | Path) -> None:
    """Whether a set can be scored at once.

    Raises:
        InputError: it holds more than :data:`MAX_CLIPS` clips.
    """
    if clips > MAX_CLIPS:
        raise InputError(
            f"{clips:,} clips are too many to score at once: their features alone would fill memory",
            where=where,
            hint=f"draw whole songs at random down to {MAX_CLIPS:,} clips",
        )
