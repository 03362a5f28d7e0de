"""A trained regressor as one ONNX file: waveform in, emotion out.

The front-end lies inside the graph, and so does the sliding window, so that any runtime needs nothing but samples::

    input   waveform  float32 [B, T]     mono at the front-end's sample rate, T ≥ its clip length; B and T are free
    output  emotion   float32 [B, 2]     valence and arousal in [-1, 1], the mean of the curve where it sounds
            curve     float32 [B, W, 2]  a point a second, windows as ``affetti predict`` takes them; NaN where silent

What ``affetti predict --runtime onnx`` needs besides (front-end, half-widths, scale, hashes) is JSON in the file's
metadata under ``affetti``. All windows of a recording are in memory at once: for hours of sound, give pieces.
"""

from __future__ import annotations

import json
import logging
import warnings
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from affetti import config
from affetti.errors import AffettiError, MissingDependencyError, StorageError, UsageError, first_line
from affetti.inference.hub import resolve_run_folder
from affetti.inference.onnx_constant_q import GraphConstantQ
from affetti.inference.onnx_front_end import GraphMel
from affetti.inference.onnx_model import KEY, VERSION, OnnxRegressor
from affetti.models.base import Regressor
from affetti.models.regressors.base import NeuralRegressor
from affetti.presets import ConstantQFrontEnd, FrontEnd, MelFrontEnd
from affetti.results import BaseResult
from affetti.signal.audio import RESAMPLER_EDGE, SILENCE
from affetti.storage import atomic_write
from affetti.training import run as runs

OPSET = 18
"""Of the graph."""
HOP = 1.0
"""Seconds between points of the curve."""


class WaveformRegressor(nn.Module):
    """Front-end, sliding window and network in one: ``[B, T]`` → emotion ``[B, 2]`` and curve ``[B, W, 2]``."""

    def __init__(self, front: FrontEnd, model: Regressor) -> None:
        super().__init__()
        self.front, self.model = front, model
        self.hop = round(HOP * front.sample_rate)
        self.log_mel = _graph(front)

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """Predict the emotion ``[B, 2]`` and the curve ``[B, W, 2]`` of waveforms ``[B, T]``."""
        windows = self._windows(waveform)
        curve = self.model(self.log_mel(windows.flatten(0, 1))).unflatten(0, windows.shape[:2])
        silent = _silent(windows).unsqueeze(2)
        emotion = torch.where(silent, 0.0, curve).sum(dim=1) / (~silent).sum(dim=1)  # 0 / 0: silent throughout
        return emotion, torch.where(silent, torch.nan, curve)

    def _windows(self, waveform: Tensor) -> Tensor:
        """The windows ``[B, W, samples]``, a hop apart; the last ends with the waveform.

        They are put together from blocks of a hop, which are copied whole. The last window seldom begins where a block
        does: its own blocks follow those of the waveform.
        """
        samples, hop, length = self.front.samples, self.hop, waveform.shape[1]
        last = length - samples
        count, each, whole = (last + hop - 1) // hop + 1, -(-samples // hop), (length + hop - 1) // hop
        spread = nn.functional.pad(waveform, (0, whole * hop - length))
        end = nn.functional.pad(waveform[:, last:], (0, each * hop - samples))
        blocks = torch.cat([spread, end], dim=1).unflatten(1, (whole + each, hop))
        place = torch.arange(count, device=waveform.device)
        place = torch.where(place == count - 1, whole, place).unsqueeze(1) + torch.arange(each, device=waveform.device)
        windows = blocks.index_select(1, place.flatten()).unflatten(1, (count, each))
        return windows.flatten(2, 3)[:, :, :samples]


def _graph(front: FrontEnd) -> nn.Module:
    if isinstance(front, ConstantQFrontEnd):
        return GraphConstantQ(front)
    if isinstance(front, MelFrontEnd):
        return GraphMel(front)
    raise UsageError(f"no graph for a {type(front).__name__}", where="export", hint="use the front-end of a preset")


def _silent(windows: Tensor) -> Tensor:
    """:func:`affetti.signal.audio.is_silent` of windows ``[B, W, T]``: ``[B, W]``."""
    edge = RESAMPLER_EDGE if windows.shape[2] > 4 * RESAMPLER_EDGE else 0
    inner = windows[:, :, edge : windows.shape[2] - edge]
    constant = (inner.amax(dim=2) - inner.amin(dim=2) < SILENCE) & (inner[:, :, 0].abs() >= SILENCE)
    return (windows.abs().amax(dim=2) < SILENCE) | constant


