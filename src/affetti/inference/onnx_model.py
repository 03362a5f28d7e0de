"""A regressor in an ONNX file that :mod:`affetti.inference.export` wrote, run by ONNX Runtime."""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from affetti import config
from affetti.errors import InputError, MismatchError, MissingDependencyError, StorageError
from affetti.storage import is_file

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
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads or torch.get_num_threads()
        # Threads that spin while they wait make a busy machine slow.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4
        try:
            self.session: Any = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's errors share no root but this
            raise InputError(
                f"ONNX Runtime {runtime.__version__} cannot run it ({_reason(str(error))})",
                where=path,
                hint="export the run again, or upgrade onnxruntime",
            ) from error
        described = self.session.get_modelmeta().custom_metadata_map.get(KEY)
        if described is None:
            raise InputError(
                "not a model that affetti exported", where=path, hint="make one with: affetti export --model RUN"
            )
        self.meta: dict[str, Any] = json.loads(described)
        if self.meta.get("version") != VERSION:
            reason = f"ONNX format {self.meta.get('version')}, this affetti reads {VERSION}"
            raise MismatchError(reason, where=path, hint="export the run again")
        self.path = path
        self.front_end = config.front_end(self.meta["front_end"], path)
        self.label_scale: str | None = self.meta["label_scale"]
        self.description: str | None = None
        self.interval_level: float | None = self.meta.get("interval_level")
        half = [np.nan if value is None else value for value in self.meta["half_width"]]
        self.half_width: NDArray[np.float64] = np.array(half, dtype=np.float64)

    @property
    def sample_rate(self) -> int:
        """Of the windows."""
        return self.front_end.sample_rate

    def curve(self, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
        """The curve ``[B, W, 2]`` of waveforms ``[B, T]``."""
        return self.session.run(["curve"], {"waveform": waveform})[0]

    def predict(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Valence and arousal ``[B, 2]`` of windows ``[B, T]``."""
        return self.session.run(["emotion"], {"waveform": windows})[0]


def _reason(text: str) -> str:
    """What ONNX Runtime says, without the places in its source."""
    reason = " ".join(text.split()).rpartition("failed:")[2]
    newer = re.search(r"Opset (\d+) is under development", reason)
    return f"its opset {newer[1]} is newer than it knows" if newer else reason[:120]
