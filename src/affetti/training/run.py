"""The run folder: a model with all that is needed to trust it.

``model.safetensors`` holds the weights and the conditions they were trained on; ``model.json`` says what they are
(family, configuration, front-end) and where they come from (corpus, fold, songs, seed); ``MODEL_CARD.md`` says it in
words. The weights carry a hash, so that files exchanged by mistake are refused.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from affetti.corpus import splits
from affetti.errors import MismatchError, StorageError, UsageError
from affetti.models.base import Generator, Regressor, require_generator, require_regressor
from affetti.models.generators.conditioning import Fields
from affetti.models.regressors.baseline import Baseline
from affetti.models.regressors.late_fusion import LateFusion
from affetti.presets import FrontEnd
from affetti.signal.inversion import MelInverse, default_inverse
from affetti.storage import is_file, is_folder, read_json, write_json
from affetti.training import checkpoint
from affetti.training.device import choose_device
from affetti.training.registry import GENERATORS, REGRESSORS, make
from affetti.training.run_meta import RunMeta
from affetti.weights import NETWORK, is_shipped, shipped_regressor

FORMAT = "affetti-model"
VERSION = 2

__all__ = ["GENERATORS", "REGRESSORS", "TrainedModel", "load", "make", "save"]


@dataclass(frozen=True)
class TrainedModel:
    """A model read from a run folder."""

    path: Path
    model: Generator | Regressor
    meta: RunMeta
    """What ``model.json`` says of it."""
    training_conditions: NDArray[np.float64]
    """The conditions ``[N, K]`` that the clips it was trained on fulfil; K = 2 for regressors."""
    inverse: MelInverse
    """From its log-mels to magnitudes."""
    fusion: LateFusion | None = None
    """Of a regressor that predicts from other inputs too: corrects what it predicts from sound."""

    @property
    def kind(self) -> str:
        """Its family."""
        return self.meta.kind

    @property
    def front_end(self) -> FrontEnd:
        """That of the clips it was trained on."""
        return self.meta.front_end

    @property
    def training_labels(self) -> NDArray[np.float64]:
        """Valence and arousal ``[N, 2]`` of the clips it was trained on."""
        return self.training_conditions[:, :2]

    @property
    def fields(self) -> Fields:
        """What a condition of it may request."""
        return self.meta.fields

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
    def mel_regressor(self) -> Regressor:
        """The model, as a regressor of log-mels.

        Raises:
            UsageError: it is a generator, or a baseline that predicts from other features of the sound.
        """
        model = self.regressor
        if isinstance(model, Baseline) and model.config.dimension:
            raise UsageError(
                f"this baseline predicts from {model.config.features}, not from log-mels",
                where=self.path,
                hint="give a run of a student, or of affetti train baseline --features statistics",
            )
        return model

    @property
    def songs(self) -> set[str]:
        """Songs it was trained on."""
        return set(self.meta.songs)

    def require_unseen(self, songs: NDArray[np.str_]) -> None:
        """Refuse to be tested on songs it was trained on.

        Raises:
            MismatchError: names the first.
        """
        splits.require_held_out(songs.tolist(), self.songs, self.path)


def save(
    path: Path,
    model: nn.Module,
    conditions: NDArray[np.float64],
    meta: RunMeta,
    inverse: MelInverse | None = None,
    fusion: LateFusion | None = None,
) -> None:
    """File a trained model and its mel inverse; ``model.json`` last, for it says that the rest is whole.

    Args:
        path: the run folder.
        model: the model.
        conditions: those of its training clips ``[N, K]``.
        meta: what it is; the hash of the weights is added.
        inverse: from its log-mels to magnitudes, of a generator.
        fusion: of a regressor that predicts from other inputs too.
    """
    tensors: dict[str, Tensor] = {f"model/{key}": value for key, value in model.state_dict().items()}
    tensors["training/conditions"] = torch.from_numpy(conditions)
    if inverse is not None:
        tensors |= {f"inverse/{key}": value for key, value in inverse.state_dict().items()}
    if fusion is not None:
        tensors |= {f"fusion/{key}": value for key, value in fusion.state_dict().items()}
    checkpoint.write_tensors(path / "model.safetensors", tensors, {"kind": meta.kind})
    digest = hashlib.sha256((path / "model.safetensors").read_bytes()).hexdigest()
    document = replace(meta, weights_sha256=digest).to_dict()
    write_json(path / "model.json", {"format": FORMAT, "version": VERSION, **document})


def load(path: str | Path, device: str = "cpu", flag: str | None = None) -> TrainedModel:
    """Read a model from its run folder; ``shipped`` is the network of the regressor that ships with affetti.

    Args:
        path: the run folder.
        device: where its weights go.
        flag: the flag that named the folder, for the message where no run lies there.

    Raises:
        StorageError: the folder is missing, unfinished or cut short.
        MismatchError: another version wrote it, or the weights are not those that ``model.json`` describes.
    """
    path = shipped_regressor() / NETWORK if is_shipped(path) else Path(path)
    named = path if flag is None else f"{flag} {path}"
    if not is_folder(path):
        raise StorageError("no such folder", where=named, hint="give the run folder that affetti train made")
    if not is_file(path / "model.json"):
        if is_file(path / "blend.json"):
            raise StorageError("a blend of regressors, which needs sound", where=named, hint="give one of its members")
        state = "an unfinished run" if (path / "checkpoints").is_dir() else "no trained model here"
        raise StorageError(state, where=named, hint="run its affetti train command again: training resumes")
    document = read_json(path / "model.json")
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise StorageError("not a model of affetti", where=path / "model.json", hint="check the path")
    if document.get("version") != VERSION:
        raise MismatchError(
            f"model format {document.get('version')}, this affetti reads {VERSION}", where=path, hint="train it again"
        )
    meta = RunMeta.from_dict(document, path / "model.json")
    weights = path / "model.safetensors"
    tensors, _ = checkpoint.read_tensors(weights)
    if hashlib.sha256(weights.read_bytes()).hexdigest() != meta.weights_sha256:
        raise MismatchError(
            "the weights are not those model.json describes", where=weights, hint="train it again, or fetch both files"
        )
    model = make(meta.kind, meta.front_end.shape, meta.config, meta.fields, str(path / "model.json"))
    conditions = tensors.pop("training/conditions").numpy()
    saved = {key.removeprefix("inverse/"): tensors.pop(key) for key in list(tensors) if key.startswith("inverse/")}
    inverse = MelInverse.from_state_dict(saved, meta.front_end) if saved else default_inverse(meta.front_end)
    fused = {key.removeprefix("fusion/"): tensors.pop(key) for key in list(tensors) if key.startswith("fusion/")}
    fusion = LateFusion(len(fused["centre"])) if fused else None
    try:
        if fusion is not None:
            fusion.load_state_dict(fused)
        model.load_state_dict({key.removeprefix("model/"): value for key, value in tensors.items()})
    except RuntimeError as error:
        raise MismatchError("the weights do not fit the configuration", where=weights, hint="train it again") from error
    return TrainedModel(path, model.to(choose_device(device)).eval(), meta, conditions, inverse, fusion)
