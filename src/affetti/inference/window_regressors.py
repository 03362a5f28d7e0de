"""Regressors of a window of sound: a run's network or baseline by PyTorch, a blend of them, or an ONNX file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affetti.errors import MismatchError, StorageError, UsageError
from affetti.inference.blend import Blend, is_blend, open_blend, require_weights
from affetti.inference.hub import resolve_run_folder
from affetti.inference.onnx_model import OnnxRegressor
from affetti.inference.song_inputs import SongInputs
from affetti.models.regressors.baseline import Baseline
from affetti.presets import FrontEnd
from affetti.signal.front_ends import spectrogram
from affetti.training import run as runs
from affetti.training.late_fusion import fuse
from affetti.training.text_embedders import TextEmbedder, text_embedder
from affetti.weights import is_shipped, shipped_regressor

RUNTIMES = ("torch", "onnx")


class WindowRegressor(Protocol):
    """Windows in, valence and arousal out."""

    @property
    def front_end(self) -> FrontEnd:
        """The front-end of the clips it was trained on: its ``seconds`` are the length of a window."""
        ...

    @property
    def sample_rate(self) -> int:
        """Of the windows; that of the front-end, unless an embedder needs another."""
        ...

    @property
    def half_width(self) -> NDArray[np.float64]:
        """Of its interval ``[2]``; NaN: not calibrated."""
        ...

    @property
    def interval_level(self) -> float | None:
        """Nominal coverage of the interval, such as 0.9; None: not calibrated."""
        ...

    @property
    def label_scale(self) -> str | None:
        """Scale of the labels it was trained on, as the corpus names it."""
        ...

    @property
    def description(self) -> str | None:
        """What it is and how well it agrees with listeners, on one line; None: nothing is known of that."""
        ...

    def predict(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Valence and arousal ``[B, 2]`` of windows ``[B, T]``."""
        ...


class WindowEmbedder(Protocol):
    """What a baseline on an embedding needs: an embedder, see :class:`affetti.embedders.base.Embedder`."""

    @property
    def version(self) -> str:
        """Identifies its weights and preprocessing."""
        ...

    @property
    def sample_rate(self) -> int | None:
        """Of the waveforms it takes; None: it takes log-mels."""
        ...

    @property
    def embed(self) -> Callable[[Tensor], Tensor]:
        """Waveforms ``[B, T]`` or log-mels ``[B, M, F]`` to ``[B, D]``."""
        ...


