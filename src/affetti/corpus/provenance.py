"""Where a synthetic corpus comes from: the generator, what it was trained on, and what was requested of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from affetti import config
from affetti.errors import StorageError, UsageError

RENAMED = {"wishes": "conditions", "dials": "sampling"}
"""Keys of affetti 0.1 and their present names."""


@dataclass(frozen=True)
class Provenance:
    """The entry ``provenance`` of ``corpus.json``; null there for real and composed corpora."""

    generator: str = ""
    """The kind of generator, such as ``gan``."""
    weights_sha256: str | None = None
    training_clips_hash: str | None = None
    """A hash of the clips the generator was trained on."""
    training_songs: tuple[str, ...] = ()
    """Ids of the songs the generator has seen in training; they must not be in a test set."""
    fold: int | None = None
    """The fold whose training clips the generator was trained on."""
    corpus_hash: str | None = None
    """Content hash of the corpus those clips belong to."""
    seed: int | None = None
    emotions: str | None = None
    """The value of ``--emotions``."""
    conditions: Mapping[str, Any] = field(default_factory=dict)
    """Further conditions that all clips share: genre, mode and so on."""
    sampling: Mapping[str, float] = field(default_factory=dict)
    """Sampling parameters that differ from the model's defaults."""
    filter: Mapping[str, Any] | None = None
    """What the filter kept; None where none was applied."""
    requested_clips: int | None = None
    """The value of ``--n``; the filter may leave fewer. This and what follows is None in corpora of affetti 0.1."""
    batch_size: int | None = None
    """Clips per batch, on which the last bits of a sample depend."""
    audio: bool | None = None
    """Whether the audio of each clip was requested."""
    vocoder: str | None = None
    """The value of ``--vocoder``."""
    songs: Mapping[str, Any] | None = None
    """Of whole songs: their number ``n``, length ``seconds``, curve and form, and how they were made (``method``); None
    of clips."""

    def to_dict(self) -> dict[str, Any]:
        """The entry as plain JSON types."""
        return {**config.unstructure(self), "training_songs": list(self.training_songs)}

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any], where: str | Path) -> Provenance:
        """Read an entry that this version or affetti 0.1 wrote; keys that are absent have their defaults.

        Raises:
            StorageError: it holds a key that no version writes.
        """
        current = current_names(entry)
        try:
            config.require_known(current, [it.name for it in fields(cls)], where)
        except UsageError as error:
            raise StorageError(f"provenance: {error.what}", where=where, hint="make the corpus again") from error
        current["training_songs"] = tuple(current.get("training_songs", ()))
        return cls(**current)


def current_names(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A provenance entry with keys of affetti 0.1 renamed.

    Example:
        >>> current_names({"generator": "gan", "dials": {"guidance": 2.0}})
        {'generator': 'gan', 'sampling': {'guidance': 2.0}}
    """
    return {RENAMED.get(key, key): value for key, value in entry.items()}
