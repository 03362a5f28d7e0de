"""The questions of the audit, by name. A new question is one module in ``questions/`` and one name here.

A module is imported when its question is requested, so that listing the names (``--help``, a dry run) costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from affetti.errors import UsageError

if TYPE_CHECKING:
    from affetti.studies.audit.question import Question

QUESTION_NAMES: tuple[str, ...] = (
    "information",
    "lyrics",
    "timbre",
    "structure",
    "genre",
    "phase",
    "space",
    "harmony",
    "variance",
    "ceiling",
    "errors",
)
"""In the order in which they are answered and reported, that of the study's argument."""


def load_question(name: str) -> Question:
    """The question of that name: ``QUESTION`` of the module ``affetti.studies.audit.questions.<name>``.

    Example:
        >>> load_question("phase").text.split(",")[0]
        'What does a log-mel lose with the phase'
    """
    question: Question = import_module(f"affetti.studies.audit.questions.{name}").QUESTION
    return question


def select_questions(only: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The names of ``only``, or all names where it is empty, in the order of :data:`QUESTION_NAMES`.

    Raises:
        UsageError: a name is unknown.

    Example:
        >>> select_questions(("phase", "lyrics"))
        ('lyrics', 'phase')
    """
    for name in only:
        if name not in QUESTION_NAMES:
            raise UsageError(
                f"there is no question {name!r}", where="--only", hint=f"choose from {', '.join(QUESTION_NAMES)}"
            )
    return tuple(name for name in QUESTION_NAMES if not only or name in only)
