"""The section on corpora: clips on the emotion plane, genres and folds, the worth of the labels, planted effects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from affetti.corpus import Corpus
from affetti.corpus.ceiling import LabelCeiling, ceiling
from affetti.corpus.licence import obligations
from affetti.presets import FrontEnd
from affetti.report import figures
from affetti.report.drawing import legend_mark
from affetti.signal.front_ends import describe

MAX_GENRES = 8
"""Genres with a marker of their own; the rarest beyond that share the last."""
NO_GENRE = "no genre given"


@dataclass(frozen=True)
class GenreRow:
    """Clips of one genre."""

    name: str
    key: Markup
    """Its marker in the figure."""
    clips: int
    songs: int
    folds: tuple[int, ...]
    """Clips in each fold."""


@dataclass(frozen=True)
class CorpusSection:
    """What the template ``corpus.html`` needs of one corpus."""

    name: str
    meta: Mapping[str, Any]
    """``corpus.json``."""
    obligations: tuple[str, ...]
    """What follows from its licence."""
    synthetic: bool
    n: int
    songs: int
    front: FrontEnd
    bands: str
    """The front-end in words."""
    figure: Markup
    n_drawn: int
    """Clips in the figure."""
    genres: tuple[GenreRow, ...]
    folds: tuple[int, ...]
    fold_totals: tuple[int, ...]
    """Clips in each fold."""
    ceiling: LabelCeiling | None
    """Of the labels; None for a synthetic corpus."""
    audit: tuple[Mapping[str, Any], ...]
    """The label audit."""
    has_artists: bool
    leaks: tuple[tuple[str, float], ...]
    """What test clips share with training, and the share of test clips that do."""
    planted: tuple[tuple[str, str], ...]
    """Effects that the composer planted, by dotted name."""


def corpus_section(corpus: Corpus) -> CorpusSection:
    """Draw and count a corpus."""
    clips = corpus.clips
    genre = clips["genre"].fillna("").to_numpy(dtype=str)
    genre = np.where(genre == "", NO_GENRE, genre)
    names, counts = np.unique(genre, return_counts=True)
    ranked = [str(name) for name in names[np.argsort(-counts, kind="stable")]]
    shown = ranked if len(ranked) <= MAX_GENRES else [*ranked[: MAX_GENRES - 1], "all others"]
    number = {name: min(i, len(shown) - 1) for i, name in enumerate(ranked)}
    series = np.array([number[name] for name in genre], dtype=np.intp)
    fold_of = clips["fold"].to_numpy(dtype=int)
    folds = [int(fold) for fold in np.unique(fold_of) if fold >= 0]
    rows = [
        GenreRow(
            name,
            legend_mark(i),
            int((series == i).sum()),
            int(np.unique(corpus.songs[series == i]).size),
            tuple(int(((series == i) & (fold_of == fold)).sum()) for fold in folds),
        )
        for i, name in enumerate(shown)
    ]
    leakage = corpus.meta.get("leakage") or {}
    return CorpusSection(
        name=corpus.path.name,
        meta=corpus.meta,
        obligations=obligations(corpus.meta.get("licence")),
        synthetic=corpus.synthetic,
        n=len(corpus),
        songs=int(corpus.meta["n_songs"]),
        front=corpus.front_end,
        bands=describe(corpus.front_end),
        figure=figures.plane(corpus.labels, series, shown),
        n_drawn=min(len(corpus), figures.MAX_POINTS),
        genres=tuple(rows),
        folds=tuple(folds),
        fold_totals=tuple(int((fold_of == fold).sum()) for fold in folds),
        ceiling=None if corpus.synthetic else ceiling(corpus.clips),
        audit=() if corpus.synthetic else tuple(corpus.meta["label_audit"]),
        has_artists=bool((clips["artist"].fillna("") != "").any()),
        leaks=tuple((name, share) for name, share in leakage.items() if share),
        planted=tuple(_dotted(corpus.meta.get("planted") or {})),
    )


def _dotted(value: Any, name: str = "") -> list[tuple[str, str]]:
    """A nested document as rows of dotted name and value."""
    if isinstance(value, dict):
        return [row for key, item in value.items() for row in _dotted(item, f"{name}.{key}" if name else str(key))]
    return [(name, ", ".join(map(str, value)) if isinstance(value, list) else str(value))]
