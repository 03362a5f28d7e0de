"""Whether DEAM's valence and arousal have changed places, and putting them back.

In the published ``static_annotations_averaged_songs_1_2000.csv`` the columns of valence and arousal (means and standard
deviations) are swapped for the 744 songs up to id 1000, those of 2013. Against emoMusic, which published the same ratings of
the same songs first, labels correlate at .60 as they stand and at 1.000 when crossed. So the loader asks whatever witness is
at hand, the strongest first: emoMusic's means, DEAM's own ratings over time, its raters' own file (which may be swapped
likewise, and counts only where it contradicts). Without any, the spread of the labels is a weak one: in every block
of correct labels of excerpts arousal spreads more than valence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from scipy import stats

from affetti.corpus.audit import FEWEST, Axes, axes, disagreement
from affetti.corpus.loaders.mediaeval import AXES, SPREAD
from affetti.corpus.track import Check

LAST = 1000
"""The last id of the block of 2013, the one that is swapped."""
CROSSED = {"valence": "arousal", "arousal": "valence", "valence_std": "arousal_std", "arousal_std": "valence_std"}
SIGNIFICANT = 0.01


@dataclass(frozen=True)
class Witness:
    """Other ratings of the same songs, on any scale."""

    name: str
    means: pd.DataFrame
    """Valence and arousal by song number."""
    contradicts: bool = False
    """Whether it counts only where it contradicts: it may come from the same mistake."""

    def look(self, labels: pd.DataFrame) -> Axes:
        """How labels follow this witness."""
        both = labels.index.intersection(self.means.index)
        return axes(labels.loc[both, AXES], self.means.loc[both, AXES])


def crossed(table: pd.DataFrame, songs: pd.Index) -> pd.DataFrame:
    """A table with valence and arousal of these songs exchanged, and their spreads where it has them."""
    columns = [column for column in AXES + SPREAD if column in table]
    back = table.copy()
    back.loc[songs, columns] = table.loc[songs, [CROSSED[column] for column in columns]].to_numpy()
    return back


def settle(labels: pd.DataFrame, witnesses: Sequence[Witness], *, keep: bool) -> tuple[pd.DataFrame, Check]:
    """Find out whether axes are swapped up to id 1000, and put them right unless they are to be kept.

    Args:
        labels: means and standard deviations by song number.
        witnesses: who may know, the strongest first.
        keep: whether swapped labels stay as they are.

    Returns:
        The labels, and the check ``axes_swapped``.
    """
    early = labels.index[labels.index <= LAST]
    found: bool | None = None
    told: list[str] = []
    for witness in witnesses:
        seen = witness.look(labels.loc[early])
        verdict = None if witness.contradicts and not seen.swapped else seen.swapped
        if verdict is None:
            continue
        told.append(f"against {witness.name}, r {_pair(seen)}")
        if found is None:
            found = verdict
            later = witness.look(labels.drop(early))
            if later.swapped is not None:
                told[-1] += f"; above id {LAST}, r {_pair(later)}"
                if later.swapped:
                    told[-1] += ", which looks swapped too and is left as it is"
        elif found != verdict:
            told[-1] += ", which contradicts"
    if found is None:
        found, why = _spread(labels.loc[early])
        told = [why]
    detail = "; ".join(told)
    if not found:
        return labels, Check("axes_swapped", "not checkable" if found is None else "fine", len(early), detail)
    right = crossed(labels, early)
    valence, arousal = disagreement(labels[AXES].to_numpy(), right[AXES].to_numpy())
    detail = (
        f"valence and arousal up to id {LAST} have changed places in the published file ({detail}); they are "
        f"{'kept as shipped' if keep else 'put right'}; shipped and corrected labels of all {len(labels)} songs agree at "
        f"CCC {valence:.3f} (valence) and {arousal:.3f} (arousal)"
    )
    return (labels if keep else right), Check("axes_swapped", "suspect" if keep else "corrected", len(early), detail)


def _pair(seen: Axes) -> str:
    return f"{seen.straight:.3f} straight and {seen.crossed:.3f} crossed ({seen.n} songs)"


def _spread(labels: pd.DataFrame) -> tuple[bool | None, str]:
    """What the spread of the labels tells: Pitman and Morgan's test of two variances in pairs.

    Var(V) > Var(A) exactly where V + A and V - A correlate positively.
    """
    wanted = "DEAM's dynamic arousal.csv and valence.csv, or emoMusic's static_annotations.csv, would settle it"
    valence, arousal = labels["valence"], labels["arousal"]
    if len(labels) < FEWEST:
        return None, f"too few songs up to id {LAST} to tell"
    test = stats.pearsonr(valence + arousal, valence - arousal)
    spread = f"standard deviation {valence.std():.2f} of valence, {arousal.std():.2f} of arousal, p = {test.pvalue:.2g}"
    if not test.pvalue < SIGNIFICANT:
        return None, f"no witness, and the spread of the labels does not tell ({spread}); {wanted}"
    return bool(test.statistic > 0), f"by the spread of the labels alone, a weak witness: {spread}; {wanted}"
