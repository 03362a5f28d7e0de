"""Detects and corrects DEAM's swapped valence and arousal.

In the published ``static_annotations_averaged_songs_1_2000.csv`` the columns of valence and arousal (means and standard
deviations) are swapped for the 744 songs up to id 1000, those of 2013. With the labels that emoMusic published of the
same songs they correlate at .60 as they are and at 1.000 when exchanged. The loader compares them with all reference
ratings that are present, the most reliable first: emoMusic's means, DEAM's own ratings over time, DEAM's ratings by
rater (which may be swapped in the same way, so they count only where they contradict the labels). Without any of these,
the spread of the labels is weak evidence: in correct labels, of 2013 and of 2014, arousal varies more than valence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from affetti.corpus.audit import MIN_SONGS, Axes, axes, disagreement
from affetti.corpus.loaders.mediaeval import Means, Songs
from affetti.corpus.track import Check

LAST = 1000
"""The last id of the block of 2013, the one that is swapped."""
SIGNIFICANT = 0.01


@dataclass(frozen=True)
class Reference:
    """Other ratings of the same songs, on any scale."""

    name: str
    means: Means
    contradicts: bool = False
    """Whether it counts only where it contradicts the labels, because it may contain the same swap."""

    def compare(self, songs: Songs) -> Axes:
        """Correlation of the labels with this reference, axis by axis and across."""
        return axes(songs.pairs, self.means.at(songs.numbers))


def correct_axes(shipped: Songs, references: Sequence[Reference], *, keep: bool) -> tuple[Songs, Check]:
    """Detect whether valence and arousal are swapped up to id 1000, and exchange them unless ``keep`` is set.

    Args:
        shipped: labels as they are in the file.
        references: other ratings of these songs, the most reliable first.
        keep: whether swapped labels stay as they are.

    Returns:
        The labels, and the check ``axes_swapped``.
    """
    early = shipped.numbers <= LAST
    swapped, evidence = _compare_all(shipped.pick(early), shipped.pick(~early), references)
    n = int(early.sum())
    if not swapped:
        verdict, concerned = ("not checkable", n) if swapped is None else ("fine", 0)
        return shipped, Check("axes_swapped", verdict, concerned, evidence)
    right = shipped.crossed(early)
    valence, arousal = disagreement(shipped.pairs, right.pairs)
    detail = (
        f"valence and arousal up to id {LAST} are swapped in the file ({evidence}); they are "
        f"{'kept as shipped' if keep else 'corrected'}; shipped and corrected labels of all {len(shipped.numbers)} "
        f"songs agree at CCC {valence:.3f} (valence) and {arousal:.3f} (arousal)"
    )
    return (shipped if keep else right), Check("axes_swapped", "suspect" if keep else "corrected", n, detail)


def _compare_all(early: Songs, later: Songs, references: Sequence[Reference]) -> tuple[bool | None, str]:
    """Whether the early songs are swapped, by the first conclusive reference, and the evidence of all of them."""
    swapped: bool | None = None
    evidence: list[str] = []
    for reference in references:
        seen = reference.compare(early)
        if seen.swapped is None or (reference.contradicts and not seen.swapped):
            continue
        finding = f"against {reference.name}, r {_pair(seen)}"
        beyond = reference.compare(later)
        if not reference.contradicts and beyond.swapped is not None:
            finding += f", above id {LAST} r {_pair(beyond)}"
            finding += ", which is probably swapped too and is left unchanged" if beyond.swapped else ""
        if swapped is None:
            swapped = seen.swapped
        elif swapped != seen.swapped:
            finding += ", which contradicts it"
        evidence.append(finding)
    return (swapped, "; ".join(evidence)) if evidence else _spread(early)


def _pair(seen: Axes) -> str:
    return f"{seen.straight:.3f} straight and {seen.crossed:.3f} crossed ({seen.n} songs)"


def _spread(early: Songs) -> tuple[bool | None, str]:
    """Evidence from the spread of the labels, by Pitman and Morgan's test of two variances in pairs.

    Var(V) > Var(A) if and only if V + A and V - A correlate positively.
    """
    if len(early.numbers) < MIN_SONGS:
        return None, f"fewer than {MIN_SONGS} songs up to id {LAST}"
    better = "DEAM's dynamic arousal.csv and valence.csv or emoMusic's static_annotations.csv would decide it"
    valence, arousal = early.pairs.T
    r, p = np.asarray(stats.pearsonr(valence + arousal, valence - arousal), dtype=float).tolist()
    sizes = f"{np.std(valence, ddof=1):.2f} of valence, {np.std(arousal, ddof=1):.2f} of arousal, p = {p:.2g}"
    if not p < SIGNIFICANT:
        return None, f"no reference ratings decide it, nor do standard deviations of {sizes}; {better}"
    return r > 0, f"on weak evidence only, standard deviations of {sizes}; {better}"
