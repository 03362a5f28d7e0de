"""The label audit: checks of a table of labels that need no audio.

Each check looks for one fault that published data sets of the field have and counts the songs concerned. Its verdict is
``fine`` (the fault is absent), ``corrected`` (present and corrected), ``suspect`` (present and left as it is) or ``not
checkable`` (the source lacks the data that the check needs). Checks that need data only a loader has, such as ratings
by rater or over time, are added by the loader with :func:`axes`, :func:`against_dynamic` and :func:`out_of_range`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from affetti.corpus.track import Check, Source
from affetti.emotion import QUADRANTS, SCALES, quadrant

MIN_RATERS = 5
MAX_DYNAMIC_DISTANCE = 0.5
"""Largest distance, on [-1, 1], of a label from the mean of the same song's ratings over time: two points on 1–9."""
MIN_CORRELATION_GAIN = 0.1
"""How much better one assignment of the axes must correlate than the other to be accepted as the true one."""
MIN_SONGS = 10
"""Fewest songs for such a comparison."""
MIN_SPREAD = 0.05
"""Spread of raters, as a share of the scale's width, below which it must be on another scale than the means."""


@dataclass(frozen=True)
class Axes:
    """Correlation of labels with reference ratings of the same songs: mean Pearson r, axis by axis and across."""

    straight: float
    """Valence with the reference's valence, arousal with its arousal."""
    crossed: float
    """Valence with the reference's arousal, arousal with its valence."""
    n: int
    """Songs compared."""

    @property
    def swapped(self) -> bool | None:
        """Whether valence and arousal are swapped; None where the comparison is not conclusive."""
        if self.n < MIN_SONGS or not abs(self.crossed - self.straight) > MIN_CORRELATION_GAIN:
            return None
        return self.crossed > self.straight


def axes(labels: ArrayLike, reference: ArrayLike) -> Axes:
    """Correlate labels with reference ratings of the same songs, to detect swapped axes.

    Args:
        labels: valence and arousal ``[N, 2]``, on any scale.
        reference: other ratings of the same songs ``[N, 2]``, on any scale.

    Returns:
        The two mean correlations; NaN with fewer than 3 songs rated in both, or where an axis is constant.

    Example:
        >>> labels = [[0.1, 0.9], [0.5, 0.2], [0.9, 0.4]]
        >>> round(axes(labels, [[a, v] for v, a in labels]).crossed, 6)
        1.0
    """
    ours, theirs = np.asarray(labels, dtype=float), np.asarray(reference, dtype=float)
    known = np.isfinite(ours).all(axis=1) & np.isfinite(theirs).all(axis=1)
    ours, theirs = ours[known], theirs[known]
    if len(ours) < 3 or not (ours.std(axis=0) > 0).all() or not (theirs.std(axis=0) > 0).all():
        return Axes(float("nan"), float("nan"), len(ours))
    r = np.corrcoef(ours.T, theirs.T)[:2, 2:]
    return Axes(float(r[0, 0] + r[1, 1]) / 2, float(r[0, 1] + r[1, 0]) / 2, len(ours))


def axes_check(seen: Axes, reference: str) -> Check:
    """The check ``axes_swapped`` for a data set whose axes are not corrected; ``reference`` names the ratings."""
    verdict = "not checkable" if seen.swapped is None else "suspect" if seen.swapped else "fine"
    detail = f"against {reference}, r {seen.straight:.3f} straight and {seen.crossed:.3f} crossed ({seen.n} songs)"
    return Check("axes_swapped", verdict, 0 if verdict == "fine" else seen.n, detail)


def against_dynamic(labels: ArrayLike, dynamic: ArrayLike) -> Check:
    """Compare labels ``[N, 2]`` with the means of the same songs' ratings over time ``[N, 2]``, all in [-1, 1]."""
    distance = np.abs(np.asarray(labels, dtype=float) - np.asarray(dynamic, dtype=float)).max(axis=1)
    distance = distance[np.isfinite(distance)]
    if not len(distance):
        return Check("static_against_dynamic", "not checkable", 0, "no labelled song has ratings over time")
    far = int((distance > MAX_DYNAMIC_DISTANCE).sum())
    detail = (
        f"{far} of {len(distance)} songs lie more than {MAX_DYNAMIC_DISTANCE:g} (of [-1, 1]) from the mean of their "
        "ratings over time"
    )
    return Check("static_against_dynamic", "suspect" if far else "fine", far, detail)


