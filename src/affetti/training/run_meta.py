"""What ``model.json`` says of a run: what the model is, and what it was trained on.

Runs of affetti 0.1 are read too: keys that they lack are None, and keys that are no longer used are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from affetti import config
from affetti.errors import StorageError
from affetti.models.generators.conditioning import Fields
from affetti.presets import FrontEnd


@dataclass(frozen=True)
class TrainingCorpus:
    """The corpus that a model was trained on, as its ``corpus.json`` describes it."""

    source: str | None = None
    licence: str | None = None
    label_scale: str | None = None
    """Scale of the published labels, such as ``1..9``."""
    content_hash: str | None = None
    splits_hash: str | None = None


@dataclass(frozen=True)
class RunMeta:
    """The keys of ``model.json`` besides its format and version."""

    kind: str
    """Family of the model."""
    config: dict[str, Any]
    """Settings of the model."""
    fields: Fields
    """What a condition of a generator may request; of a regressor, the genres, instruments and words of its inputs."""
    text: str
    """Embedder of lyrics."""
    front_end: FrontEnd
    preset: str
    corpus: TrainingCorpus
    fold: int
    """The fold whose training clips it was trained on."""
    training_clips_hash: str
    """A hash of these clips."""
    songs: tuple[str, ...]
    """Ids of their songs, and of those that the weights it began with were trained on, sorted: nothing may be tested on
    them."""
    seed: int | None = None
    steps: int | None = None
    """Steps that were planned; a run may have ended earlier."""
    inputs: tuple[str, ...] = ()
    """What a regressor predicts from besides sound, see :mod:`affetti.training.side_inputs`."""
    interval_level: float | None = None
    """Nominal coverage of the intervals of a regressor; None: it has none."""
    labels: str = "song"
    """What labels were of: songs, or windows (clips) by ratings over time."""
    aligned_from: str | None = None
    """Hash of the weights that it was aligned from; None: it was trained from the start."""
    initial_weights: str | None = None
    """Hash of the weights that its training began with; None: random ones."""
    pretrained_on: tuple[str, ...] = ()
    """Sources of the corpora that these had been trained on, the first one first."""
    weights_sha256: str = ""
    """Hash of ``model.safetensors``."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Sources of all corpora that the weights were trained on, in this order."""
        return (*self.pretrained_on, self.corpus.source or "unknown")

    def to_dict(self) -> dict[str, Any]:
        """The keys and values of ``model.json``, as plain JSON types."""
        values = config.unstructure(self)
        order = ("kind", "config", "fields", "text", "front_end", "front_end_hash", "preset", "corpus", "fold")
        order += ("training_clips_hash", "seed", "steps", "songs", "inputs", "interval_level", "labels", "aligned_from")
        order += ("initial_weights", "pretrained_on", "weights_sha256")
        values["front_end_hash"] = self.front_end.hash
        return {key: values[key] for key in order}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], where: str | Path) -> RunMeta:
        """Read the content of ``model.json``, of this version of affetti or of 0.1.

        Raises:
            StorageError: a key is missing.
            UsageError: a value is of the wrong type.
        """
        required = ("kind", "config", "fields", "text", "front_end", "preset", "corpus", "fold")
        for key in (*required, "training_clips_hash", "songs", "weights_sha256"):
            if key not in document:
                raise StorageError(f"{key!r} is missing", where=where, hint="train it again")
        known = {field.name: document[field.name] for field in fields(cls) if field.name in document}
        of_corpus = [field.name for field in fields(TrainingCorpus)]
        known["corpus"] = {key: value for key, value in document["corpus"].items() if key in of_corpus}
        return config.structure(known, cls, where)
