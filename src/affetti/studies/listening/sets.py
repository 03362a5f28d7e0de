"""The clips that a study may be made of: a corpus, or a folder of audio files, under the name of its system.

Clips of two sets answer the same request where they have the same name, or else where their emotions are nearest: what
was requested of a generated clip, the label of a real one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from affetti.corpus import Corpus
from affetti.corpus.store import audio_file
from affetti.errors import InputError
from affetti.signal import audio
from affetti.signal.audio_files import list_audio
from affetti.signal.vocoder import GriffinLim
from affetti.storage import is_file, is_folder
from affetti.studies.listening.rating_table import Codes, Floats

MAX_DISTANCE = 0.3
"""Euclidean distance on the plane up to which two clips count as answers to one request."""
FILE_RATE = 44_100
"""Samples a second of clips from a folder of audio files."""


@dataclass(frozen=True)
class ClipSet:
    """Clips of one system."""

    system: str
    path: Path
    names: tuple[str, ...]
    songs: tuple[str, ...]
    emotions: Floats
    """``[N, 2]``, NaN where unknown."""
    sample_rate: int
    corpus: Corpus | None
    files: tuple[Path, ...] = ()

    @classmethod
    def open(cls, system: str, path: Path) -> ClipSet:
        """Open a corpus or a folder of audio.

        Raises:
            InputError: there is no such folder, or no sound in it.
            StorageError: the corpus is damaged.
        """
        if not is_folder(path):
            raise InputError("no such folder", where=path, hint=f"give a corpus or a folder of audio for {system}")
        if is_file(path / "corpus.json"):
            corpus = Corpus.open(path)
            names = tuple(map(str, corpus.clips["clip_id"]))
            rate = corpus.front_end.sample_rate
            return cls(system, path, names, tuple(map(str, corpus.songs)), corpus.labels, rate, corpus)
        files = tuple(list_audio(path).files)
        if not files:
            raise InputError("holds no audio", where=path, hint=f"give a corpus or a folder of audio for {system}")
        names = tuple(file.relative_to(path).with_suffix("").as_posix() for file in files)
        emotions = np.full((len(files), 2), np.nan)
        return cls(system, path, names, names, emotions, FILE_RATE, None, files)

    def waveform(self, row: int, sample_rate: int) -> Tensor:
        """The sound of a clip ``[T]``; of a corpus without sound, what a vocoder makes of the log-mel."""
        if self.corpus is None:
            return audio.load(self.files[row], sample_rate)
        file = audio_file(self.path / "audio", self.names[row])
        if is_file(file):
            return audio.load(file, sample_rate)
        mel = torch.from_numpy(np.asarray(self.corpus.mel[row], dtype=np.float32))
        wave = GriffinLim(self.corpus.front_end)(mel)
        resampled = audio.resample(wave.numpy(), self.sample_rate, sample_rate)
        return torch.from_numpy(np.ascontiguousarray(resampled))

    @property
    def has_sound(self) -> bool:
        """Whether clips are played as they are, and not from their log-mels."""
        return self.corpus is None or is_file(audio_file(self.path / "audio", self.names[0]))


def choose_requests(clips: ClipSet, count: int, seed: int) -> Codes:
    """Rows of ``count`` clips spread over the emotions, each the one farthest from those before.

    They are of different songs where there are as many.

    Raises:
        InputError: there are fewer clips.
    """
    order = np.random.default_rng(seed).permutation(len(clips.names))
    _, first = np.unique(np.array(clips.songs)[order], return_index=True)
    rows = order[np.sort(first)] if len(first) >= count else order
    if len(rows) < count:
        raise InputError(
            f"{clips.system} has {len(rows)} clips, {count} are needed",
            where=clips.path,
            hint="lower --clips-per-condition, or give a larger set",
        )
    emotions = clips.emotions[rows]
    if not np.isfinite(emotions).all():
        return rows[:count].astype(np.intp)
    chosen = [0]
    distance = np.linalg.norm(emotions - emotions[0], axis=1)
    while len(chosen) < count:
        distance[chosen] = -1.0
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(emotions - emotions[chosen[-1]], axis=1))
    return rows[np.array(chosen)].astype(np.intp)


def match_requests(clips: ClipSet, base: ClipSet, rows: Sequence[int]) -> list[int]:
    """The row of ``clips`` that answers the request of each of the ``rows`` of ``base``, no two the same.

    Raises:
        InputError: a request has no answer.
    """
    by_name = {name: row for row, name in enumerate(clips.names)}
    if all(base.names[row] in by_name for row in rows):
        return [by_name[base.names[row]] for row in rows]
    targets = base.emotions[list(rows)]
    if not (np.isfinite(targets).all() and np.isfinite(clips.emotions).all()):
        name = next(base.names[row] for row in rows if base.names[row] not in by_name)
        raise InputError(
            f"{clips.system} has no clip named {name}, and emotions to match it by are unknown",
            where=clips.path,
            hint="name the files of all systems alike, or give corpora",
        )
    used: set[int] = set()
    matched: list[int] = []
    for row, target in zip(rows, targets, strict=True):
        distance = np.linalg.norm(clips.emotions - target, axis=1)
        distance[list(used)] = np.inf
        best = int(distance.argmin())
        if distance[best] > MAX_DISTANCE:
            raise InputError(
                f"{clips.system} has no clip near ({target[0]:+.2f}, {target[1]:+.2f}), as {base.names[row]} is",
                where=clips.path,
                hint="generate with --emotions matched, or lower --clips-per-condition",
            )
        used.add(best)
        matched.append(best)
    return matched
