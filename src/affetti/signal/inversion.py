"""From a log-mel back to a linear magnitude spectrogram.

128 mel bands do not determine 1,025 magnitudes. Among the many solutions, typical spectra are preferred: a partial
fills the main lobe of the window, and the levels of the bands around it determine its frequency within the band. This
is learnt by ridge regression, one for each bin, in closed form: :class:`MelInverse`. Then Richardson-Lucy updates
(1972, 1974), the multiplicative updates of non-negative least divergence, make the bands of the estimate agree with
those given.

A bin's features are the log densities of seven bands, its own and three to either side, relative to the level
around (so that nothing depends on loudness), limited by tanh (so that nothing is extrapolated), with their
products and cubes. The target is the root of the magnitude relative to the same level: midway between the magnitude,
whose regression blurs what is quiet, and its logarithm, whose regression misses what is loud. Frames before and after
add nothing on real recordings (0.04 dB at ``paper``), so there are none.

Use it to listen, never as if it were the original. :func:`nnls` needs no fit and is what other libraries do.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from affetti.errors import InputError, MismatchError
from affetti.presets import FrontEnd, MelFrontEnd
from affetti.signal.front_ends import band_filters, spectrogram
from affetti.signal.mel import AMIN, power_to_db, stft
from affetti.signal.random_spectra import random_spectra

N_NEIGHBOURS = 3
"""Bands to either side that a bin is predicted from."""
RIDGE = 1e-3
"""Penalty, as a share of each feature's own power."""
MIN_LEVEL_SHARE = 1e-3
"""Frames used to fit: those in which the bands around reach this share of the clip's loudest."""
N_SPECTRA = 2_000
"""Random spectra to fit to."""
N_UPDATES, N_CONSTANT_Q_UPDATES = 8, 1
"""Updates towards the given bands; few where filters hold on average alone."""
MIN_RELATIVE, MAX_RELATIVE = 0.02, 2.5
"""Range of a magnitude relative to the level around."""
FRAMES_PER_BLOCK = 256
"""Frames inverted at a time: their features stay in the processor's cache."""
MAX_ABS_DB = 200.0
"""Levels taken for sound lie within ± this, dB."""

_PAIRS = torch.triu_indices(2 * N_NEIGHBOURS + 1, 2 * N_NEIGHBOURS + 1)
N_FEATURES = 2 * (2 * N_NEIGHBOURS + 1) + _PAIRS.shape[1] + 1


