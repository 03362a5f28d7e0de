"""Rounds of the page Listen: a real clip, and what each generator makes of the same request.

All clips are played from their log-mels by one vocoder, real ones too (a generator that makes sound is played as it
is): a difference is then that of the clips. A real clip is one that no generator of the round was trained on, where
there is one. Beside each generated clip stands the training clip that is nearest to it in the default features.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from affetti.corpus import Corpus
from affetti.embedders.base import Standardiser
from affetti.embedders.statistics import embed_statistics
from affetti.errors import MismatchError
from affetti.inference.generation import GenerationSettings
from affetti.signal import audio
from affetti.signal.loudness import loudness
from affetti.signal.vocoder import GriffinLim
from affetti.training import run as runs
from affetti.web.clips import open_generator, sample_clip

REAL = "real"
MAX_NEIGHBOURS = 20_000
"""Training clips that are searched for the nearest one, at most."""


@dataclass(frozen=True)
class RoundClip:
    """A clip of a round; its sound has been filed under its name."""

    name: str
    """``real``, or the name of the generator."""
    song: str | None
    """Of a real clip; None: a generated one."""
    loudness: float | None
    """LUFS; None: below the gate."""


@dataclass(frozen=True)
class Neighbour:
    """The training clip nearest to a generated one."""

    of: str
    """The name of the generator."""
    song: str
    distance: float
    """Euclidean, in standard deviations of the training clips' features."""
    loudness: float | None


@dataclass(frozen=True)
class Round:
    """Clips of one request."""

    valence: float
    arousal: float
    held_out: bool
    """Whether no generator was trained on the real clip's song."""
    clips: list[RoundClip]
    neighbours: list[Neighbour]


def play_round(
    corpus: Path,
    models: Mapping[str, Path],
    seed: int,
    real_sound: Path,
    sounds: Mapping[str, Path],
    neighbours: Mapping[str, Path],
) -> Round:
    """Draw a real clip by ``seed``, sample every generator for its emotion, and file all sounds.

    Args:
        corpus: a real corpus.
        models: generators, by name.
        seed: of the draw and of the samples.
        real_sound: file for the real clip.
        sounds: files for the generated clips, by the name of the generator.
        neighbours: files for the nearest training clips, by the name of the generator.

    Raises:
        MismatchError: a generator is of another front-end than the corpus.
    """
    real, trained = _corpus(corpus), {name: open_generator(path) for name, path in models.items()}
    for name, model in trained.items():
        if model.front_end.hash != real.front_end.hash:
            raise MismatchError(f"{name} is of another front-end than the corpus", hint="give a corpus of its preset")
    seen: set[str] = set().union(*(model.songs for model in trained.values()))
    unseen = np.flatnonzero(~np.isin(real.songs, sorted(seen)))
    rows = unseen if len(unseen) else np.arange(len(real))
    row = int(rows[np.random.default_rng(seed).integers(len(rows))])
    valence, arousal = real.labels[row].tolist()
    clips = [RoundClip(REAL, str(real.songs[row]), _file_mel(real, row, real_sound))]
    near: list[Neighbour] = []
    for name, model in trained.items():
        clip = sample_clip(model, (valence, arousal), GenerationSettings(seed=seed))
        clips.append(RoundClip(name, None, _file(clip.waveform, clip.sample_rate, sounds[name])))
        if real.hash == model.meta.corpus.content_hash:
            near.append(_nearest(corpus, model, name, clip.mel.numpy(), neighbours[name]))
    return Round(valence, arousal, bool(len(unseen)), clips, near)


def _nearest(corpus: Path, model: runs.TrainedModel, name: str, mel: NDArray[np.float32], file: Path) -> Neighbour:
    real = _corpus(corpus)
    rows, features, standardise = _training_features(corpus, model.meta.fold)
    distances = np.linalg.norm(features - standardise(embed_statistics(mel[None]))[0], axis=1)
    best = int(distances.argmin())
    row = int(rows[best])
    return Neighbour(name, str(real.songs[row]), float(distances[best]), _file_mel(real, row, file))


@lru_cache(maxsize=4)
def _training_features(path: Path, fold: int) -> tuple[NDArray[np.intp], NDArray[np.float64], Standardiser]:
    """Rows of a fold's training clips and their standardised features."""
    corpus = _corpus(path)
    rows = corpus.fold(fold).train[:MAX_NEIGHBOURS]
    features = embed_statistics(corpus.mel[rows])
    standardise = Standardiser.fit(features)
    return rows, standardise(features), standardise


def _file_mel(corpus: Corpus, row: int, file: Path) -> float | None:
    mel = torch.from_numpy(np.asarray(corpus.mel[row], dtype=np.float32))
    return _file(GriffinLim(corpus.front_end)(mel), corpus.front_end.sample_rate, file)


def _file(waveform: torch.Tensor, sample_rate: int, file: Path) -> float | None:
    audio.save(file, waveform, sample_rate)
    level = loudness(waveform, sample_rate)
    return level if np.isfinite(level) else None


@lru_cache(maxsize=4)
def _corpus(path: Path) -> Corpus:
    return Corpus.open(path)
