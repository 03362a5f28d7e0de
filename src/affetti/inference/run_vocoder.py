"""The vocoder of a trained run: the head of a ``vocoded`` generator, for log-mels of any origin."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from affetti.errors import UsageError
from affetti.models.generators.vocoded import Vocoded
from affetti.presets import FrontEnd
from affetti.signal.inversion import check_log_mel
from affetti.signal.vocoder import check_front_end, front_end_config
from affetti.training import run as runs


class RunVocoder:
    """A :class:`~affetti.signal.vocoder.Vocoder`.

    Args:
        path: a run of ``vocoded``.
        front: the front-end of the log-mels that it is to be given.
        device: where it runs.

    Raises:
        UsageError: the run is of another family.
        MismatchError: it was trained on another front-end.
        StorageError: the run is unfinished or damaged.
    """

    def __init__(self, path: Path, front: FrontEnd, device: str = "cpu") -> None:
        trained = runs.load(path, device, "--vocoder")
        if not isinstance(trained.model, Vocoded):
            hint = "give a run of vocoded, or leave it out: Griffin-Lim needs none"
            raise UsageError(f"a {trained.kind} has no vocoder", where=f"--vocoder {path}", hint=hint)
        check_front_end(front_end_config(trained.front_end), front, str(path))
        self.front, self._head, self._device = front, trained.model.head, trained.device

    @torch.inference_mode()
    def __call__(self, log_mel: Tensor) -> Tensor:
        """Waveform ``[T]`` of a log-mel ``[M, F]`` in dB, F ≥ 2."""
        return self._head.synthesise(check_log_mel(log_mel, self.front).to(self._device)).float().cpu()
