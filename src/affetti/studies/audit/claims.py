"""The rule by which a claim of the published study is decided, and the table of verdicts.

The study is an unpublished report on GAN augmentation for DEAM. Its checkable claims lie beside this module in
``claims.csv``, with the section that states each and the range it states: ``50..70``, ``..0.55``, or a single number,
which stands for itself ± 10 % of itself, for the study gives no intervals. Ranges were written down before anything was
measured; statements with neither number nor direction are left out. A claim is

- ``supported`` where the whole 95 % interval of what was measured lies inside the range,
- ``contradicted`` where the interval and the range have nothing in common,
- ``undecided`` otherwise: where the interval straddles an end of the range, where nothing was measured, where the claim
  is about another data set, and, whatever was measured, for claims about how people feel on music that affetti
  composed, where the composer's own rules would answer, and for those that only listeners could answer: a regressor's
  reading of a changed sound, told beside the claim, is no listener.

What is exact (a count, a closed form) is an interval of no width; any other number without an interval, or on fewer
than eight units, decides nothing. A probe's reading is a bound from below: its interval has no upper end, so that it
can contradict "cannot be read" and never support it. What bounds from above has no lower end. What neither is what is
claimed nor bounds it, such as a linear regressor's gain (a difference of two bounds, itself no bound) or the score of
clips of one kind alone, stands beside the claim and decides nothing; the claim says what would. A verdict is about this
corpus and these models: another corpus may decide otherwise. With so many claims at 95 % a few verdicts are chance.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from affetti.studies.audit.answer import Measurement

Verdict = Literal["supported", "contradicted", "undecided"]
Bound = Literal["", "lower", "upper", "beside"]
MIN_UNITS = 8
"""Units that a verdict takes: percentile intervals of fewer are much too narrow."""
TOLERANCE = 0.1
"""How far a single number reaches to either side, as a share of itself."""
DECIDES_NOTHING = (
    "what was measured neither is what is claimed nor bounds it: it stands beside the claim and decides nothing"
)
"""Why a claim is undecided whose ``bound`` is ``beside``."""
STUDY_TOPIC = "study"
"""Topic of claims that an augmentation study decides."""


@dataclass(frozen=True)
class Claim:
    """A checkable statement of the study."""

    id: str
    section: str
    """Where it stands in the study."""
    claim: str
    low: float
    high: float
    """The range claimed, in the unit of what decides it; infinite where it is open."""
    measurement: str
    """``question.measurement`` that decides it; ``question.`` alone where nothing measured here can."""
    needs_listeners: bool = False
    """Whether it is about how people feel or hear."""
    only_listeners: bool = False
    """Whether only listeners to changed sounds could decide it, whatever the corpus."""
    dataset: str = ""
    """The data set it is about, where it is about that one alone."""
    needs: str = ""
    """What would decide it where this does not."""
    bound: Bound = ""
    """Whether what is measured bounds what is claimed from one side only, or merely stands beside it."""

    @property
    def topic(self) -> str:
        """The question that it belongs to."""
        return self.measurement.partition(".")[0]


@lru_cache(maxsize=1)
def claims() -> tuple[Claim, ...]:
    """The claims of ``claims.csv``, in the order of the study's argument."""
    with (Path(__file__).parent / "claims.csv").open(encoding="utf-8", newline="") as file:
        return tuple(_claim(row) for row in csv.DictReader(file))


def parse_range(text: str) -> tuple[float, float]:
    """The range that ``50..70``, ``..0.55`` (at most), ``-40..`` (at least) or a single number stands for."""
    low, dots, high = text.partition("..")
    if dots:
        return float(low or -math.inf), float(high or math.inf)
    value = float(text)
    return value - TOLERANCE * abs(value), value + TOLERANCE * abs(value)


def _claim(row: dict[str, str]) -> Claim:
    low, high = parse_range(row["range"])
    listeners = row["about"] == "listeners"
    people = listeners or row["about"] == "people"
    dataset = "" if people else row["about"]
    bounds: dict[str, Bound] = {"lower": "lower", "upper": "upper", "beside": "beside"}
    return Claim(
        row["id"],
        row["section"],
        row["claim"],
        low,
        high,
        row["by"],
        people,
        listeners,
        dataset,
        row["needs"],
        bounds.get(row["bound"], ""),
    )


def decide(claim: Claim, found: Measurement | None, *, composed: bool, dataset: str = "") -> tuple[Verdict, str]:
    """The verdict on ``claim`` by the rule of this module, and why it is undecided where it is."""
    if found is None or found.value is None:
        reason = "not measured" if found is None or not found.note else found.note
        return "undecided", reason
    if claim.bound == "beside":
        return "undecided", DECIDES_NOTHING
    if claim.dataset and claim.dataset != dataset:
        return "undecided", f"about {claim.dataset} alone"
    if claim.only_listeners:
        return "undecided", "only listeners could decide it; what was measured stands beside it"
    if claim.needs_listeners and composed:
        return "undecided", "about how people feel, and this music was composed by rules"
    if not found.exact and found.ci is None:
        return "undecided", found.note or "measured without an interval"
    if not found.exact and found.n < MIN_UNITS:
        return "undecided", f"measured on {found.n} {found.of}, fewer than {MIN_UNITS}"
    low, high = found.ci or (found.value, found.value)
    low, high = (-math.inf if claim.bound == "upper" else low), (math.inf if claim.bound == "lower" else high)
    if claim.low <= low and high <= claim.high:
        return "supported", ""
    if high < claim.low or low > claim.high:
        return "contradicted", ""
    if claim.bound:
        return "undecided", f"measured as a bound from {'below' if claim.bound == 'lower' else 'above'} alone"
    return "undecided", "the interval reaches over an end of the claimed range"


def decide_all(
    found: Mapping[str, Measurement],
    asks: Mapping[str, str],
    *,
    composed: bool,
    dataset: str,
    corpus: str,
) -> list[dict[str, Any]]:
    """A row for each claim.

    Args:
        found: measurements by ``question.measurement``.
        asks: the question that each topic asks.
        composed: whether affetti composed the corpus.
        dataset: name of the corpus' data set.
        corpus: its path, for the command that measures again.
    """
    rows: list[dict[str, Any]] = []
    for claim in claims():
        here = found.get(claim.measurement)
        verdict, reason = decide(claim, here, composed=composed, dataset=dataset)
        rows.append(
            {
                "id": claim.id,
                "topic": claim.topic,
                "section": claim.section,
                "question": asks[claim.topic],
                "claim": claim.claim,
                "claimed": [None if math.isinf(end) else end for end in (claim.low, claim.high)],
                "by": claim.measurement,
                "measured": None if here is None else here.value,
                "ci": None if here is None or here.ci is None else list(here.ci),
                "n": 0 if here is None else here.n,
                "of": "" if here is None else here.of,
                "unit": "" if here is None else here.unit,
                "verdict": verdict,
                "reason": reason,
                "people": claim.needs_listeners,
                "bound": claim.bound,
                "needs": claim.needs if verdict == "undecided" else "",
                "command": _command(claim.topic, corpus),
            }
        )
    return rows


def _command(topic: str, corpus: str) -> str:
    """What measures it again."""
    if topic == STUDY_TOPIC:
        return f"affetti compare --corpus {corpus} --seeds 5 --arms all --out STUDY"
    return f"affetti audit {corpus} --only {topic} --out AUDIT"
