"""A regressor in an ONNX file that :mod:`affetti.inference.export` wrote, run by ONNX Runtime."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from affetti import config
from affetti.emotion import AXES
from affetti.errors import AffettiError, InputError, MismatchError, MissingDependencyError, StorageError, one_line
from affetti.storage import is_file, parse

KEY = "affetti"
"""Under which the file's metadata hold what belongs to the model, as JSON."""
VERSION = 1


class OnnxRegressor:
    """Waveforms in, valence and arousal out; no PyTorch network is run.

    Args:
        path: the ONNX file.
        threads: of ONNX Runtime; 0: as many as PyTorch would take.

    Raises:
        StorageError: there is no such file.
        InputError: it is no ONNX file, one that this ONNX Runtime cannot run, or none that affetti wrote.
        MismatchError: another version of affetti wrote it.
        MissingDependencyError: ``onnxruntime`` is not installed.
    """

    def __init__(self, path: Path, threads: int = 0) -> None:
        if not is_file(path):
            raise StorageError("no such file", where=path, hint="give the file that affetti export wrote")
        try:
            runtime = import_module("onnxruntime")
        except ImportError as error:
            raise MissingDependencyError(
                f"needs onnxruntime ({error})", where="--runtime onnx", hint="pip install 'affetti[onnx]'"
            ) from error
        self.path, self._runtime_version = path, str(runtime.__version__)
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads or torch.get_num_threads()
        # Threads that spin while they wait make a busy machine slow.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4
        try:
            self.session: Any = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's errors share no root but this
            raise self._cannot_run(error) from error
        described = self.session.get_modelmeta().custom_metadata_map.get(KEY)
        if described is None:
            raise InputError(
                "not a model that affetti exported", where=path, hint="make one with: affetti export --model RUN"
            )
        try:
            self.meta: dict[str, Any] = parse(described)
            self._read()
        except AffettiError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"what affetti wrote into it is damaged ({one_line(str(error))[:120]})",
                where=path,
                hint="export the run again",
            ) from error

    def _read(self) -> None:
        """What the metadata say of the model."""
        if self.meta.get("version") != VERSION:
            reason = f"ONNX format {self.meta.get('version')}, this affetti reads {VERSION}"
            raise MismatchError(reason, where=self.path, hint="export the run again")
        self.front_end = config.front_end(self.meta["front_end"], self.path)
        scale, level = self.meta["label_scale"], self.meta.get("interval_level")
        self.label_scale: str | None = None if scale is None else str(scale)
        self.description: str | None = None
        self.interval_level: float | None = None if level is None else float(level)
        half = [np.nan if value is None else value for value in self.meta["half_width"]]
        self.half_width: NDArray[np.float64] = np.array(half, dtype=np.float64)
        if self.half_width.shape != (len(AXES),) or not np.isfinite(self.interval_level or 0.0):
            raise ValueError("its interval")

    @property
    def sample_rate(self) -> int:
        """Of the windows."""
        return self.front_end.sample_rate

    def curve(self, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
        """The curve ``[B, W, 2]`` of waveforms ``[B, T]``."""
        return self.session.run(["curve"], {"waveform": waveform})[0]

    def predict(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Valence and arousal ``[B, 2]`` of windows ``[B, T]``."""
        try:
            emotion = np.asarray(self.session.run(["emotion"], {"waveform": windows})[0])
        except Exception as error:  # as above
            raise self._cannot_run(error) from error
        if emotion.shape != (len(windows), len(AXES)):
            raise InputError(
                f"gives an array of shape {emotion.shape} for {len(windows)} windows",
                where=self.path,
                hint="export the run again",
            )
        return emotion

    def _cannot_run(self, error: Exception) -> InputError:
        return InputError(
            f"ONNX Runtime {self._runtime_version} cannot run it ({_reason(str(error))})",
            where=self.path,
            hint="export the run again, or upgrade onnxruntime",
        )


def _reason(text: str) -> str:
    """What ONNX Runtime says, without the places in its source."""
    reason = " ".join(text.split()).rpartition("failed:")[2]
    newer = re.search(r"Opset (\d+) is under development", reason)
    return f"its opset {newer[1]} is newer than it knows" if newer else reason[:120]