def out_of_range(names: Sequence[str], scale: str) -> Check:
    """The check ``out_of_range``: ``names`` are the songs left out because their label lies outside its scale."""
    detail = f"{len(names)} songs have a label outside {scale}"
    if names:
        detail += f" and are left out (first: {names[0]})"
    return Check("out_of_range", "suspect" if names else "fine", len(names), detail)


def table(source: Source, clip: float) -> pd.DataFrame:
    """Labels and names of a source, without audio: one row per track, or per clip where clips are labelled separately.

    Args:
        source: what a loader has read.
        clip: length of a clip, seconds.
    """
    return pd.DataFrame(
        [
            {
                "song_id": track.song_id,
                "artist": track.artist,
                "genre": track.genre,
                "title": track.title,
                "scale": source.dataset.scale,
                **row,
            }
            for track in source.labelled
            for row in track.label_rows(clip)
        ]
    )


def audit(source: Source, clip: float) -> list[Check]:
    """Run all checks on a source's labels; reads no audio.

    Args:
        source: what a loader has read.
        clip: length of a clip, seconds.

    Returns:
        One :class:`~affetti.corpus.track.Check` for each name in :data:`CHECKS`, in that order; for joined sources,
        those of each part, then those of the union.
    """
    if source.parts:
        return [
            *(
                replace(check, detail=f"{part.name}: {check.detail}")
                for part in source.parts
                for check in audit(part, clip)
                if check.check != "songs_shared"  # the union has a check of its own
            ),
            *source.checks,
        ]
    rows = table(source, clip)
    songs = rows.drop_duplicates("song_id")
    by_loader = {check.check: check for check in source.checks}

    def balance(_: pd.DataFrame) -> Check:
        return _balance(rows)  # clips of one song may fall in several quadrants

    checks = {**CHECKS, "empty_quadrant": balance}
    return [by_loader.get(name) or check(songs) for name, check in checks.items()]


def _axes(songs: pd.DataFrame) -> Check:
    return Check("axes_swapped", "not checkable", len(songs), "no second rating of the same songs to compare with")


def _scale(songs: pd.DataFrame) -> Check:
    name = "scale_mismatch"
    scale = str(songs["scale"].iloc[0])
    bounds = SCALES.get(scale)
    means = songs[["valence_original", "arousal_original"]].to_numpy(dtype=float)
    if bounds is None or not np.isfinite(means).any():
        return Check(name, "not checkable", len(songs), "the labels are categories")
    width = bounds.high - bounds.low
    filled = float(np.nanmax(means) - np.nanmin(means)) / width
    if filled < 0.25 and len(songs) >= MIN_SONGS:
        what = f"labels fill {filled:.0%} of the scale {scale}: they are probably on another scale"
        return Check(name, "suspect", len(songs), what)
    spread = songs[["valence_std", "arousal_std"]].to_numpy(dtype=float) / 2.0  # as a share of [-1, 1]
    if np.isfinite(spread).any():
        typical = float(np.nanmedian(spread))
        if typical < MIN_SPREAD:
            what = f"the raters' spread is {typical:.1%} of the scale {scale}: it is on another scale"
            return Check(name, "suspect", len(songs), what)
        # The largest sample variance of k ratings on [-1, 1] with mean m has all of them at ±1: s² ≤ (1 - m²)·k/(k-1).
        raters = np.maximum(songs["raters"].to_numpy(dtype=float), 2.0)[:, None]
        unit = songs[["valence", "arousal"]].to_numpy(dtype=float)
        widest = np.sqrt(np.clip(1.0 - unit**2, 0.0, None) * raters / (raters - 1.0))
        impossible = int((2.0 * spread > widest + 0.05).any(axis=1).sum())
        if impossible:
            what = f"{impossible} songs have a spread that is impossible on {scale}"
            return Check(name, "suspect", impossible, what)
    return Check(name, "fine", 0, f"labels fill {filled:.0%} of the scale {scale}")