@dataclass(frozen=True)
class ExportResult(BaseResult):
    """An exported regressor."""

    verb: ClassVar[str | None] = "export"
    model: str
    """The run."""
    out: str
    """The ONNX file."""
    bytes: int
    """Its size."""
    opset: int
    """ONNX operator set of the graph."""
    difference: float
    """Largest absolute difference between the curves of ONNX Runtime and of PyTorch, on noise of two lengths."""


def export_run(model: Path, out: Path) -> ExportResult:
    """Write the regressor of a run as the ONNX file ``out``.

    Raises:
        UsageError: the run does not predict, or its model cannot be written as ONNX; ``out`` has another ending.
        StorageError: ``out`` exists.
        MissingDependencyError: ``onnx``, ``onnxscript`` or ``onnxruntime`` is not installed.
    """
    if out.suffix != ".onnx":
        raise UsageError(f"an ONNX file ends in .onnx, not {out.suffix!r}", where="--out", hint="name it FILE.onnx")
    if out.exists():
        raise StorageError("exists", where=out, hint="choose another --out, or remove it")
    for name in ("onnx", "onnxscript", "onnxruntime"):
        _require(name)
    trained = runs.load(resolve_run_folder(model))
    if not isinstance(trained.model, NeuralRegressor):
        raise UsageError(
            f"a {trained.kind} is not written as ONNX", where=model, hint="give a run of vit or student: a network"
        )
    front = trained.front_end
    regressor = WaveformRegressor(front, trained.model).eval()
    program = _program(regressor, front, model)
    meta = trained.meta
    described = {
        "version": VERSION,
        "kind": trained.kind,
        "front_end": config.unstructure(front),
        "front_end_hash": front.hash,
        "weights_sha256": meta.weights_sha256,
        "half_width": [value if np.isfinite(value) else None for value in trained.model.half_width.tolist()],
        "interval_level": meta.interval_level,
        "label_scale": meta.corpus.label_scale,
        "corpus": config.unstructure(meta.corpus),
        "outputs": ["valence", "arousal"],
    }
    for node in program.model.graph:
        node.metadata_props.clear()  # lines of source by the exporter: paths of this machine
    program.model.metadata_props[KEY] = json.dumps(described, sort_keys=True)
    with atomic_write(out) as temporary:
        program.save(temporary, external_data=False)
    difference = max_difference(regressor, OnnxRegressor(out), front)
    return ExportResult(str(model), str(out), out.stat().st_size, OPSET, difference)


@torch.inference_mode()
def max_difference(regressor: WaveformRegressor, exported: OnnxRegressor, front: FrontEnd) -> float:
    """Greatest difference between the two on noise that swells, of one window and of two and a half seconds more."""
    worst = 0.0
    for seconds in (0.0, 2.5):
        length = front.samples + round(seconds * front.sample_rate)
        noise = np.random.default_rng(0).normal(size=(1, length)) * np.linspace(0.01, 0.3, length)
        waveform = noise.astype(np.float32)
        worst = max(
            worst, float(np.abs(exported.curve(waveform) - regressor(torch.from_numpy(waveform))[1].numpy()).max())
        )
    return worst


def _program(regressor: WaveformRegressor, front: FrontEnd, where: Path) -> Any:
    """The exported graph; the exporter's own talk is kept down."""
    example = torch.zeros(2, front.samples + 3 * regressor.hop)
    free = {"waveform": {0: torch.export.Dim("batch"), 1: torch.export.Dim("samples", min=front.samples)}}
    optimize = import_module("onnxscript.optimizer").optimize
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program: Any = torch.onnx.export(
                regressor,
                (example,),
                dynamo=True,
                optimize=False,
                verbose=False,
                opset_version=OPSET,
                input_names=["waveform"],
                output_names=["emotion", "curve"],
                dynamic_shapes=free,
            )
            optimize(program.model, input_size_limit=1024, output_size_limit=1024)
            return program
    except AffettiError:
        raise
    except Exception as error:  # the exporter raises what the passes beneath it raise, of no common root
        raise UsageError(
            f"cannot be written as ONNX ({first_line(error)})", where=where, hint="export a student"
        ) from error
    finally:
        logger.setLevel(level)


def _require(name: str) -> None:
    try:
        import_module(name)
    except ImportError as error:
        raise MissingDependencyError(
            f"needs {name} ({error})", where="export", hint="pip install 'affetti[onnx]'"
        ) from error
