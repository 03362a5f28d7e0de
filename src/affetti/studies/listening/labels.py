"""Ratings as labels: valence and arousal of each clip, with their spread and number of raters."""

from __future__ import annotations

import pandas as pd

from affetti.corpus.ceiling import LabelCeiling, ceiling
from affetti.emotion import AXES, SCALES, Scale
from affetti.errors import InputError, UsageError
from affetti.studies.listening.rating_table import RatingTable

UNIT = Scale(-1.0, 1.0)


def emotion_scale(table: RatingTable, declared: str | None = None) -> Scale:
    """The scale of the emotions in a table of ratings.

    Args:
        table: the ratings.
        declared: a key of :data:`affetti.emotion.SCALES`; by default the ratings must be in [-1, 1].

    Raises:
        UsageError: there is no such scale.
        InputError: a rating lies outside it.
    """
    if declared is not None and declared not in SCALES:
        raise UsageError(f"unknown scale {declared!r}", where="--scale", hint=f"choose from {', '.join(SCALES)}")
    scale = UNIT if declared is None else SCALES[declared]
    rows = table.main[table.main["scale"].isin(AXES)]
    outside = rows[(rows["rating"] < scale.low) | (rows["rating"] > scale.high)]
    if len(outside):
        row = outside.iloc[0]
        raise InputError(
            f"{row['scale']} {row['rating']:g} of {row['listener']}, {row['clip']} is outside "
            f"[{scale.low:g}, {scale.high:g}]",
            where="ratings",
            hint=f"correct it, or declare the scale with --scale ({', '.join(SCALES)})",
        )
    return scale


def to_unit(table: RatingTable, scale: Scale) -> RatingTable:
    """The table with ratings of valence and arousal in [-1, 1]."""
    changed = table.table.copy()
    emotion = changed["scale"].isin(AXES)
    changed.loc[emotion, "rating"] = scale.to_unit(changed.loc[emotion, "rating"])
    return RatingTable(changed)


def labels(table: RatingTable) -> pd.DataFrame:
    """Labels by clip: ``clip, system, condition, valence, arousal, valence_std, arousal_std, raters``, in [-1, 1].

    The spread is the sample standard deviation (``ddof`` 1) over listeners; NaN with one. Empty where valence and
    arousal were not both rated.
    """
    columns = ["clip", "system", "condition", *AXES, *(f"{axis}_std" for axis in AXES), "raters"]
    rows = table.main[table.main["scale"].isin(AXES)]
    if rows["scale"].nunique() < len(AXES):
        return pd.DataFrame(columns=pd.Index(columns))
    wide = rows.pivot_table(index=["clip", "listener"], columns="scale", values="rating", sort=False).dropna()
    by_clip = wide.groupby(level="clip", sort=False)
    merged = by_clip[list(AXES)].mean()
    for axis in AXES:
        merged[f"{axis}_std"] = by_clip[axis].std(ddof=1)
    merged["raters"] = by_clip.size()
    known = rows.drop_duplicates("clip").set_index("clip")[["system", "condition"]]
    return merged.join(known).reset_index()[columns]


def label_ceiling(table: RatingTable, seed: int = 0) -> LabelCeiling:
    """The ceiling of the ratings as labels, see :mod:`affetti.corpus.ceiling`; intervals over conditions."""
    made = labels(table)
    return ceiling(made.rename(columns={"condition": "song_id"}), seed) if len(made) else LabelCeiling()
