"""The rule by which a claim of the study is decided, and the table of verdicts.

The study is a report on GAN augmentation for DEAM, unpublished and without code. Its checkable claims are listed in
``claims.csv`` beside this module, with the section that states each and the range that it states: ``50..70``,
``..0.55``, or a single number, which means that number ± 10 %, because the study gives no intervals. The
ranges were written down before anything was measured. Statements with neither a number nor a direction are left out. A
claim is

- ``supported`` where the whole 95 % interval of the measurement lies inside the range,
- ``contradicted`` where the interval and the range do not overlap,
- ``undecided`` otherwise: where the interval reaches over an end of the range, where nothing was measured, where the
  claim is about another data set, and, whatever was measured, for claims about how people feel on music that affetti
  composed (the composer's own rules would answer) and for claims that only listeners could answer. A regressor's
  prediction for a changed sound is reported beside such a claim; it does not stand for a listener. A listening study
  whose task and systems are those that the column ``listening`` names decides it, on composed music too.

An exact number (a count, a closed form) is an interval of no width. Any other number without an interval, or on fewer
than eight units, decides nothing. The prediction of a probe is a lower bound: its interval has no upper end, so that it
can contradict "cannot be predicted" and never support it. An upper bound has no lower end. A measurement that neither
is what is claimed nor bounds it, such as the gain of a linear regressor (a difference of two bounds, itself no bound)
or the score of clips of one kind alone, is reported beside the claim and decides nothing; the claim says what would.

When not to use: to generalise. A verdict is about this corpus and these models; another corpus may decide otherwise.
With so many claims at 95 %, a few verdicts are chance.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from affetti.studies.audit.answer import Measurement
from affetti.studies.audit.sample_size import units_needed

Verdict = Literal["supported", "contradicted", "undecided"]
Bound = Literal["", "lower", "upper", "beside"]
"""Whether the measurement is what is claimed (empty), bounds it from one side, or is only reported beside it."""
MIN_UNITS = 8
"""Units that a verdict needs: percentile intervals of fewer are much too narrow."""
TOLERANCE = 0.1
"""How far a single number reaches to either side, as a fraction of itself."""
DECIDES_NOTHING = (
    "what was measured is not what is claimed and does not bound it: "
    "it is reported beside the claim and decides nothing"
)
"""Why a claim is undecided whose ``bound`` is ``beside``."""
CROSSES = "the interval reaches over an end of the claimed range"
"""Why a claim is undecided that more songs may decide."""
STUDY_TOPIC = "study"
"""Topic of the claims that an augmentation study decides."""


@dataclass(frozen=True)
class Claim:
    """A checkable statement of the study."""

    id: str
    section: str
    """Its section in the study."""
    claim: str
    low: float
    high: float
    """The claimed range, in the unit of the measurement; infinite where it is open."""
    measurement: str
    """``question.measurement`` that decides it; ``question.`` alone where nothing measured here can."""
    needs_listeners: bool = False
    """Whether it is about how people feel or what they hear."""
    only_listeners: bool = False
    """Whether only listeners to changed sounds could decide it, whatever the corpus."""
    dataset: str = ""
    """The data set that it is about, where it is about that one alone."""
    needs: str = ""
    """What would decide it where the measurement does not."""
    bound: Bound = ""
    listening: str = ""
    """What listeners decide it by: task, scale, and a system or a difference of two, see
    :mod:`affetti.studies.audit.listening_measurements`; empty: no listening study does."""

    @property
    def topic(self) -> str:
        """Name of the question that it belongs to."""
        return self.measurement.partition(".")[0]


@dataclass(frozen=True)
class Finding:
    """A claim, what was measured of it, and the verdict."""

    id: str
    topic: str
    """Name of the question that measures it, or ``study``."""
    section: str
    question: str
    claim: str
    claimed: tuple[float | None, float | None] | None
    """The claimed range in ``unit``; None where an end is open."""
    measurement: str
    """``question.measurement`` that decides the claim."""
    measured: float | None
    ci: tuple[float, float] | None
    """95 % interval."""
    n: int
    """How many independent units the measurement rests on."""
    of: str
    """What ``n`` counts."""
    unit: str
    verdict: Verdict
    reason: str
    """Why the claim is undecided."""
    needs_listeners: bool
    """Whether the claim is about how people feel or what they hear."""
    bound: Bound = ""
    needs: str = ""
    """What would decide it, where it is undecided."""
    listening: str = ""
    """Of a claim that listeners can decide: by which task, scale and systems; empty for others."""
    command: str = ""
    """The command that measures it again."""
    n_needed: int | None = None
    """Fresh units that would decide it with a probability of 80 %, were the truth as measured; None where it is
    decided, or where more would not decide it."""


@lru_cache(maxsize=1)
def claims() -> tuple[Claim, ...]:
    """The claims of ``claims.csv``, in the order of the study's argument."""
    with (Path(__file__).parent / "claims.csv").open(encoding="utf-8", newline="") as file:
        return tuple(_claim(row) for row in csv.DictReader(file))


def parse_range(text: str) -> tuple[float, float]:
    """The range that ``50..70``, ``..0.55`` (at most), ``-40..`` (at least) or a single number stands for.

    Example:
        >>> parse_range("..0.55"), parse_range("20")
        ((-inf, 0.55), (18.0, 22.0))
    """
    low, dots, high = text.partition("..")
    if dots:
        return float(low or -math.inf), float(high or math.inf)
    value = float(text)
    return value - TOLERANCE * abs(value), value + TOLERANCE * abs(value)


