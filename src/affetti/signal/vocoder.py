"""Vocoders: from a log-mel to a waveform.

:class:`GriffinLim` needs nothing. :class:`HifiGan` runs a network of that family (Kong, Kim & Bae 2020), as
transformers' ``SpeechT5HifiGan`` saves it. No published weights are made for affetti's front-ends, and weights made for
another mel give noise or a wrong pitch without an error; so a folder of weights must say which front-end it was trained
on, in the block ``affetti_front_end`` of its ``config.json``, and is refused where that differs.
:func:`front_end_config` makes the block.

Input is dB ``[M, F]`` as :class:`~affetti.signal.mel.MelSpectrogram` makes it; a network takes care of scaling by its
own ``mean`` and ``scale``. Output is float32 ``[T]``, T = hop_length · (F - 1), of the level that the log-mel has; use
:func:`~affetti.signal.loudness.normalise_peak` to play it.
"""

from __future__ import annotations

import math
import os
import re
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from affetti.errors import InputError, MismatchError, MissingDependencyError
from affetti.presets import FrontEnd
from affetti.signal.inversion import MelInverse, check_log_mel, default_inverse
from affetti.signal.phase import griffin_lim

CONFIG_KEY = "affetti_front_end"


class Vocoder(Protocol):
    """What turns log-mels of one front-end into sound."""

    @property
    def front(self) -> FrontEnd:
        """The front-end whose log-mels it takes."""
        ...

    def __call__(self, log_mel: Tensor) -> Tensor:
        """Waveform ``[T]`` of a log-mel ``[M, F]`` in dB, F ≥ 2."""
        ...


class GriffinLim:
    """Mel inversion and fast Griffin-Lim: no weights but those of the inverse.

    Args:
        front: the front-end.
        inverse: the mel inverse; by default the one that needs no corpus.
        iterations: of Griffin-Lim, ≥ 0.

    Raises:
        MismatchError: the inverse was fitted for another front-end.
    """

    def __init__(self, front: FrontEnd, inverse: MelInverse | None = None, iterations: int = 32) -> None:
        self.front = front
        self.inverse = inverse or default_inverse(front)
        self.iterations = iterations
        check_front_end(front_end_config(self.inverse.front), front, "mel inverse")

    def __call__(self, log_mel: Tensor) -> Tensor:
        """Waveform ``[T]`` of a log-mel ``[M, F]`` in dB, F ≥ 2."""
        return griffin_lim(self.inverse.magnitude(log_mel), self.iterations, self.front.hop_length)


class HifiGan:
    """A HiFi-GAN from a local folder, or from a repository of the Hugging Face Hub.

    Args:
        source: a folder with ``config.json`` and ``model.safetensors``, or ``USER/MODEL``, which is fetched.
        front: the front-end of the log-mels it is to be given.
        device: where it runs.

    Raises:
        InputError: there is no such folder, or its weights cannot be used.
        MismatchError: the weights were made for another front-end, or do not say for which.
        MissingDependencyError: transformers is not installed.
    """

    def __init__(self, source: str | Path, front: FrontEnd, device: str = "cpu") -> None:
        self.front = front
        self._device = device
        self._network = _network(str(source), front).to(device).eval()

    @torch.inference_mode()
    def __call__(self, log_mel: Tensor) -> Tensor:
        """Waveform ``[T]`` of a log-mel ``[M, F]`` in dB, F ≥ 2."""
        given = check_log_mel(log_mel, self.front)
        wave = self._network(given.T.to(self._device)).float().cpu().flatten()
        return wave[: self.front.hop_length * (given.shape[1] - 1)].clone()


def front_end_config(front: FrontEnd) -> dict[str, float]:
    """The block that says which front-end weights are made for; the length of a clip is no part of it."""
    return {name: value for name, value in front.to_dict().items() if name != "seconds"}


def check_front_end(made_for: dict[str, Any], front: FrontEnd, where: str) -> None:
    """Check that settings are those of ``front``; name what differs.

    Raises:
        MismatchError: a setting differs or is absent.
    """
    expected = front_end_config(front)
    differing = [
        f"{name} {made_for.get(name, 'unknown')}, not {expected[name]:g}"
        for name in expected
        if made_for.get(name) != expected[name]
    ]
    if differing:
        raise MismatchError(
            f"made for another front-end ({'; '.join(differing)})",
            where=where,
            hint="give one made for this front-end: with another's mels it makes noise",
        )


def _network(source: str, front: FrontEnd) -> Any:
    local = Path(source).expanduser().is_dir()
    if not local and not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", source):
        raise InputError("no such folder", where=source, hint="check the path, or name a model of the Hub: USER/MODEL")
    os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")  # else the library requests an online conversion
    try:
        library = import_module("transformers")
    except ImportError as error:
        message = f"needs transformers ({error})"
        raise MissingDependencyError(message, where="vocoder", hint="pip install 'affetti[encoders]'") from error
    at = str(Path(source).expanduser()) if local else source
    options: dict[str, Any] = {"local_files_only": local}
    try:
        config, _ = library.PretrainedConfig.get_config_dict(at, **options)
    except (OSError, ValueError) as error:
        message = f"no config.json that can be read ({str(error).partition(chr(10))[0]})"
        raise InputError(message, where=source, hint="give a folder that save_pretrained wrote") from error
    if not str(config.get("model_type")).endswith("hifigan"):  # its name depends on the version of transformers
        message = "no config.json of a HiFi-GAN"
        raise InputError(message, where=source, hint="give a folder that transformers' SpeechT5HifiGan was saved to")
    block = config.get(CONFIG_KEY)
    if not isinstance(block, dict):
        raise MismatchError(
            "does not say which front-end it was made for",
            where=source,
            hint=f"add the block {CONFIG_KEY!r} to its config.json: front_end_config(front) of the training front-end",
        )
    check_front_end(block, front, source)
    shape = library.SpeechT5HifiGanConfig.from_dict(config)  # fills in what a file leaves at its default
    samples = math.prod(shape.upsample_rates)
    if (samples, shape.model_in_dim) != (front.hop_length, front.n_bands):
        made = f"makes {samples} samples a frame of {shape.model_in_dim} bands"
        expects = f"the front-end has {front.hop_length} of {front.n_bands}"
        raise MismatchError(f"{made}; {expects}", where=source, hint="its config contradicts itself: fetch it")
    try:
        network, info = library.SpeechT5HifiGan.from_pretrained(
            at, output_loading_info=True, use_safetensors=True, **options
        )
    except Exception as error:  # a file cut short or altered fails in any way, of no common root
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise InputError(f"weights that cannot be read ({reason})", where=source, hint="fetch them again") from error
    broken = [name for name, value in network.state_dict().items() if not value.isfinite().all()]
    if wrong := sorted(info["missing_keys"]) + broken:
        raise InputError(f"lacks {wrong[0]!r}, or holds no numbers there", where=source, hint="give a whole checkpoint")
    return network
