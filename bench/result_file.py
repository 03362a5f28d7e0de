"""The results of an edition as data, ``docs/results/*.json``.

Prose and pictures are made from them by ``docs/generate_results.py``.

Each table says which commands made it, of which version and corpus, and on how many clips and songs. What was not
recorded is None.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from affetti.results import BaseResult
from affetti.storage import read_json, write_text

RESULTS = Path(__file__).parents[1] / "docs" / "results"
Outcome = Literal["helps", "harms", "cannot tell"]
Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Row(BaseResult):
    """An arm of a study."""

    arm: str
    value: float
    """CCC, or the share of clips predicted in the right quadrant."""
    ci: Interval | None = None
    difference: float
    """From the reference of the table."""
    difference_ci: Interval
    """Of this difference alone."""
    simultaneous_ci: Interval | None = None
    """Holds for all differences of the table at once."""
    quality: float | None = None
    """Quality Score of the clips that the arm adds, 0 to 100."""
    quality_ci: Interval | None = None

    def outcome(self, primary: str | None) -> Outcome:
        """What the interval says: that of the difference alone for the primary contrast, else that of all at once."""
        alone = self.arm == primary or self.simultaneous_ci is None
        low, high = self.difference_ci if alone else self.simultaneous_ci or self.difference_ci
        return "helps" if low > 0 else "harms" if high < 0 else "cannot tell"


@dataclass(frozen=True, kw_only=True)
class Table(BaseResult):
    """A study: arms on one corpus."""

    id: str
    title: str
    section: str
    """Heading of docs/results.md that it stands under."""
    corpus: str
    corpus_hash: str | None = None
    commands: tuple[str, ...]
    front_end: str
    version: str
    folds: tuple[int, ...]
    seeds: int
    runs: int
    """Runs of each generator or composer, for each fold."""
    clips: int
    """Real test clips."""
    songs: int
    measure: Literal["ccc", "accuracy"]
    reference: str
    primary: str | None = None
    """The arm whose difference was stated before the run; None: the table is exploratory."""
    rows: tuple[Row, ...]

    def row(self, arm: str) -> Row:
        """The row of an arm.

        Raises:
            KeyError: there is none.
        """
        for row in self.rows:
            if row.arm == arm:
                return row
        raise KeyError(arm)


@dataclass(frozen=True, kw_only=True)
class ClaimVerdict(BaseResult):
    """A claim of the study, as the audit decided it."""

    id: str
    verdict: Literal["supported", "contradicted", "undecided"]
    value: float | None = None
    """What was measured; None where the edition files no number."""
    ci: Interval | None = None
    n: int | None = None
    of: str | None = None
    """What ``n`` counts."""


@dataclass(frozen=True, kw_only=True)
class Audit(BaseResult):
    """The claims of the study on one corpus."""

    corpus: str
    corpus_hash: str | None = None
    commands: tuple[str, ...]
    front_end: str
    version: str
    claims: tuple[ClaimVerdict, ...]


@dataclass(frozen=True, kw_only=True)
class Edition(BaseResult):
    """All results of an edition."""

    edition: str
    exploratory: bool
    """Whether it was made before docs/preregistration.md."""
    tables: tuple[Table, ...]
    audits: tuple[Audit, ...]

    def table(self, name: str) -> Table:
        """The table of an id.

        Raises:
            KeyError: there is none.
        """
        for table in self.tables:
            if table.id == name:
                return table
        raise KeyError(name)


def read_edition(name: str = "first") -> Edition:
    """The edition that is filed as ``docs/results/NAME.json``."""
    path = RESULTS / f"{name}.json"
    return Edition.from_dict(read_json(path), path)


def write_edition(edition: Edition, path: Path) -> None:
    """File an edition, a row a line."""
    text = json.dumps(edition.to_dict(), indent=1, ensure_ascii=False)
    write_text(path, re.sub(r"\{[^{}]*\}|\[[^\[\]{}]*\]", lambda found: " ".join(found[0].split()), text) + "\n")