class MelInverse:
    """The regression from mel bands to magnitudes, for one front-end.

    Args:
        front: the front-end.
        weights: ``[bins, FEATURES]``, as :meth:`fit` computes them.
    """

    def __init__(self, front: FrontEnd, weights: Tensor) -> None:
        self.front = front
        self._mel = _Bands(front)
        shape = (self._mel.bins.stop - self._mel.bins.start, N_FEATURES)
        if tuple(weights.shape) != shape or not bool(torch.isfinite(weights).all()):
            raise MismatchError(
                f"weights of shape {tuple(weights.shape)}, or not all numbers", where="mel inverse", hint="fit it again"
            )
        self.weights = weights.float()

    @classmethod
    def fit(cls, waveforms: Iterable[Tensor], front: FrontEnd, spectra: int = N_SPECTRA) -> MelInverse:
        """Fit to sounds and to :func:`~affetti.signal.random_spectra.random_spectra`, in one pass.

        Args:
            waveforms: each float ``[T]`` at the front-end's sample rate; silent ones are skipped.
            front: the front-end.
            spectra: number of random spectra; they stand for what the sounds lack, such as pitches between keys.

        Raises:
            InputError: there is nothing to fit to, or values are not numbers.
        """
        sums = _Sums(front)
        if spectra:
            sums.add_spectra(*random_spectra(front, spectra))
        analyse = spectrogram(front)
        for number, waveform in enumerate(waveforms):
            if waveform.ndim != 1 or not bool(torch.isfinite(waveform).all()):
                message = f"waveform {number}, of shape {tuple(waveform.shape)}, is not sound"
                raise InputError(message, where="mel inverse", hint="give finite samples, shape [T]")
            log_mel = analyse(waveform)
            if float(log_mel.max()) > 10.0 * np.log10(AMIN) + 1.0:
                sums.add(stft(waveform, front).abs(), log_mel)
        return cls(front, sums.solve())

    def magnitude(self, log_mel: Tensor, updates: int | None = None) -> Tensor:
        """Estimate the magnitude spectrogram of a log-mel.

        Args:
            log_mel: dB ``[M, F]``, F ≥ 1.
            updates: Richardson-Lucy updates, ≥ 0; by default as many as suit the front-end.

        Returns:
            magnitude ``[n_fft/2 + 1, F]``, float32, ≥ 0; zero where no band reaches.

        Raises:
            InputError: another shape, or its values are not dB.
        """
        given = check_log_mel(log_mel, self.front)
        updates = _updates(self.front, updates)
        device = given.device
        out = torch.zeros(1 + self.front.linear_n_fft // 2, given.shape[1], device=device)
        for at in range(0, given.shape[1], FRAMES_PER_BLOCK):
            part = given[:, at : at + FRAMES_PER_BLOCK]
            features, level = self._mel.features(part)
            weights = self.weights.to(device)
            relative = torch.cat([weights[rows] @ features[band].T for band, rows in self._mel.rows()])
            relative = (relative + 1.0).clamp(MIN_RELATIVE**0.5, MAX_RELATIVE**0.5).square()
            power = (relative * level.exp()[self._mel.band_of]).square()
            power = self._mel.fit_to_bands(power, 10.0 ** (part / 10.0), updates)
            out[self._mel.bins, at : at + FRAMES_PER_BLOCK] = power.sqrt()
        return out

    def state_dict(self) -> dict[str, Tensor]:
        """Tensors to save: the weights and the front-end's hash."""
        name = torch.frombuffer(bytearray(self.front.hash.encode()), dtype=torch.uint8)
        return {"weights": self.weights.clone(), "front_end": name.clone()}

    @classmethod
    def from_state_dict(cls, state: dict[str, Tensor], front: FrontEnd) -> MelInverse:
        """Take back what :meth:`state_dict` gave.

        Raises:
            MismatchError: it was fitted for another front-end, or is no such state.
        """
        if not {"weights", "front_end"} <= state.keys():
            raise MismatchError("no state of a mel inverse", where="mel inverse", hint="fit it again")
        name = bytes(state["front_end"].to(torch.uint8).tolist()).decode("ascii", "replace")
        if name != front.hash:
            raise MismatchError(
                f"fitted for the front-end {name}, not {front.hash}", where="mel inverse", hint="fit it for this one"
            )
        return cls(front, state["weights"])


@lru_cache(maxsize=8)
def default_inverse(front: FrontEnd) -> MelInverse:
    """The inverse fitted to random spectra alone, which needs no corpus; made once a process."""
    return MelInverse.fit((), front)


def invert_mel(log_mel: Tensor, front: FrontEnd) -> Tensor:
    """Estimate the linear magnitude spectrogram whose mel bands are ``log_mel``, with :func:`default_inverse`.

    Args:
        log_mel: dB ``[M, F]``, F ≥ 1.
        front: the front-end that made it.

    Returns:
        magnitude ``[n_fft/2 + 1, F]``, float32, ≥ 0; zero in bins that no band covers.

    Raises:
        InputError: ``log_mel`` has another shape, or its values are not dB.
    """
    return default_inverse(front).magnitude(log_mel)


def nnls(log_mel: Tensor, front: FrontEnd, iterations: int = 30) -> Tensor:
    """Non-negative least squares by multiplicative updates (Lee & Seung 2001) on magnitudes; needs no fit.

    Starts from the band-wise interpolation; with W the filters scaled to unit sum and m = √(mel power / filter area)
    the magnitude of each band, it minimises ‖m - W s‖² over s ≥ 0.

    Args:
        log_mel: dB ``[M, F]``.
        front: the front-end that made it.
        iterations: multiplicative updates, ≥ 0.

    Returns:
        magnitude ``[n_fft/2 + 1, F]``, float32, ≥ 0.

    Raises:
        InputError: another shape, or its values are not dB.
    """
    given = check_log_mel(log_mel, front)
    filters = torch.from_numpy(band_filters(front)).to(given.device, torch.float32)
    return nnls_of_bands(10.0 ** (given / 10.0), filters, iterations)


def nnls_of_bands(power: Tensor, filters: Tensor, iterations: int = 30) -> Tensor:
    """What :func:`nnls` computes, from the power of bands of any filters, without a logarithm.

    Args:
        power: of the bands ``[M, F]``, ≥ 0.
        filters: ``[M, K]``, ≥ 0.
        iterations: multiplicative updates, ≥ 0.

    Returns:
        magnitude ``[K, F]``, float32, ≥ 0; zero in bins that no band covers.
    """
    area = filters.sum(dim=1, keepdim=True)
    weights = filters / area.clamp_min(AMIN)
    band = torch.sqrt(power / area.clamp_min(AMIN))
    cover = weights.sum(dim=0).unsqueeze(1)
    magnitude = (weights.T @ band) / cover.clamp_min(AMIN)
    target = weights.T @ band
    for _ in range(iterations):
        magnitude = magnitude * target / (weights.T @ (weights @ magnitude)).clamp_min(AMIN)
    return torch.where(cover > 0, magnitude, 0.0)


def fit_to_bands(magnitude: Tensor, log_mel: Tensor, front: FrontEnd, updates: int | None = None) -> Tensor:
    """Change a magnitude spectrogram as little as makes its bands agree with ``log_mel``: Richardson-Lucy updates.

    Args:
        magnitude: ``[n_fft/2 + 1, F]``, ≥ 0, of any estimate.
        log_mel: dB ``[M, F]``.
        front: the front-end that made ``log_mel``.
        updates: ≥ 0; by default as many as suit the front-end.

    Returns:
        magnitude ``[n_fft/2 + 1, F]``, float32; unchanged in bins that no band covers.

    Raises:
        InputError: ``log_mel`` has another shape, or its values are not dB.
    """
    given, bands = check_log_mel(log_mel, front), _bands(front)
    power = bands.fit_to_bands(magnitude[bands.bins].square(), 10.0 ** (given / 10.0), _updates(front, updates))
    out = magnitude.clone()
    out[bands.bins] = power.sqrt()
    return out


def _updates(front: FrontEnd, given: int | None) -> int:
    if given is not None:
        return given
    return N_UPDATES if isinstance(front, MelFrontEnd) else N_CONSTANT_Q_UPDATES


def check_log_mel(log_mel: Tensor, front: FrontEnd) -> Tensor:
    """A log-mel as float32, refused where it cannot be one of ``front``."""
    if log_mel.ndim != 2 or log_mel.shape[0] != front.n_bands or not log_mel.shape[1]:
        raise InputError(
            f"a log-mel of shape {tuple(log_mel.shape)}", hint=f"this front-end makes [{front.n_bands}, F]"
        )
    if not bool((log_mel.abs() <= MAX_ABS_DB).all()):
        raise InputError(
            f"a log-mel with values that are not numbers, or beyond ±{MAX_ABS_DB:g} dB",
            hint="give decibels, as it was made",
        )
    return log_mel.float()


class _Bands:
    """The bands of a front-end: which bins each predicts, and its features."""

    def __init__(self, front: FrontEnd) -> None:
        filters = band_filters(front)
        reached = np.flatnonzero(filters.any(axis=0))
        self.bins = slice(int(reached[0]), int(reached[-1]) + 1)
        self.filters = torch.from_numpy(filters[:, self.bins].copy()).float()
        self.cover = self.filters.sum(dim=0).unsqueeze(1).clamp_min(AMIN)
        area = np.maximum(filters.sum(axis=1), AMIN)
        self.area = torch.from_numpy(0.5 * np.log(area)).float().unsqueeze(1)
        centre = (filters @ np.arange(filters.shape[1])) / area
        bins = np.arange(self.bins.start, self.bins.stop)
        self.band_of = torch.from_numpy(np.abs(bins[:, None] - centre).argmin(axis=1))

    def rows(self) -> list[tuple[int, slice]]:
        """Each band that predicts bins, with the range of them."""
        bands, counts = torch.unique_consecutive(self.band_of, return_counts=True)
        ends = counts.cumsum(0).tolist()
        return [(int(band), slice(end - int(n), end)) for band, n, end in zip(bands, counts, ends, strict=True)]

    def features(self, log_mel: Tensor) -> tuple[Tensor, Tensor]:
        """The features of each band, ``[M, F, FEATURES]``, and the log of the amplitude around, ``[M, F]``."""
        density = log_mel * (np.log(10.0) / 20.0) - self.area.to(log_mel.device)
        beside = torch.cat([density[:1], density, density[-1:]])
        around = torch.stack([beside[:-2] - np.log(2.0) / 2, density, beside[2:] - np.log(2.0) / 2])
        level = 0.5 * torch.logsumexp(2.0 * around, dim=0) - np.log(2.0) / 2  # weights ¼, ½, ¼ of the power
        wide = torch.cat([density[:1].expand(N_NEIGHBOURS, -1), density, density[-1:].expand(N_NEIGHBOURS, -1)])
        seen = torch.tanh(wide.unfold(0, 2 * N_NEIGHBOURS + 1, 1) - level.unsqueeze(-1))
        products = seen[..., _PAIRS[0]] * seen[..., _PAIRS[1]]
        return torch.cat([seen, products, seen**3, torch.ones_like(seen[..., :1])], dim=-1), level

    def fit_to_bands(self, power: Tensor, target: Tensor, updates: int) -> Tensor:
        """Richardson-Lucy: ``updates`` steps of P ← P · Wᵀ(m / W P) / Wᵀ1, which lower the divergence of W P from m."""
        filters, cover = self.filters.to(power.device), self.cover.to(power.device)
        for _ in range(updates):
            power = power * (filters.T @ (target / (filters @ power).clamp_min(1e-30))) / cover
        return power


@lru_cache(maxsize=8)
def _bands(front: FrontEnd) -> _Bands:
    return _Bands(front)


class _Sums:
    """The sums that ridge regression is solved from, of each band's features and its bins' magnitudes."""

    def __init__(self, front: FrontEnd) -> None:
        self.front = front
        self.bands = _Bands(front)
        self.gram = torch.zeros(front.n_bands, N_FEATURES, N_FEATURES, dtype=torch.float64)
        self.moment = torch.zeros(len(self.bands.band_of), N_FEATURES, dtype=torch.float64)

    def add_spectra(self, magnitude: Tensor, power: Tensor) -> None:
        """Add frames ``[n_fft/2 + 1, F]``, each a sound of its own, with their power in the bands ``[M, F]``."""
        self.add(magnitude, power_to_db(power.T.unsqueeze(-1), self.front.top_db).squeeze(-1).T, alone=True)

    def add(self, magnitude: Tensor, log_mel: Tensor, alone: bool = False) -> None:
        """Add a sound: magnitude ``[n_fft/2 + 1, F]`` and log-mel ``[M, F]``."""
        covered = magnitude[self.bands.bins]
        loudest: Tensor | None = None
        for at in range(0, log_mel.shape[1], FRAMES_PER_BLOCK):
            part = slice(at, at + FRAMES_PER_BLOCK)
            features, level = self.bands.features(log_mel[:, part])
            level = level.exp()
            if alone:
                loudest = level.amax(dim=0, keepdim=True)
            elif loudest is None:
                loudest = self.bands.features(log_mel)[1].exp().max()
            share = level / loudest
            share = torch.where(share > MIN_LEVEL_SHARE, share, 0.0)
            weighted = features * share.unsqueeze(-1)
            self.gram += torch.bmm(weighted.transpose(1, 2), features)
            relative = (covered[:, part] / level[self.bands.band_of]).sqrt() - 1.0
            for band, rows in self.bands.rows():
                self.moment[rows] += relative[rows] @ weighted[band]

    def solve(self) -> Tensor:
        """The weights ``[bins, FEATURES]``; a band without sound keeps zero: its bins have the level around."""
        power = self.gram.diagonal(dim1=1, dim2=2)
        if not float(power.sum()):
            raise InputError("no sound to fit to", where="mel inverse", hint="give waveforms that are not silent")
        gram = self.gram + torch.diag_embed(RIDGE * power + 1e-6 * power.mean())
        weights = torch.empty(self.moment.shape)
        for band, rows in self.bands.rows():
            weights[rows] = torch.linalg.solve(gram[band], self.moment[rows].T).T.float()
        return weights
