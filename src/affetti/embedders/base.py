"""What turns a clip into one vector: the embedders.

An embedder takes dB log-mels or waveforms and gives one vector per clip. Fréchet and kernel distance, precision and
recall, and the search for copies compare such vectors.

- :mod:`affetti.embedders.statistics`: summary statistics of the log-mel; needs no weights, and is the default.
- :mod:`affetti.embedders.descriptors`: harmony relative to the tonic, loudness, onsets, register, articulation, on
  waveforms.
- :mod:`affetti.embedders.regressor`: the last hidden layer of an emotion regressor that affetti trained.
- :mod:`affetti.embedders.taggers`: MusiCNN and FCN, on waveforms.
- :mod:`affetti.embedders.encoders`: CLAP, MERT, AST and other encoders of ``transformers``, on waveforms.
- :mod:`affetti.embedders.music_encoders`: MuQ and OMAR-RQ, by packages of their own, on waveforms.

Embeddings of networks are compared as they are, as is the convention of the Fréchet Audio Distance (Kilgour et al.
2019): their scale is part of what was learnt. Where coordinates differ in scale for no reason (``standardise``), they
are divided by the deviation of the reference set first (:class:`Standardiser`).

When not to use: an embedding hides what it does not represent. Compare sets in more than one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti.corpus import splits
from affetti.embedders.clip_set import ClipSet
from affetti.errors import MismatchError
from affetti.presets import FrontEnd
from affetti.rows import require_finite

BATCH_SIZE = 16
"""Clips an embedder is given at a time: bounds the memory that embedding takes."""


class Embedder(Protocol):
    """Clips in, one vector per clip out.

    Any object with these attributes works; :class:`FunctionEmbedder` makes one from a function.
    """

    @property
    def name(self) -> str:
        """As ``--features`` names it."""
        ...

    @property
    def version(self) -> str:
        """Changes with the numbers: other code or other weights have another version."""
        ...

    @property
    def sample_rate(self) -> int | None:
        """Of the waveforms it takes; ``None``: it takes log-mels."""
        ...

    @property
    def standardise(self) -> bool:
        """Whether its coordinates have no common scale, and are to be standardised before they are compared."""
        ...

    @property
    def front_end(self) -> FrontEnd | None:
        """The one front-end whose log-mels it takes; ``None``: any."""
        ...

    @property
    def trained_on(self) -> frozenset[str]:
        """Ids of the songs it was trained on, as far as they are songs of corpora."""
        ...

    def embed(self, batch: Tensor) -> Tensor:
        """From dB log-mels ``[B, M, F]``, or waveforms ``[B, T]``, to ``[B, D]``.

        A clip's vector depends on that clip alone, not on the others of its batch.
        """
        ...


@dataclass(frozen=True)
class FunctionEmbedder:
    """An embedder made of a function; see :class:`Embedder` for the attributes.

    Example:
        >>> band_means = FunctionEmbedder("band-means", "band-means-1", lambda mel: mel.mean(dim=2))
        >>> band_means.embed(torch.zeros(4, 64, 128)).shape
        torch.Size([4, 64])
    """

    name: str
    version: str
    function: Callable[[Tensor], Tensor]
    sample_rate: int | None = None
    standardise: bool = False
    front_end: FrontEnd | None = None
    trained_on: frozenset[str] = frozenset()
    layers: int = 1
    """Layers whose vectors, all of one length, lie one after the other in what it gives."""

    def embed(self, batch: Tensor) -> Tensor:
        """See :meth:`Embedder.embed`."""
        return self.function(batch)


def require_input(embedder: Embedder, clips: ClipSet) -> None:
    """Refuse a set that ``embedder`` cannot embed.

    Raises:
        InputError: it takes waveforms, and the set has no audio.
        MismatchError: the log-mels are of another front-end.
    """
    if embedder.sample_rate is not None:
        clips.require_audio(embedder.name)
    expected = embedder.front_end
    if expected is None:
        return
    known = clips.front_end
    if clips.mel.shape[1:] != expected.shape or (known is not None and known.hash != expected.hash):
        raise MismatchError(
            f"made with front-end {known.hash if known else 'unknown'} {clips.mel.shape[1:]}, "
            f"the features {embedder.name} need {expected.hash} {expected.shape}",
            where=clips.name,
            hint="use one --front-end, or other --features",
        )


def require_unseen(embedder: Embedder, songs: NDArray[np.str_], flag: str = "--features") -> None:
    """Refuse to compare songs that ``embedder`` was trained on; ``flag`` is what named it.

    Raises:
        MismatchError: names the first.
    """
    splits.require_held_out(songs.tolist(), embedder.trained_on, f"{flag} {embedder.name}")


def embed_rows(embedder: Embedder, clips: ClipSet, rows: range) -> NDArray[np.float32]:
    """Embed rows of a set, a batch at a time: float32 ``[len(rows), D]``.

    Raises:
        InputError: audio of a clip is missing or cannot be decoded, or its log-mel is not finite.
    """
    parts: list[NDArray[np.float32]] = []
    for start in range(rows.start, rows.stop, BATCH_SIZE):
        batch = range(start, min(start + BATCH_SIZE, rows.stop))
        if embedder.sample_rate is None:
            mel = np.array(clips.mel[batch.start : batch.stop], dtype=np.float32)
            require_finite(mel, batch, clips.name)
            data = torch.from_numpy(mel)
        else:
            data = torch.stack([clips.waveform(row, embedder.sample_rate) for row in batch])
        with torch.inference_mode():
            parts.append(embedder.embed(data).float().cpu().numpy())
    return np.concatenate(parts)


@dataclass(frozen=True)
class Standardiser:
    """Scales features by the mean and deviation of a reference set.

    Example:
        >>> reference = np.array([[1.0, 10.0], [3.0, 30.0]])
        >>> Standardiser.fit(reference)(reference)
        array([[-1., -1.],
               [ 1.,  1.]])
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    @classmethod
    def fit(cls, features: NDArray[np.float64]) -> Standardiser:
        """The standardiser of ``features [N, D]``; coordinates that never vary are left at scale 1."""
        std = features.std(axis=0)
        return cls(features.mean(axis=0), np.where(std > 1e-9, std, 1.0))

    def __call__(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Standardise ``[N, D]``."""
        return (features - self.mean) / self.std
