"""Log-mels as few numbers and back: the two latents of the information question, both linear.

- ``patches``: :class:`affetti.models.generators.patch_pca.PatchPCA` as affetti's own flow has it, 24 numbers for 64 of
  the log-mel.
- ``latent``: principal components of pieces of a second, 12 numbers a second. The study's generator has 356
  numbers for 30 s, which is 11.9 a second; its latent is learnt and not linear, and may hold more than this one does.

Coefficients are of orthonormal components in dB, rounded to whole decibels: that errs as much as rounding the log-mel
itself to whole decibels does, 1/12 dB² a coefficient. They are fitted to songs other than those that are coded.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from affetti.errors import InputError
from affetti.models.generators.patch_pca import PatchPCA
from affetti.presets import FrontEnd
from affetti.rows import evenly_spaced
from affetti.studies.audit.codec.entropy import Integers

PATCH_SIZE, NUMBERS_PER_PATCH = 8, 24
"""Edge of a patch, and numbers that stand for it: the defaults of affetti's flow."""
NUMBERS_PER_SECOND = 12
"""Numbers that stand for a second."""
MAX_FIT_SECONDS = 2_000
"""Seconds of music to fit to, at most: components of more are the same, and memory is not."""
LogMels = NDArray[np.floating]


class Latent(Protocol):
    """Log-mel to integers and back."""

    def encode(self, log_mel: LogMels) -> Integers:
        """Integers ``[K, F]`` of a log-mel ``[M, F]`` in dB."""
        ...

    def decode(self, codes: Integers, frames: int) -> NDArray[np.float32]:
        """The log-mel ``[M, frames]`` of what :meth:`encode` gave."""
        ...


class PatchLatent:
    """Patch PCA of log-mels.

    Args:
        log_mels: dB ``[N, M, F]`` to fit to.
    """

    def __init__(self, log_mels: LogMels) -> None:
        self.model = PatchPCA(log_mels.shape[1:], PATCH_SIZE, NUMBERS_PER_PATCH)
        self.model.fit(torch.from_numpy(log_mels.astype(np.float32)))

    def encode(self, log_mel: LogMels) -> Integers:
        """Integers ``[24, ⌈M/8⌉ · ⌈F/8⌉]``."""
        latent = self.model.encode(torch.from_numpy(log_mel.astype(np.float32)[None]))[0].flatten(1)
        return (latent * self.model.scale[:, None]).round().numpy().astype(np.int32)

    def decode(self, codes: Integers, frames: int) -> NDArray[np.float32]:
        """The log-mel ``[M, frames]``."""
        latent = torch.from_numpy(codes).float() / self.model.scale[:, None]
        return self.model.decode(latent.reshape(1, *self.model.latent_shape))[0, :, :frames].numpy()


class SecondLatent:
    """PCA of pieces of a second.

    Args:
        log_mels: dB ``[N, M, F]`` to fit to.
        front: the front-end, for the frames of a second.

    Raises:
        InputError: fewer pieces than numbers.
    """

    def __init__(self, log_mels: LogMels, front: FrontEnd) -> None:
        self.bands, self.length = log_mels.shape[1], frames_per_second(front)
        pieces = np.concatenate([self._pieces(log_mel) for log_mel in log_mels])
        if len(pieces) <= NUMBERS_PER_SECOND:
            raise InputError(f"{len(pieces)} seconds to fit to", hint=f"give more than {NUMBERS_PER_SECOND}")
        self.model = PCA(NUMBERS_PER_SECOND, svd_solver="randomized", random_state=0).fit(pieces)

    def encode(self, log_mel: LogMels) -> Integers:
        """Integers ``[12, seconds]``."""
        return np.round(self.model.transform(self._pieces(log_mel))).astype(np.int32).T

    def decode(self, codes: Integers, frames: int) -> NDArray[np.float32]:
        """The log-mel ``[M, frames]``."""
        pieces = self.model.inverse_transform(codes.T.astype(np.float32)).reshape(-1, self.bands, self.length)
        return np.concatenate(list(pieces), axis=1)[:, :frames].astype(np.float32)

    def _pieces(self, log_mel: LogMels) -> NDArray[np.float32]:
        """``[⌈seconds⌉, M · frames a second]``, padded at the end by repeating the edge."""
        count = -(-log_mel.shape[1] // self.length)
        padded = np.pad(log_mel.astype(np.float32), ((0, 0), (0, count * self.length - log_mel.shape[1])), mode="edge")
        return padded.reshape(self.bands, count, self.length).swapaxes(0, 1).reshape(count, -1)


def frames_per_second(front: FrontEnd) -> int:
    """Frames in a piece of :class:`SecondLatent`."""
    return round(front.sample_rate / front.hop_length)


def fit_latents(log_mels: LogMels, front: FrontEnd) -> dict[str, Latent]:
    """Both latents fitted to log-mels ``[N, M, F]``, of :data:`MAX_FIT_SECONDS` seconds at most; none of too few."""
    if not len(log_mels):
        return {}
    enough = min(len(log_mels), max(1, MAX_FIT_SECONDS * frames_per_second(front) // log_mels.shape[2]))
    some = log_mels[evenly_spaced(len(log_mels), enough)]
    try:
        return {"patches": PatchLatent(some), "latent": SecondLatent(some, front)}
    except InputError:
        return {}
