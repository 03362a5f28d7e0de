"""What turns a clip into one vector: the embedders.

An embedder reads dB log-mels or hears waveforms, and gives one vector a clip; Fréchet and kernel distance, precision,
recall and the search for copies compare such vectors. Two read log-mels and live here:

- ``statistics`` needs no weights: :func:`affetti.signal.statistics.mel_statistics`, standardised with the real set's
  mean and deviation, so that every coordinate counts alike. Distances in it see spectrum, dynamics and modulation; they
  see melody and harmony only through their traces there.
- ``regressor``: what the last layer of one of the project's own regressors reads. It sees what tells emotions apart
  and is blind to the rest. Not to be used on songs that it was trained on.

Those that hear waveforms are in :mod:`affetti.embedders.taggers` and :mod:`affetti.embedders.encoders`. Embeddings of
networks are compared as they are, as is the convention of the Fréchet Audio Distance (Kilgour et al. 2019): their scale
is part of what was learnt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from affetti.corpus import splits
from affetti.embedders.clip_set import ClipSet
from affetti.errors import MismatchError, UsageError
from affetti.presets import FrontEnd
from affetti.signal.statistics import mel_statistics
from affetti.training import run as runs

BATCH = 16
"""Clips an embedder is given at a time: bounds the memory that embedding takes."""


@dataclass(frozen=True)
class Embedder:
    """Clips in, one vector a clip out."""

    name: str
    """As the user knows it."""
    version: str
    """Names the numbers it gives: another version of its code, or other weights, bear another."""
    embed: Callable[[Tensor], Tensor]
    """From dB log-mels ``[B, M, F]``, or waveforms ``[B, T]``, to ``[B, D]``; a clip's vector depends on it alone."""
    sample_rate: int | None = None
    """Of the waveforms it hears; ``None``: it reads log-mels."""
    standardise: bool = False
    """Whether its coordinates differ in scale for no reason, and are to be standardised before they are compared."""
    front_end: FrontEnd | None = None
    """The one front-end whose log-mels it reads; ``None``: any."""
    trained_on: frozenset[str] = frozenset()
    """Ids of the songs it was trained on, as far as they are songs of corpora."""

    def require(self, clips: ClipSet) -> None:
        """Refuse a set that it cannot embed.

        Raises:
            InputError: it hears waveforms, and the set holds no audio.
            MismatchError: the log-mels are of another front-end.
        """
        if self.sample_rate is not None:
            clips.require_audio(self.name)
        wanted = self.front_end
        if wanted is None:
            return
        known = clips.front_end
        if clips.mel.shape[1:] != wanted.shape or (known is not None and known.hash != wanted.hash):
            raise MismatchError(
                f"made with front-end {known.hash if known else 'unknown'} {clips.mel.shape[1:]}, "
                f"the features {self.name} read {wanted.hash} {wanted.shape}",
                where=clips.name,
                hint="use one --preset, or other --features",
            )

    def require_unseen(self, songs: NDArray[np.str_]) -> None:
        """Refuse to judge songs that it was trained on.

        Raises:
            MismatchError: names the first.
        """
        splits.require_unheard(songs.tolist(), self.trained_on, f"--features {self.name}")

    def __call__(self, clips: ClipSet, rows: range) -> NDArray[np.float32]:
        """Embed rows of a set, a batch at a time: float32 ``[len(rows), D]``."""
        parts: list[NDArray[np.float32]] = []
        for at in range(rows.start, rows.stop, BATCH):
            batch = range(at, min(at + BATCH, rows.stop))
            if self.sample_rate is None:
                data = torch.from_numpy(np.array(clips.mel[batch.start : batch.stop], dtype=np.float32))
            else:
                data = torch.stack([clips.waveform(row, self.sample_rate) for row in batch])
            with torch.inference_mode():
                parts.append(self.embed(data).float().cpu().numpy())
        return np.concatenate(parts)


STATISTICS = Embedder("statistics", "statistics-1", mel_statistics, standardise=True)
"""The default, which needs no weights."""


def statistics(mel: NDArray[np.floating]) -> NDArray[np.float64]:
    """Statistics of log-mels ``[N, M, F]``: ``[N, D]``, not yet standardised."""
    return STATISTICS(ClipSet("log-mels", mel, np.zeros(len(mel), str)), range(len(mel))).astype(np.float64)


def regressor(path: str, device: str = "cpu") -> Embedder:
    """What the last layer of a trained regressor reads: ``[B, 64]`` of a ``student``.

    Args:
        path: its run folder.
        device: where it runs.

    Raises:
        UsageError: the run is no regressor, or a linear one, which has no layer beneath its last.
        StorageError, MismatchError: see :func:`affetti.training.run.load`.
    """
    trained = runs.load(path)
    layers = [module for module in trained.model.modules() if isinstance(module, nn.Linear)]
    if trained.kind not in runs.REGRESSORS or not layers:
        raise UsageError(f"a {trained.kind} has no features of emotion", where=path, hint="give a run of a student")

    network = trained.model.to(device)

    def embed(mel: Tensor) -> Tensor:
        read: list[Tensor] = []
        hook = layers[-1].register_forward_pre_hook(lambda _layer, inputs: read.append(inputs[0]))
        try:
            network(mel.to(device))
        finally:
            hook.remove()
        return read[0]

    version = f"regressor-1-{trained.meta['weights_sha256'][:12]}"
    return Embedder("regressor", version, embed, front_end=trained.front_end, trained_on=frozenset(trained.songs))


@dataclass(frozen=True)
class Standardiser:
    """Scale features by the mean and deviation of a reference set."""

    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    @classmethod
    def of(cls, features: NDArray[np.float64]) -> Standardiser:
        """The standardiser of ``features [N, D]``; coordinates that never vary are left at scale 1."""
        std = features.std(axis=0)
        return cls(features.mean(axis=0), np.where(std > 1e-9, std, 1.0))

    def __call__(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Standardise ``[N, D]``."""
        return (features - self.mean) / self.std
