"""How far a study is, for the researcher's page: counts alone.

What listeners answered is not shown before the end: who looks at the means of systems and stops when they differ finds
differences that are not there. ``affetti listen results`` analyses the answers.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

from affetti.studies.listening.answers import ATTENTION
from affetti.studies.listening.ratings import RatingStore
from affetti.studies.listening.study import Study

KEPT_SECONDS = 2.0
"""How long a document is shown before the store is read again."""


@dataclass(frozen=True)
class ClipCount:
    """How often a clip has been answered about."""

    clip: str
    system: str
    condition: str
    listeners: int
    """Listeners who answered about it, repeats and attention checks aside."""


@dataclass(frozen=True)
class ListenerCount:
    """How far a listener is."""

    listener: str
    answers: int
    finished: bool
    headphones: int | None
    """Correct trials of the headphone check."""
    attention_passed: int
    attention_checks: int
    """Attention checks answered."""


class ProgressView:
    """The document of the researcher's page, made again when it is old."""

    def __init__(self, study: Study, store: RatingStore) -> None:
        self.study, self.store = study, store
        self._made = -KEPT_SECONDS
        self._document: dict[str, Any] = {}

    def document(self) -> dict[str, Any]:
        """As JSON."""
        if time.monotonic() - self._made >= KEPT_SECONDS:
            self._document = self._make()
            self._made = time.monotonic()
        return self._document

    def _make(self) -> dict[str, Any]:
        study, table = self.study, self.store.table()
        main = table[table["purpose"] == "main"].drop_duplicates(["listener", "trial", "clip"])
        counts = main["clip"].value_counts()
        checks = table[table["scale"] == ATTENTION].groupby("listener")["rating"]
        passed, answered = checks.sum(), checks.count()
        clips = [ClipCount(clip.id, clip.system, clip.condition, int(counts.get(clip.id, 0))) for clip in study.clips]
        listeners = [
            ListenerCount(
                name,
                len(listener.answered),
                listener.finished,
                listener.headphones,
                int(passed.get(name, 0)),
                int(answered.get(name, 0)),
            )
            for name, listener in self.store.listeners().items()
        ]
        return {
            "title": study.text("title"),
            "task": study.task,
            "trials": len(self.store.design.trials(0)),
            "headphone_check": study.headphone_check,
            "attention_checks": study.attention_checks,
            "progress": asdict(self.store.progress()),
            "clips": [asdict(clip) for clip in clips],
            "listeners": [asdict(listener) for listener in listeners],
        }