def _claim(row: dict[str, str]) -> Claim:
    low, high = parse_range(row["range"])
    only_listeners = row["about"] == "listeners"
    needs_listeners = only_listeners or row["about"] == "people"
    bounds: dict[str, Bound] = {"lower": "lower", "upper": "upper", "beside": "beside"}
    return Claim(
        row["id"],
        row["section"],
        row["claim"],
        low,
        high,
        row["measurement"],
        needs_listeners,
        only_listeners,
        "" if needs_listeners else row["about"],
        row["needs"],
        bounds.get(row["bound"], ""),
        row["listening"],
    )


def decide(claim: Claim, measurement: Measurement | None, *, composed: bool, dataset: str = "") -> tuple[Verdict, str]:
    """The verdict on ``claim`` by the rule of this module, and the reason where it is undecided.

    Args:
        claim: the statement.
        measurement: what was measured of it, if anything was.
        composed: whether affetti composed the corpus.
        dataset: name of the corpus' data set; empty where it has several.

    Example:
        >>> claim = Claim("gan", "§1", "scores 50 to 70", 50, 70, "ceiling.quality_gan")
        >>> decide(claim, Measurement("quality_gan", "Quality Score", 80, (75, 85), 40), composed=False)
        ('contradicted', '')
    """
    if measurement is None or measurement.value is None:
        return "undecided", measurement.note or "not measured" if measurement else "not measured"
    if claim.bound == "beside":
        return "undecided", DECIDES_NOTHING
    if claim.dataset and claim.dataset != dataset:
        return "undecided", f"about {claim.dataset} alone"
    if claim.only_listeners:
        return "undecided", "only listeners could decide it; what was measured is reported beside it"
    if claim.needs_listeners and composed:
        return "undecided", "about how people feel, and this music was composed by rules"
    if not measurement.exact and measurement.ci is None:
        return "undecided", measurement.note or "measured without an interval"
    if not measurement.exact and measurement.n < MIN_UNITS:
        return "undecided", f"measured on {measurement.n} {measurement.of}, fewer than {MIN_UNITS}"
    low, high = measurement.ci or (measurement.value, measurement.value)
    low, high = (-math.inf if claim.bound == "upper" else low), (math.inf if claim.bound == "lower" else high)
    if claim.low <= low and high <= claim.high:
        return "supported", ""
    if high < claim.low or low > claim.high:
        return "contradicted", ""
    if claim.bound:
        return "undecided", f"measured as {'a lower' if claim.bound == 'lower' else 'an upper'} bound only"
    return "undecided", CROSSES


def decide_all(
    measurements: Mapping[str, Measurement],
    questions: Mapping[str, str],
    *,
    composed: bool,
    dataset: str,
    corpus: str,
    listening: Mapping[str, Measurement] = MappingProxyType({}),
) -> tuple[Finding, ...]:
    """A row for each claim, in the order of :func:`claims`.

    Args:
        measurements: by ``question.measurement``.
        questions: by topic, the question in words.
        composed: whether affetti composed the corpus.
        dataset: name of the corpus' data set; empty where it has several.
        corpus: its path, for the command that measures again.
        listening: what listeners said, by :attr:`Claim.listening`; it decides a claim in place of what was measured
            without them.
    """
    findings: list[Finding] = []
    for claim in claims():
        said = listening.get(claim.listening) if claim.listening else None
        # Listeners answer what is claimed: nothing bounds it, and it does not matter who wrote the music.
        decided = claim if said is None else replace(claim, only_listeners=False, needs_listeners=False, bound="")
        measured = measurements.get(claim.measurement) if said is None else said
        finding = _finding(decided, measured, questions[claim.topic], composed, dataset, corpus)
        if finding.needs and claim.listening:
            finding = replace(finding, needs=f"{finding.needs} (affetti listen: {claim.listening})")
        findings.append(replace(finding, needs_listeners=claim.needs_listeners, listening=claim.listening))
    return tuple(findings)


def _finding(
    claim: Claim, measurement: Measurement | None, question: str, composed: bool, dataset: str, corpus: str
) -> Finding:
    verdict, reason = decide(claim, measurement, composed=composed, dataset=dataset)
    low, high = (None if math.isinf(end) else end for end in (claim.low, claim.high))
    n_needed = units_needed(claim.low, claim.high, measurement) if measurement and reason == CROSSES else None
    more = f"about {n_needed:,} {measurement.of} (here {measurement.n:,})" if measurement and n_needed else ""
    return Finding(
        id=claim.id,
        topic=claim.topic,
        section=claim.section,
        question=question,
        claim=claim.claim,
        claimed=(low, high),
        measurement=claim.measurement,
        measured=measurement.value if measurement else None,
        ci=measurement.ci if measurement else None,
        n=measurement.n if measurement else 0,
        of=measurement.of if measurement else "",
        unit=measurement.unit if measurement else "",
        verdict=verdict,
        reason=reason,
        needs_listeners=claim.needs_listeners,
        bound=claim.bound,
        needs=(claim.needs or more) if verdict == "undecided" else "",
        command=_command(claim.topic, corpus),
        n_needed=n_needed,
    )


def _command(topic: str, corpus: str) -> str:
    """The command that measures it again."""
    if topic == STUDY_TOPIC:
        return f"affetti compare --corpus {corpus} --seeds 5 --arms all --out STUDY"
    return f"affetti audit {corpus} --only {topic} --out AUDIT"
