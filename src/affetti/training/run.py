"""The run folder: a model with all that is needed to trust it.

``model.safetensors`` holds the weights and the conditions they were trained on; ``model.json`` says what they are
(family, configuration, front-end) and where they come from (corpus, fold, songs, seed); ``MODEL_CARD.md`` says it in
words. The weights carry a hash, so that files exchanged by mistake are refused.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from affetti import config
from affetti.corpus import splits
from affetti.errors import MismatchError, StorageError
from affetti.models.base import Generator, Regressor, require_generator, require_regressor
from affetti.models.generators.conditioning import Fields
from affetti.presets import FrontEnd
from affetti.signal.inversion import MelInverse, default_inverse
from affetti.storage import is_file, is_folder, read_json, write_json
from affetti.training import checkpoint
from affetti.training.device import choose_device
from affetti.training.registry import GENERATORS, REGRESSORS, make

FORMAT = "affetti-model"
VERSION = 2

__all__ = ["GENERATORS", "REGRESSORS", "TrainedModel", "load", "make", "save"]

KEYS = (
    *("kind", "config", "fields", "text", "front_end", "preset", "corpus", "fold"),
    *("training_clips_hash", "songs", "weights_sha256"),
)
"""What every ``model.json`` holds besides its format and version."""


@dataclass(frozen=True)
class TrainedModel:
    """A model read from a run folder."""

    path: Path
    kind: str
    model: Generator | Regressor
    front_end: FrontEnd
    meta: dict[str, Any]
    training_conditions: NDArray[np.float64]
    """The conditions ``[N, K]`` that the clips it was trained on fulfil; K = 2 for regressors."""
    inverse: MelInverse
    """From its log-mels to magnitudes."""

    @property
    def training_labels(self) -> NDArray[np.float64]:
        """Valence and arousal ``[N, 2]`` of the clips it was trained on."""
        return self.training_conditions[:, :2]

    @property
    def fields(self) -> Fields:
        """What it can be asked for."""
        return config.structure(dict(self.meta["fields"]), Fields, self.path / "model.json")

    @property
    def device(self) -> torch.device:
        """Where its weights lie."""
        return next(self.model.buffers()).device

    @property
    def sounds(self) -> bool:
        """Whether it generates waveforms rather than log-mels."""
        return self.generator.makes_sound

    @property
    def generator(self) -> Generator:
        """The model, as a generator.

        Raises:
            UsageError: it is a regressor.
        """
        return require_generator(self.model, self.kind, self.path, f"give a run of {' or '.join(GENERATORS)}")

    @property
    def regressor(self) -> Regressor:
        """The model, as a regressor.

        Raises:
            UsageError: it is a generator.
        """
        return require_regressor(self.model, self.kind, self.path, f"give a run of {' or '.join(REGRESSORS)}")

    @property
    def songs(self) -> set[str]:
        """Songs it was trained on."""
        return set(self.meta["songs"])

    def require_unseen(self, songs: NDArray[np.str_]) -> None:
        """Refuse to be tested on songs it was trained on.

        Raises:
            MismatchError: names the first.
        """
        splits.require_held_out(songs.tolist(), self.songs, self.path)


def save(
    path: Path,
    kind: str,
    model: nn.Module,
    conditions: NDArray[np.float64],
    meta: dict[str, Any],
    inverse: MelInverse | None = None,
) -> None:
    """File a trained model and its mel inverse; ``model.json`` last, for it says that the rest is whole."""
    tensors: dict[str, Tensor] = {f"model/{key}": value for key, value in model.state_dict().items()}
    tensors["training/conditions"] = torch.from_numpy(conditions)
    if inverse is not None:
        tensors |= {f"inverse/{key}": value for key, value in inverse.state_dict().items()}
    checkpoint.write_tensors(path / "model.safetensors", tensors, {"kind": kind})
    digest = hashlib.sha256((path / "model.safetensors").read_bytes()).hexdigest()
    write_json(
        path / "model.json", {"format": FORMAT, "version": VERSION, "kind": kind, **meta, "weights_sha256": digest}
    )


def load(path: str | Path, device: str = "cpu") -> TrainedModel:
    """Read a model from its run folder.

    Raises:
        StorageError: the folder is missing, unfinished or cut short.
        MismatchError: another version wrote it, or the weights are not those that ``model.json`` describes.
    """
    path = Path(path)
    if not is_folder(path):
        raise StorageError("no such folder", where=path, hint="give the run folder that affetti train made")
    if not is_file(path / "model.json"):
        state = "an unfinished run" if (path / "checkpoints").is_dir() else "no trained model here"
        raise StorageError(state, where=path, hint="run its affetti train command again: it goes on where it was")
    meta = read_json(path / "model.json")
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise StorageError("not a model of affetti", where=path / "model.json", hint="check the path")
    if meta.get("version") != VERSION:
        raise MismatchError(
            f"model format {meta.get('version')}, this affetti reads {VERSION}", where=path, hint="train it again"
        )
    absent = [key for key in KEYS if key not in meta]
    if absent:
        raise StorageError(f"{absent[0]!r} is missing", where=path / "model.json", hint="train it again")
    weights = path / "model.safetensors"
    tensors, _ = checkpoint.read_tensors(weights)
    if hashlib.sha256(weights.read_bytes()).hexdigest() != meta["weights_sha256"]:
        raise MismatchError(
            "the weights are not those model.json describes", where=weights, hint="train it again, or fetch both files"
        )
    front = config.structure(dict(meta["front_end"]), FrontEnd, path / "model.json")
    fields = config.structure(dict(meta["fields"]), Fields, path / "model.json")
    model = make(meta["kind"], front.shape, dict(meta["config"]), fields, str(path / "model.json"))
    conditions = tensors.pop("training/conditions").numpy()
    filed = {key.removeprefix("inverse/"): tensors.pop(key) for key in list(tensors) if key.startswith("inverse/")}
    inverse = MelInverse.from_state_dict(filed, front) if filed else default_inverse(front)
    try:
        model.load_state_dict({key.removeprefix("model/"): value for key, value in tensors.items()})
    except RuntimeError as error:
        raise MismatchError("the weights do not fit the configuration", where=weights, hint="train it again") from error
    return TrainedModel(path, meta["kind"], model.to(choose_device(device)).eval(), front, meta, conditions, inverse)