def _range(songs: pd.DataFrame) -> Check:
    if songs["scale"].iloc[0] not in SCALES:
        return Check("out_of_range", "not checkable", len(songs), "the labels are categories")
    outside = np.abs(songs[["valence", "arousal"]].to_numpy(dtype=float)) > 1.0
    names = songs["song_id"].to_numpy(dtype=str)[np.asarray(outside).any(axis=1)]
    return out_of_range(names.tolist(), str(songs["scale"].iloc[0]))


def _dynamic(songs: pd.DataFrame) -> Check:
    return Check("static_against_dynamic", "not checkable", len(songs), "the source has no ratings over time")


def _raters(songs: pd.DataFrame) -> Check:
    raters = songs["raters"].to_numpy(dtype=int)
    if not (raters > 0).any():
        return Check("raters_too_few", "not checkable", len(songs), "the source does not give the number of raters")
    few = int(((raters > 0) & (raters < MIN_RATERS)).sum())
    verdict = "suspect" if few else "fine"
    detail = f"{few} songs have fewer than {MIN_RATERS} raters (median {np.median(raters[raters > 0]):g})"
    return Check("raters_too_few", verdict, few, detail)


def _spread(songs: pd.DataFrame) -> Check:
    spread = songs[["valence_std", "arousal_std"]].to_numpy(dtype=float)
    if not np.isfinite(spread).any():
        return Check("no_disagreement", "not checkable", len(songs), "the source gives no spread")
    zero = int((spread == 0).all(axis=1).sum())
    return Check("no_disagreement", "suspect" if zero else "fine", zero, f"{zero} songs whose raters all agree exactly")


def _extremes(songs: pd.DataFrame) -> Check:
    edge = int((np.abs(songs[["valence", "arousal"]].to_numpy(dtype=float)) >= 1.0 - 1e-9).any(axis=1).sum())
    verdict = "suspect" if edge > 0.1 * len(songs) else "fine"
    return Check("at_the_edge_of_the_scale", verdict, edge, f"{edge} songs at ±1")


def _balance(songs: pd.DataFrame) -> Check:
    quadrants = quadrant(songs["valence"], songs["arousal"])
    ids = songs["song_id"].to_numpy(dtype=str)
    counts = [int(np.unique(ids[quadrants == name]).size) for name in QUADRANTS]
    several = " (some songs have clips in several)" if sum(counts) > len(set(ids)) else ""
    detail = f"songs by quadrant Q1 to Q4: {', '.join(map(str, counts))}{several}"
    return Check("empty_quadrant", "suspect" if min(counts) == 0 else "fine", counts.count(0), detail)


def _shared(songs: pd.DataFrame) -> Check:
    named = songs.loc[(songs["artist"] != "") & (songs["title"] != "")]
    keys = named["artist"].str.casefold().str.strip() + "\t" + named["title"].str.casefold().str.strip()
    # One recording under two ids; several clips of one song are not a fault.
    twice = int((named.groupby(keys)["song_id"].agg(lambda ids: len(set(ids))) > 1).sum())
    if named.empty:
        return Check("songs_shared", "not checkable", len(songs), "one data set, without names of artists and titles")
    detail = f"{twice} songs occur under two numbers, by artist and title"
    return Check("songs_shared", "suspect" if twice else "fine", twice, detail)


def _duplicates(songs: pd.DataFrame) -> Check:
    return Check("near_duplicate_audio", "not checkable", len(songs), "only labels were read; prepare checks the audio")


CHECKS: dict[str, Callable[[pd.DataFrame], Check]] = {
    "axes_swapped": _axes,
    "scale_mismatch": _scale,
    "out_of_range": _range,
    "static_against_dynamic": _dynamic,
    "raters_too_few": _raters,
    "no_disagreement": _spread,
    "at_the_edge_of_the_scale": _extremes,
    "empty_quadrant": _balance,
    "songs_shared": _shared,
    "near_duplicate_audio": _duplicates,
}
"""Every check by name, in the order of the report; each takes a table with one row per song."""


def disagreement(first: NDArray[np.float64], second: NDArray[np.float64]) -> tuple[float, float]:
    """Concordance (CCC, Lin 1989) of two versions of the same labels ``[N, 2]``: of valence, of arousal."""

    def concordance(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
        covariance = float(((x - x.mean()) * (y - y.mean())).mean())
        return 2 * covariance / float(x.var() + y.var() + (x.mean() - y.mean()) ** 2)

    return concordance(first[:, 0], second[:, 0]), concordance(first[:, 1], second[:, 1])