class TorchWindowRegressor:
    """A run's regressor, with its front-end before it.

    Raises:
        UsageError: the run does not predict, or predicts from an embedding and no ``make_embedder`` is given.
        MismatchError: the embedding is of other weights than the run was trained on.
    """

    def __init__(
        self, trained: runs.TrainedModel, make_embedder: Callable[[str], WindowEmbedder] | None = None
    ) -> None:
        self.trained, self.model = trained, trained.regressor
        self.front_end = trained.front_end
        self.half_width: NDArray[np.float64] = self.model.half_width.cpu().double().numpy()
        self.interval_level = trained.meta.interval_level
        self.label_scale = trained.meta.corpus.label_scale
        self.description: str | None = None
        self.to_mel = spectrogram(self.front_end)
        self.fusion = trained.fusion
        self.embedders: tuple[WindowEmbedder, ...] = ()
        if isinstance(self.model, Baseline) and self.model.config.dimension:
            self.embedders = _require_embedders(self.model, trained.path, make_embedder)

    @property
    def sample_rate(self) -> int:
        """Of the windows it takes."""
        rates = [embedder.sample_rate for embedder in self.embedders if embedder.sample_rate is not None]
        return rates[0] if rates else self.front_end.sample_rate

    @torch.inference_mode()
    def predict(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Valence and arousal ``[B, 2]`` of windows ``[B, T]``."""
        sound = torch.from_numpy(windows)
        if not self.embedders:
            inputs = self.to_mel(sound)
        else:
            given = (self.to_mel(sound) if each.sample_rate is None else sound for each in self.embedders)
            inputs = torch.cat([each.embed(x) for each, x in zip(self.embedders, given, strict=True)], dim=1)
        return self.model(inputs.to(self.trained.device)).cpu().numpy()

    def fuse(
        self, sound: NDArray[np.floating], spans: Sequence[tuple[float, float]], song: SongInputs
    ) -> NDArray[np.float64]:
        """Predictions from sound ``[B, 2]`` of windows from and to these seconds, with what is known of the song.

        Raises:
            UsageError: the run was trained on sound alone.
        """
        if self.fusion is None:
            raise UsageError("was trained on sound alone", where=self.trained.path, hint="train it with --inputs")
        return fuse(self.fusion, sound, song.values(spans, self.trained.fields, self._text))

    @property
    def fused_half_width(self) -> NDArray[np.float64]:
        """Half-width ``[2]`` of the interval of :meth:`fuse`; NaN: not calibrated."""
        return np.full(2, np.nan) if self.fusion is None else self.fusion.half_width.double().numpy()

    @cached_property
    def _text(self) -> TextEmbedder:
        """The embedder of words that it was trained with."""
        return text_embedder(self.trained.meta.text)


class BlendedWindowRegressor:
    """A blend of regressors: each member predicts from the middle of the window, as long as its own clips are.

    Raises:
        StorageError, MismatchError: a member is missing or damaged, or they do not fit together.
    """

    def __init__(
        self, folder: Path, device: str = "cpu", make_embedder: Callable[[str], WindowEmbedder] | None = None
    ) -> None:
        self.blend: Blend = open_blend(folder)
        loaded = {each.run: runs.load(folder / each.run, device) for each in self.blend.members}
        require_weights(self.blend, {name: run.meta.weights_sha256 for name, run in loaded.items()}, folder)
        self.members = [TorchWindowRegressor(run, make_embedder) for run in loaded.values()]
        rates = {member.sample_rate for member in self.members}
        if len(rates) > 1:
            raise MismatchError(
                f"members of several sample rates ({', '.join(map(str, sorted(rates)))})", where=folder, hint="use one"
            )
        self.sample_rate = rates.pop()
        self.front_end = max((member.front_end for member in self.members), key=lambda front: front.seconds)
        self.half_width: NDArray[np.float64] = np.array(self.blend.half_width)
        self.interval_level: float | None = self.blend.interval_level
        self.label_scale: str | None = self.blend.label_scale
        self.description: str | None = self.blend.describe()

    def predict(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Valence and arousal ``[B, 2]`` of windows ``[B, T]``, clipped to [-1, 1]."""
        emotion = np.tile(np.array(self.blend.offset), (len(windows), 1))
        for member, regressor in zip(self.blend.members, self.members, strict=True):
            length = min(windows.shape[1], round(regressor.front_end.seconds * self.sample_rate))
            start = (windows.shape[1] - length) // 2
            part = np.ascontiguousarray(windows[:, start : start + length])
            emotion += np.array(member.weight) * regressor.predict(part)
        return emotion.clip(-1, 1).astype(np.float32)


def _require_embedders(
    model: Baseline, where: Path, make_embedder: Callable[[str], WindowEmbedder] | None
) -> tuple[WindowEmbedder, ...]:
    """The embedders of a baseline's features: one, or those without weights that ``+`` joins."""
    wanted = model.config
    if make_embedder is None:
        raise UsageError(
            f"needs the embedder {wanted.features}, which is not given", where=where, hint="use affetti.predict"
        )
    names = [wanted.features] if ":" in wanted.features else wanted.features.split("+")
    embedders = tuple(make_embedder(name) for name in names)
    version = "+".join(embedder.version for embedder in embedders)
    if version != wanted.version:
        raise MismatchError(
            f"was trained on {wanted.features} of version {wanted.version}, this is {version}",
            where=where,
            hint="give the weights it was trained on",
        )
    return embedders


def open_regressor(
    model: str | Path,
    runtime: str = "torch",
    device: str = "cpu",
    make_embedder: Callable[[str], WindowEmbedder] | None = None,
) -> WindowRegressor:
    """The regressor of a run folder, a blend's folder, a model of the Hub or an ONNX file; or the one that ships.

    Raises:
        UsageError: an unknown runtime, or one that does not fit the model.
        StorageError, MismatchError, InputError: the model cannot be read.
    """
    if runtime not in RUNTIMES:
        raise UsageError(f"unknown runtime {runtime!r}", where="--runtime", hint=f"choose from {', '.join(RUNTIMES)}")
    is_onnx = Path(model).suffix == ".onnx"
    if runtime == "onnx" and not is_onnx:
        raise UsageError(
            "--runtime onnx needs an ONNX file",
            where=model,
            hint=f"make one: affetti export --model {model} --out FILE.onnx",
        )
    if is_onnx and runtime != "onnx":
        raise UsageError("an ONNX file", where=model, hint="add --runtime onnx")
    if is_onnx:
        return OnnxRegressor(Path(model))
    if is_shipped(model):
        return _open_shipped(device, make_embedder)
    folder = resolve_run_folder(model)
    if is_blend(folder):
        return BlendedWindowRegressor(folder, device, make_embedder)
    return TorchWindowRegressor(runs.load(folder, device), make_embedder)


def _open_shipped(device: str, make_embedder: Callable[[str], WindowEmbedder] | None) -> WindowRegressor:
    """The regressor that ships with affetti.

    Raises:
        StorageError: its files are missing or damaged.
    """
    try:
        return BlendedWindowRegressor(shipped_regressor(), device, make_embedder)
    except (StorageError, MismatchError) as error:
        raise StorageError(
            f"the regressor that ships with affetti is damaged ({error.what})",
            where=error.where,
            hint="pip install --force-reinstall affetti, or give --model",
        ) from error
