"""The outline of a question of the audit: a name, the question in words, the method, and the function that answers it.

A question is one module of :mod:`affetti.studies.audit.questions` that ends in ``QUESTION = Question(...)``, and one
entry in :data:`affetti.studies.audit.registry.QUESTION_NAMES`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from affetti.progress import Progress
from affetti.studies.audit.answer import Answer
from affetti.studies.audit.context import AuditContext


class Measure(Protocol):
    """Answers a question about a corpus."""

    def __call__(self, context: AuditContext, progress: Progress, /) -> Answer:
        """Measure what the question is about.

        Args:
            context: the corpus, its sound, the seed, and how many songs to take.
            progress: called with a stage, the work done and the work in all.

        Raises:
            NotMeasurableError: the corpus lacks what the question needs.
            InputError: there are too few songs or clips for a statistic.
        """
        ...


@dataclass(frozen=True)
class Question:
    """A question of the audit, and how it is answered."""

    name: str
    """That of its module; ``--only`` and the claims use it."""
    text: str
    """The question, one sentence that ends in a question mark."""
    method: str
    """How it is answered: what is measured on how many songs, what the intervals resample."""
    measure: Measure = field(repr=False)
    """The function that answers it."""
