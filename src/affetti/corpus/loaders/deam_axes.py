"""Whether DEAM's valence and arousal have changed places, and putting them back.

In the published ``static_annotations_averaged_songs_1_2000.csv`` the columns of valence and arousal (means and standard
deviations) are swapped for the 744 songs up to id 1000, those of 2013. With the labels that emoMusic published of the
same songs they correlate at .60 as they stand and at 1.000 crossed. The loader asks whatever witness is at hand, the
strongest first: emoMusic's means, DEAM's own ratings over time, its raters' own file (which may be swapped likewise,
and counts only where it contradicts). Without any, the spread of the labels is a weak one: rightly labelled excerpts,
of 2013 and of 2014, spread more in arousal than in valence.
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
class Witness:
    """Other ratings of the same songs, on any scale."""

    name: str
    means: Means
    contradicts: bool = False
    """Whether it counts only where it contradicts: it may come from the same mistake."""

    def look(self, songs: Songs) -> Axes:
        """How labels follow this witness."""
        return axes(songs.pairs, self.means.at(songs.numbers))


def correct_axes(shipped: Songs, witnesses: Sequence[Witness], *, keep: bool) -> tuple[Songs, Check]:
    """Find out whether axes are swapped up to id 1000, and put them right unless they are to be kept.

    Args:
        shipped: labels as they are in the file.
        witnesses: who may know, the strongest first.
        keep: whether swapped labels stay as they are.

    Returns:
        The labels, and the check ``axes_swapped``.
    """
    early = shipped.numbers <= LAST
    swapped, told = _ask(shipped.pick(early), shipped.pick(~early), witnesses)
    n = int(early.sum())
    if not swapped:
        verdict, concerned = ("not checkable", n) if swapped is None else ("fine", 0)
        return shipped, Check("axes_swapped", verdict, concerned, told)
    right = shipped.crossed(early)
    valence, arousal = disagreement(shipped.pairs, right.pairs)
    detail = (
        f"valence and arousal up to id {LAST} have changed places in the file ({told}); they are "
        f"{'kept as shipped' if keep else 'put right'}; shipped and corrected labels of all {len(shipped.numbers)} "
        f"songs agree at CCC {valence:.3f} (valence) and {arousal:.3f} (arousal)"
    )
    return (shipped if keep else right), Check("axes_swapped", "suspect" if keep else "corrected", n, detail)


def _ask(early: Songs, later: Songs, witnesses: Sequence[Witness]) -> tuple[bool | None, str]:
    """Whether the early songs are swapped by the first witness who can tell, and what all of them say."""
    swapped: bool | None = None
    told: list[str] = []
    for witness in witnesses:
        seen = witness.look(early)
        if seen.swapped is None or (witness.contradicts and not seen.swapped):
            continue
        said = f"against {witness.name}, r {_pair(seen)}"
        beyond = witness.look(later)
        if not witness.contradicts and beyond.swapped is not None:
            said += f", above id {LAST} r {_pair(beyond)}"
            said += ", which looks swapped too and is left as it is" if beyond.swapped else ""
        if swapped is None:
            swapped = seen.swapped
        elif swapped != seen.swapped:
            said += ", which says otherwise"
        told.append(said)
    return (swapped, "; ".join(told)) if told else _spread(early)


def _pair(seen: Axes) -> str:
    return f"{seen.straight:.3f} straight and {seen.crossed:.3f} crossed ({seen.n} songs)"


def _spread(early: Songs) -> tuple[bool | None, str]:
    """What the spread of the labels tells, by Pitman and Morgan's test of two variances in pairs.

    Var(V) > Var(A) exactly where V + A and V - A correlate positively.
    """
    if len(early.numbers) < MIN_SONGS:
        return None, f"fewer than {MIN_SONGS} songs up to id {LAST}"
    wanted = "DEAM's dynamic arousal.csv and valence.csv or emoMusic's static_annotations.csv would settle it"
    valence, arousal = early.pairs.T
    r, p = np.asarray(stats.pearsonr(valence + arousal, valence - arousal), dtype=float).tolist()
    sizes = f"{np.std(valence, ddof=1):.2f} of valence, {np.std(arousal, ddof=1):.2f} of arousal, p = {p:.2g}"
    if not p < SIGNIFICANT:
        return None, f"no witness can tell, nor do standard deviations of {sizes}; {wanted}"
    return r > 0, f"by a weak witness alone, standard deviations of {sizes}; {wanted}"
