"""The result of an audit: the answers, the claims as they were decided, and words for a paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar

from affetti.results import BaseResult
from affetti.studies.audit.answer import Answer, IntervalFigure, LineFigure, Measurement, MelFigure, Sound
from affetti.studies.audit.claims import Finding
from affetti.studies.audit.limitations import Wording
from affetti.studies.audit.question import Question


@dataclass(frozen=True)
class AnsweredQuestion:
    """A question and its :class:`~affetti.studies.audit.answer.Answer`, field by field."""

    id: str
    """Name of the question."""
    question: str
    method: str
    sentence: str
    measurements: tuple[Measurement, ...] = ()
    intervals: IntervalFigure | None = None
    lines: LineFigure | None = None
    mels: MelFigure | None = None
    sounds: tuple[Sound, ...] = ()
    cautions: tuple[str, ...] = ()
    needs: str = ""

    @classmethod
    def of(cls, question: Question, answer: Answer) -> AnsweredQuestion:
        """``question`` with its ``answer``."""
        parts = {field.name: getattr(answer, field.name) for field in fields(answer)}
        return cls(question.name, question.text, question.method, **parts)

    @property
    def answer(self) -> Answer:
        """The answer alone."""
        return Answer(**{field.name: getattr(self, field.name) for field in fields(Answer)})


@dataclass(frozen=True)
class CorpusSize:
    """How many clips and songs the audited corpus has."""

    clips: int
    songs: int


@dataclass(frozen=True)
class AuditedGenerator:
    """A trained generator whose clips were audited beside the corpus."""

    name: str
    """Its family, such as ``gan``, and the fields of the condition that others of the family have and it lacks."""
    path: str
    """The synthetic corpus of its clips."""


@dataclass(frozen=True)
class AuditResult(BaseResult):
    """What ``affetti audit`` returns, prints and files.

    What could not be measured is None, and its ``note``, ``reason`` or ``needs`` says why.
    """

    verb: ClassVar[str | None] = "audit"
    renamed: ClassVar[Mapping[str, str]] = {"by": "measurement", "people": "needs_listeners"}

    questions: tuple[AnsweredQuestion, ...]
    """In the order of :data:`affetti.studies.audit.registry.QUESTION_NAMES`; others are absent."""
    findings: tuple[Finding, ...]
    """A row for each claim of the study."""
    wording: Wording
    """Paragraphs, a footnote and a table for a paper, with the measured numbers."""
    corpus: str
    """Path of the audited corpus."""
    corpus_hash: str
    front_end: str
    """Hash of the corpus' front-end."""
    composed: bool
    """Whether affetti composed the corpus: then it says nothing of how people feel."""
    n: CorpusSize
    generators: tuple[AuditedGenerator, ...]
    studies: tuple[str, ...]
    """Folders of the augmentation studies that decide claims about gains."""
    quick: bool
    """Whether fewer songs were taken, which widens the intervals."""
    seed: int
    versions: Mapping[str, str]
    """Of affetti and of the libraries it computes with."""
