"""Clips that somebody else's generator made, as sets of a study: ``--clips NAME=CORPUS``.

A set that affetti generated says which songs its generator was trained on. Of any other the user declares it, by a CSV
with a column ``song_id``, or says that it is undeclared: the study then runs, and its verdicts say so. When not to use:
undeclared clips for any claim about songs that their generator may have been trained on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from affetti import tables
from affetti.corpus import Corpus
from affetti.errors import UsageError
from affetti.training.field_variants import is_variant
from affetti.training.registry import FAMILIES, GENERATORS

UNDECLARED = "undeclared"


@dataclass(frozen=True)
class GivenClips:
    """A corpus of clips under the name of its arms."""

    name: str
    corpus: Path
    trained_on: tuple[str, ...] | None = None
    """Songs that their generator was trained on, as declared; None: the corpus says it itself."""
    undeclared: bool = False
    """Whether nobody says what their generator was trained on."""


def open_given_clips(
    clips: tuple[tuple[str, Path], ...], trained_on: str | None, real: Corpus, taken: tuple[str, ...]
) -> tuple[GivenClips, ...]:
    """The sets that the user has given, checked.

    Args:
        clips: name and corpus of each.
        trained_on: a CSV with a column ``song_id``, or ``undeclared``.
        real: the real corpus.
        taken: names that they may not have.

    Raises:
        UsageError: a name cannot be used, or nothing says what a set's generator was trained on.
        MismatchError: a set is of another front-end.
        InputError: the CSV cannot be read.
    """
    if trained_on is not None and not clips:
        raise UsageError("there are no clips to declare", where="--trained-on", hint="give --clips NAME=CORPUS")
    declared = None if trained_on is None else () if trained_on == UNDECLARED else _songs(Path(trained_on))
    given: list[GivenClips] = []
    for name, path in clips:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name in (*taken, *FAMILIES) or is_variant(name, GENERATORS):
            hint = "give another, of lower-case letters and digits"
            raise UsageError(f"a set of clips cannot be called {name!r}", where="--clips", hint=hint)
        if any(name == other.name for other in given):
            raise UsageError(f"two sets of clips are called {name!r}", where="--clips", hint="give each its own name")
        corpus = Corpus.open(path)
        corpus.require_front_end(real.front_end, real.path)
        known = bool(corpus.meta.get("provenance")) or corpus.composed
        if not known and declared is None:
            raise UsageError(
                f"nothing says which songs the generator of {name} was trained on",
                where="--trained-on",
                hint=f"give a CSV with a column song_id, or {UNDECLARED}",
            )
        given.append(GivenClips(name, path, declared, not known and trained_on == UNDECLARED))
    return tuple(given)


def _songs(path: Path) -> tuple[str, ...]:
    rows = tables.read(path, ("song_id",), hint=f"give a CSV with a column song_id, or {UNDECLARED}")
    return tuple(sorted({row["song_id"] for row in rows}))
