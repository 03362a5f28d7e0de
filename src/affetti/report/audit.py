"""The section on an audit: what the spectrogram loses, question by question, and which published claims hold.

Each question has one sentence, one figure and audio examples; the method and the numbers are in collapsed sections. The
table of claims can be sorted and filtered where scripts run, and is a plain table where they do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from affetti.presets import FrontEnd
from affetti.report import audit_answers
from affetti.report.audit_answers import Curves, Pictures, Player, Range
from affetti.report.scorecard import front_end_of
from affetti.report.sources import Arrays
from affetti.report.summary import VERDICTS
from affetti.report.wording import listed
from affetti.studies.audit.claims import Finding
from affetti.studies.audit.limitations import Wording
from affetti.studies.audit.result import AnsweredQuestion, AuditResult


@dataclass(frozen=True)
class EstimatesFigure:
    """Estimates beside what is claimed of them."""

    title: str
    figure: Markup
    has_claims: bool
    has_open_claims: bool
    """Whether a claimed range has no end."""
    has_intervals: bool
    zero: bool
    """Whether no difference is marked."""


@dataclass(frozen=True)
class QuestionSection:
    """A question of the audit, its answer, figures and sounds."""

    answered: AnsweredQuestion
    sentence: str
    intervals: EstimatesFigure | None
    lines: Curves | None
    pictures: Pictures | None
    without_pictures: bool
    """Whether log-mels belong to the answer, but are not here."""
    players: tuple[Player, ...]
    """Sounds that have no picture."""
    missing_sounds: tuple[str, ...]
    verdicts: str
    """How many of its claims were supported, contradicted or undecided."""


@dataclass(frozen=True)
class ClaimRow:
    """A row of the table of claims, with what it is sorted by."""

    finding: Finding
    low: float | None
    high: float | None
    centre: float | None
    section: str


@dataclass(frozen=True)
class AuditSection:
    """What the template ``audit.html`` needs of one audit."""

    id: str
    name: str
    result: AuditResult
    questions: tuple[QuestionSection, ...]
    claims: tuple[ClaimRow, ...]
    counts: tuple[tuple[str, int], ...]
    """How many claims have each verdict."""
    wording: Wording | None


def audit_section(
    result: AuditResult,
    anchor: str,
    name: str,
    *,
    folder: Path | None = None,
    arrays: Mapping[str, Arrays] | None = None,
    front: FrontEnd | None = None,
) -> AuditSection:
    """Draw an audit.

    Args:
        result: the audit.
        anchor: prefix of the ids of its parts.
        name: that it is called by.
        folder: of the audit, for its sounds; without it none are played.
        arrays: log-mels to draw, by question and key.
        front: front-end of the audited corpus; looked up among the presets where it is not given.

    Raises:
        InputError: a sound cannot be decoded.
    """
    front = front or front_end_of(result.front_end)
    verdicts = [finding.verdict for finding in result.findings]
    return AuditSection(
        id=anchor,
        name=name,
        result=result,
        questions=tuple(
            _question(answered, result, folder, (arrays or {}).get(answered.id, {}), front)
            for answered in result.questions
        ),
        claims=tuple(_claim(finding) for finding in result.findings),
        counts=tuple((verdict, verdicts.count(verdict)) for verdict in VERDICTS),
        wording=result.wording if result.wording.paragraph else None,
    )


def _question(
    answered: AnsweredQuestion, result: AuditResult, folder: Path | None, arrays: Arrays, front: FrontEnd | None
) -> QuestionSection:
    answer = answered.answer
    players: list[Player] = []
    missing: list[str] = []
    if folder is not None:
        players, missing = audit_answers.players(folder, answer, composed=result.composed)
    pictures = audit_answers.pictures(answer, arrays, front, players)
    pictured = {picture.player.label for picture in pictures.pictures if picture.player} if pictures else set[str]()
    findings = [finding for finding in result.findings if finding.topic == answered.id]
    verdicts = [finding.verdict for finding in findings]
    return QuestionSection(
        answered=answered,
        sentence=answered.sentence or f"Not measurable here: needs {answered.needs}.",
        intervals=_estimates(answered, findings),
        lines=audit_answers.curves(answer.lines) if answer.lines else None,
        pictures=pictures,
        without_pictures=folder is not None and answer.mels is not None and pictures is None,
        players=tuple(player for player in players if player.label not in pictured),
        missing_sounds=tuple(missing),
        verdicts=listed([f"{verdicts.count(name)} {name}" for name in VERDICTS if name in verdicts]),
    )


def _estimates(answered: AnsweredQuestion, findings: Sequence[Finding]) -> EstimatesFigure | None:
    """The figure of estimates, beside what is claimed of the same measurements."""
    figure = answered.intervals
    if figure is None:
        return None
    by_name = {measurement.name: measurement for measurement in answered.measurements}
    rows = [by_name[name] for name in figure.names if name in by_name and by_name[name].value is not None]
    if not rows:
        return None
    claims: dict[str, list[Range]] = {}
    for finding in findings:
        question, _, name = finding.measurement.partition(".")
        if question == answered.id and finding.claimed:
            claims.setdefault(name, []).append(finding.claimed)
    return EstimatesFigure(
        title=figure.title,
        figure=audit_answers.estimates(rows, claims, figure.title, zero=figure.zero),
        has_claims=any(row.name in claims for row in rows),
        has_open_claims=any(None in claimed for row in rows for claimed in claims.get(row.name, [])),
        has_intervals=any(row.ci for row in rows),
        zero=figure.zero,
    )


def _claim(finding: Finding) -> ClaimRow:
    low, high = finding.claimed or (None, None)
    ends = [end for end in (low, high) if end is not None]
    section = f"§{finding.section}" if finding.section[:1].isdigit() else finding.section
    return ClaimRow(finding, low, high, sum(ends) / len(ends) if ends else None, section)
