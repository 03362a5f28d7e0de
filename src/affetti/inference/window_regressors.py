"""What reads a window of sound: a run's network or baseline by PyTorch, or an ONNX file by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti.errors import MismatchError, UsageError
from affetti.inference.hub import located
from affetti.inference.onnx_model import OnnxRegressor
from affetti.models.base import Regressor
from affetti.models.regressors.baseline import Baseline
from affetti.presets import FrontEnd
from affetti.signal.mel import MelSpectrogram
from affetti.training import run as runs

RUNTIMES = ("torch", "onnx")


class Reader(Protocol):
    """Windows in, valence and arousal out."""

    @property
    def front_end(self) -> FrontEnd:
        """Its clips' length; the sample rate too, unless :attr:`sample_rate` is another."""
        ...

    @property
    def half_width(self) -> NDArray[np.float64]:
        """Of its interval ``[2]``; NaN: not calibrated."""
        ...

    @property
    def interval_level(self) -> float | None:
        """What share of clips the interval promises to hold; None: not calibrated."""
        ...

    @property
    def label_scale(self) -> str | None:
        """Scale of the labels it was trained on, as the corpus names it."""
        ...

    def read(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Valence and arousal ``[B, 2]`` of windows ``[B, T]``."""
        ...


class Hearing(Protocol):
    """What a baseline on an embedding needs: an embedder, see :class:`affetti.embedders.base.Embedder`."""

    @property
    def version(self) -> str:
        """Names the numbers it gives."""
        ...

    @property
    def sample_rate(self) -> int | None:
        """Of the waveforms it hears; None: it reads log-mels."""
        ...

    @property
    def embed(self) -> Callable[[Tensor], Tensor]:
        """Waveforms ``[B, T]`` or log-mels ``[B, M, F]`` to ``[B, D]``."""
        ...


class TorchReader:
    """A run's regressor, with its front-end before it.

    Raises:
        UsageError: the run does not predict, or reads an embedding and no ``hearing`` is given.
        MismatchError: the embedding is of other weights than the run was trained on.
    """

    def __init__(self, trained: runs.TrainedModel, hearing: Callable[[str], Hearing] | None = None) -> None:
        if not isinstance(trained.model, Regressor):
            raise UsageError(
                f"a {trained.kind} does not predict",
                where=trained.path,
                hint=f"give a run of {' or '.join(runs.REGRESSORS)}",
            )
        self.trained, self.model = trained, trained.model
        self.front_end = trained.front_end
        self.half_width: NDArray[np.float64] = trained.model.half_width.cpu().double().numpy()
        self.interval_level: float | None = trained.meta.get("interval_level")
        self.label_scale: str | None = trained.meta["corpus"].get("label_scale")
        self.to_mel = MelSpectrogram(self.front_end)
        self.hearing: Hearing | None = None
        if isinstance(self.model, Baseline) and self.model.config.dimension:
            self.hearing = _hearing(self.model, trained.path, hearing)

    @property
    def sample_rate(self) -> int:
        """Of the windows it reads."""
        heard = None if self.hearing is None else self.hearing.sample_rate
        return heard or self.front_end.sample_rate

    @torch.inference_mode()
    def read(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Valence and arousal ``[B, 2]`` of windows ``[B, T]``."""
        given = torch.from_numpy(windows)
        if self.hearing is None or self.hearing.sample_rate is None:
            given = self.to_mel(given)
        if self.hearing is not None:
            given = self.hearing.embed(given)
        return self.model(given.to(self.trained.device)).cpu().numpy()


def _hearing(model: Baseline, where: Path, hearing: Callable[[str], Hearing] | None) -> Hearing:
    wanted = model.config
    if hearing is None:
        raise UsageError(f"reads {wanted.features}, which is not at hand", where=where, hint="use affetti.predict")
    found = hearing(wanted.features)
    if found.version != wanted.version:
        raise MismatchError(
            f"was trained on {wanted.features} of version {wanted.version}, this is {found.version}",
            where=where,
            hint="give the weights it was trained on",
        )
    return found


def open_reader(
    model: str | Path, runtime: str = "torch", device: str = "cpu", hearing: Callable[[str], Hearing] | None = None
) -> Reader:
    """The reader of a run folder, a model of the Hub or an ONNX file.

    Raises:
        UsageError: an unknown runtime, or one that does not fit the model.
        StorageError, MismatchError, InputError: the model cannot be read.
    """
    if runtime not in RUNTIMES:
        raise UsageError(f"unknown runtime {runtime!r}", where="--runtime", hint=f"choose from {', '.join(RUNTIMES)}")
    is_onnx = Path(model).suffix == ".onnx"
    if runtime == "onnx" and not is_onnx:
        raise UsageError(
            "--runtime onnx wants an ONNX file",
            where=model,
            hint=f"make one: affetti export --model {model} --out FILE.onnx",
        )
    if is_onnx and runtime != "onnx":
        raise UsageError("an ONNX file", where=model, hint="add --runtime onnx")
    return OnnxRegressor(Path(model)) if is_onnx else TorchReader(runs.load(located(model), device), hearing)
