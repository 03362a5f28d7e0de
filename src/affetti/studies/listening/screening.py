"""Post-screening: which listeners are left out, by rules that are stated before any system is looked at.

A listener is left out who

- failed more than half of their attention checks,
- gave one and the same rating to every clip, on every scale, over at least five clips,
- rated the hidden reference of ``mushra`` below 90 in more than 15 % of the trials (ITU-R BS.1534-3, §4.1.2), or
- agreed less with themself than with chance: a correlation below 0 of at least five first and repeated ratings, over
  all scales.

No rule uses the systems but the third, which uses the reference alone. The analysis shows the means without screening
beside those with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from affetti.studies.listening.study import REFERENCE

MIN_CHECKS_PASSED = 0.5
MIN_CLIPS = 5
MIN_REFERENCE, MAX_MISSED = 90.0, 0.15
RULES = (
    "failed more than half of the attention checks",
    "gave the same rating to every clip",
    "rated the hidden reference below 90 in more than 15 % of the trials",
    "repeated ratings do not agree with the first ones",
)


@dataclass(frozen=True)
class ExcludedListener:
    """Somebody who is left out."""

    listener: str
    reason: str
    """One of :data:`RULES`."""


def screen(table: pd.DataFrame) -> tuple[ExcludedListener, ...]:
    """The listeners of a tidy table that the rules leave out, in the order of the table."""
    excluded: list[ExcludedListener] = []
    for listener, rows in table.groupby("listener", sort=False):
        reason = _reason(rows)
        if reason is not None:
            excluded.append(ExcludedListener(str(listener), reason))
    return tuple(excluded)


def _reason(rows: pd.DataFrame) -> str | None:
    """The first rule that leaves a listener out; None: no rule does."""
    checks = rows.loc[rows["purpose"] == "attention", "rating"]
    if len(checks) and checks.mean() < MIN_CHECKS_PASSED:
        return RULES[0]
    main = rows[(rows["purpose"] == "main") & (rows["against"] == "")]
    by_scale = main.groupby("scale")["rating"]
    if main["clip"].nunique() >= MIN_CLIPS and (by_scale.max() == by_scale.min()).all():
        return RULES[1]
    references = rows.loc[(rows["system"] == REFERENCE) & (rows["purpose"] == "main"), "rating"]
    if len(references) and (references < MIN_REFERENCE).mean() > MAX_MISSED and main["rating"].max() > 10.0:
        return RULES[2]
    repeats = rows[rows["purpose"] == "repeat"].merge(main, on=["clip", "scale"], suffixes=("_again", ""))
    if repeats["clip"].nunique() >= MIN_CLIPS:
        # Scales differ in level, which would count as agreement.
        columns = ["rating", "rating_again"]
        pairs = repeats[columns] - repeats.groupby("scale")[columns].transform("mean")
        if float(np.prod(pairs.to_numpy(dtype=float), axis=1).sum()) < 0:
            return RULES[3]
    return None
