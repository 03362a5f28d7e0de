"""Near duplicates: clips of one recording that are listed as different songs.

Two clips are near duplicates when their log-mels, band by band about their means over time, correlate above
:data:`MIN_SIMILARITY` at the best lag: re-encoding, a change of level or of equalisation and a shift of the cut by up
to a quarter of the clip leave that correlation near 1, while different performances of one piece stay well below it.
Only clips with similar profiles (mean and spread of each band) are compared, so that not every pair has to be aligned.

When not to use: for copies at another speed or pitch, cuts of one recording that do not overlap, or a recording listed
as more than :data:`MAX_SONGS` songs. These need audio fingerprints, or song ids that say so.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from affetti.corpus.track import Check

MIN_SIMILARITY = 0.8
"""Correlation above which two clips count as one recording. Measured on real music at ``tiny``, 6 s: copies as MP3 of
the lowest quality or with a shifted cut, 0.82 to 0.97; 5,300 pairs of different piano pieces of similar profile, at
most 0.76."""
N_NEIGHBOURS = 10
"""Candidates per clip, nearest by profile."""
MAX_PROFILE_DISTANCE = 11.0
"""Largest difference of profiles, dB (root mean square over bands), at which clips are compared."""
MIN_OVERLAP = 0.25
"""Share of the frames in which both clips must have sound for a correlation to count."""
MAX_SONGS = 8
"""Most songs that one recording may be listed as. Larger sets share a common sound, not a recording: the last chord of
piano pieces decays alike in all of them, and such pairs would chain half a corpus into one fold."""
COARSE_SHAPE = (32, 256)
"""Bands and frames at which clips are compared."""
CACHE_SIZE = 2_048
"""Coarse clips held in memory, 64 KB each."""
BLOCK = 32


def find(mel: NDArray[np.float16], clips: pd.DataFrame, threads: int = 1) -> list[str]:
    """Find sets of near duplicates.

    Args:
        mel: log-mels in dB ``[N, M, F]``; may be memory-mapped.
        clips: a table with ``clip_id`` and ``song_id`` of each.
        threads: how many compare clips; the result does not depend on it.

    Returns:
        For each clip the id of the first clip of its set, "" where it has no near duplicate.
    """
    songs = clips["song_id"].to_numpy(dtype=str)

    @lru_cache(CACHE_SIZE)
    def coarse(row: int) -> NDArray[np.float64]:
        return _coarse(mel[row])

    def same(pair: tuple[int, int]) -> bool:
        return similarity(coarse(pair[0]), coarse(pair[1])) > MIN_SIMILARITY

    with ThreadPoolExecutor(threads) as pool:  # numpy's sums and transforms hold no lock
        near = candidates(mel, songs, pool)
        pairs = [pair for pair, is_same in zip(near, pool.map(same, near), strict=True) if is_same]
    if not pairs:
        return [""] * len(clips)
    first, second = np.array(pairs).T
    member = connected_components(coo_matrix((np.ones(len(pairs)), (first, second)), shape=(len(clips),) * 2))[1]
    ids = clips["clip_id"].to_numpy(dtype=str)
    count = pd.Series(songs).groupby(member).transform("nunique").to_numpy()
    involved = {row for row in {*first, *second} if count[row] <= MAX_SONGS}
    names: dict[int, str] = {}
    for row in sorted(involved):
        names.setdefault(int(member[row]), str(ids[row]))
    return [names[int(member[row])] if row in involved else "" for row in range(len(clips))]


def candidates(
    mel: NDArray[np.float16], songs: NDArray[np.str_], pool: ThreadPoolExecutor | None = None
) -> list[tuple[int, int]]:
    """Pairs of rows (i < j) of different songs with similar profiles, sorted; ``pool`` computes the profiles."""
    from sklearn.neighbors import NearestNeighbors  # takes a second to import, which processes that only decode save

    def profile_at(row: int) -> NDArray[np.float32]:
        return _profile(mel[row : row + BLOCK])

    first_rows = range(0, len(mel), BLOCK)
    profile = np.concatenate([*(map(profile_at, first_rows) if pool is None else pool.map(profile_at, first_rows))])
    count = min(N_NEIGHBOURS + 1, len(profile))
    distance, near = NearestNeighbors(n_neighbors=count).fit(profile).kneighbors(profile)
    pairs = {
        (min(i, int(j)), max(i, int(j)))
        for i in range(len(profile))
        for j, apart in zip(near[i], distance[i], strict=True)
        if apart <= MAX_PROFILE_DISTANCE * np.sqrt(mel.shape[1]) and songs[i] != songs[j]
    }
    return sorted(pairs)


def _profile(mel: NDArray[np.float16]) -> NDArray[np.float32]:
    """Mean (about the mean of all bands, so that level does not matter) and spread of each band ``[B, 2 M]``, dB."""
    block = np.asarray(mel, dtype=np.float32)
    mean = block.mean(axis=2)
    return np.concatenate([mean - mean.mean(axis=1, keepdims=True), block.std(axis=2)], axis=1)


def _coarse(mel: NDArray[np.float16]) -> NDArray[np.float64]:
    """The log-mel reduced to about 32 bands and 256 frames by averaging: precise enough, and sixteen times as fast."""
    bands, frames = (max(1, size // limit) for size, limit in zip(mel.shape, COARSE_SHAPE, strict=True))
    kept = mel[: mel.shape[0] // bands * bands, : mel.shape[1] // frames * frames].astype(np.float64)
    return kept.reshape(kept.shape[0] // bands, bands, -1, frames).mean(axis=(1, 3))


def similarity(x: NDArray[np.floating], y: NDArray[np.floating]) -> float:
    """Correlation of two log-mels ``[M, F]`` about the means of their bands, at the best lag up to F/4; in [-1, 1].

    Frames without sound (padding, pauses) are ignored, because common silence is not evidence of a common recording.
    Returns 0 where the clips overlap too little, or do not vary over time.
    """
    (a, in_a), (b, in_b) = _centred(x), _centred(y)
    frames = a.shape[1]
    size = 2 * frames
    # Sums over the frames where both have sound, at each lag: of a·b, a², b² and 1. Index l: b delayed by l frames.
    product = _correlate(a, b, size).sum(axis=0)
    power_a = _correlate((a**2).sum(axis=0), in_b, size)
    power_b = _correlate(in_a, (b**2).sum(axis=0), size)
    shared = _correlate(in_a, in_b, size)
    lags = np.arange(-(frames // 4), frames // 4 + 1)
    energy = np.sqrt(np.clip(power_a[lags] * power_b[lags], 0.0, None))
    enough = (shared[lags] >= MIN_OVERLAP * frames) & (energy > 1e-9 * max(1.0, float(energy.max(initial=0.0))))
    if not enough.any():
        return 0.0  # steady or short sounds have no variation over time to compare
    return float((product[lags][enough] / energy[enough]).max())


def _centred(mel: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A log-mel about the means of its bands, 0 where there is no sound, and which frames have any (1 or 0)."""
    block = np.asarray(mel, dtype=np.float64)
    sounding = block.max(axis=0) > block.min() + 1.0
    if not sounding.any():
        sounding[:] = True
    centred = np.where(sounding, block - block[:, sounding].mean(axis=1, keepdims=True), 0.0)
    return centred, sounding.astype(np.float64)


def _correlate(a: NDArray[np.float64], b: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Σₜ a[t + l]·b[t] along the last axis, for l from 0 to size - 1 (negative lags from the end)."""
    return np.fft.irfft(np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size)), size)


def check(clips: pd.DataFrame) -> Check:
    """The check ``near_duplicate_audio`` of the label audit; ``n`` counts the songs concerned."""
    alike = clips.loc[clips["duplicates"] != ""]
    songs = int(alike["song_id"].nunique())
    if not songs:
        return Check("near_duplicate_audio", "fine", 0, "no two songs share a recording")
    first = ", ".join(alike.loc[alike["duplicates"] == alike["duplicates"].iloc[0], "clip_id"].head(3))
    detail = f"{songs} songs share a recording with another (first: {first}); they are kept on one side of each split"
    return Check("near_duplicate_audio", "suspect", songs, detail)
