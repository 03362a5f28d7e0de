"""A scorecard that was computed, but could not be written."""

from __future__ import annotations

from affetti.errors import StorageError
from affetti.studies.scorecard.result import Scorecard


class UnsavedScoreError(StorageError):
    """The disk is full, or the folder cannot be written: the numbers are in :attr:`card`."""

    def __init__(self, card: Scorecard, error: StorageError) -> None:
        super().__init__(error.what, where=error.where, hint=error.hint)
        self.card = card
