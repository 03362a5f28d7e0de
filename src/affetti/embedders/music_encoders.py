"""MuQ and OMAR-RQ as embedders: encoders of music that run by packages of their own, which need torchaudio.

- ``muq:NAME_OR_FOLDER`` (Zhu et al. 2025, arXiv 2501.01108; package ``muq``, at 24 kHz): the mean over time of the last
  hidden state, or of that after layer K (``#K``, 0: the input of the first layer).
- ``omar-rq:NAME_OR_FOLDER`` (Alonso-Jiménez et al. 2025, doi:10.1145/3746027.3756871; package ``omar_rq``, at the
  model's own rate): the mean over time of the output of its last layer, or of layer K as that package counts, from 0.

Both take windows of 10 s; ``#all`` gives all layers, one after the other. A folder holds the two files that the Hub has
of a model (:data:`FILES`); a model of the Hub is fetched once, by the Hub's own client. Weights are read as tensors
alone, and one that is missing is refused, where the packages would start it at random.

When not to use: for commercial work, which the licences of their weights exclude (CC BY-NC 4.0, CC BY-NC-SA 4.0).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from affetti.embedders.base import FunctionEmbedder
from affetti.embedders.encoders import ALL_LAYERS, WINDOW_SECONDS, quietly, split_layer
from affetti.embedders.weights import fingerprint, read_weights
from affetti.embedders.windows import mean_over_windows
from affetti.errors import AffettiError, InputError, MissingDependencyError, UsageError, first_line

MUQ, OMAR_RQ = "muq", "omar-rq"
PUBLISHED = {MUQ: "OpenMuQ/MuQ-large-msd-iter", OMAR_RQ: "mtg-upf/omar-rq-multifeature-25hz-fsq"}
"""A published model of each."""
FILES = {MUQ: ("config.json", "model.safetensors"), OMAR_RQ: ("config.gin", "model.ckpt")}
"""Settings and weights of a model, as the Hub has them."""
MUQ_RATE = 24_000
"""Sample rate of MuQ."""
MAX_TRANSFORMERS = 5
"""Major version of ``transformers`` at which the packages, written for 4, no longer work."""
Layers = Callable[[Tensor], list[Tensor]]
"""From waveforms ``[B, T]`` to the states ``[B, frames, D]`` of all layers."""


def muq_embedder(text: str, device: str = "cpu") -> FunctionEmbedder:
    """The MuQ that ``text`` names.

    Args:
        text: a folder, or a model of the Hub (``OpenMuQ/MuQ-large-msd-iter``); ``#K`` behind it chooses a layer,
            ``#all`` gives all of them.
        device: where it runs.

    Raises:
        MissingDependencyError: ``muq`` is not installed, or not with a ``transformers`` that it works with.
        UsageError: there is no such layer.
        InputError: there is no such model, or its files are broken or lack weights.
    """
    return _embedder(MUQ, text, device, _muq)


def omar_rq_embedder(text: str, device: str = "cpu") -> FunctionEmbedder:
    """The OMAR-RQ that ``text`` names; arguments and errors as :func:`muq_embedder`, with ``omar_rq`` for ``muq``."""
    return _embedder(OMAR_RQ, text, device, _omar_rq)


def _embedder(
    kind: str, text: str, device: str, load: Callable[[Any, Path], tuple[torch.nn.Module, Layers, int]]
) -> FunctionEmbedder:
    source, layer = split_layer(text)
    package, library = _package(kind)
    with quietly(library):
        folder = _folder(kind, source)
        try:
            model, layers, rate = load(package, folder)
        except AffettiError:
            raise
        # The packages raise what the formats beneath them raise, of no common root.
        except Exception as error:
            hint = f"give a folder with {' and '.join(FILES[kind])} of one model"
            raise InputError(f"cannot be loaded ({first_line(error)})", where=source, hint=hint) from error
    model = model.float().eval().to(device)
    with torch.inference_mode():
        depth = len(layers(torch.zeros(1, rate, device=device)))
    if isinstance(layer, int) and layer >= depth:
        raise UsageError(f"there is no layer {layer}", where=text, hint=f"choose from 0 to {depth - 1}")

    def network(part: Tensor) -> Tensor:
        states = [state.mean(dim=1) for state in layers(part.to(device))]
        return torch.cat(states, dim=1) if layer == ALL_LAYERS else states[layer if isinstance(layer, int) else -1]

    return FunctionEmbedder(
        f"{kind}:{text}",
        f"{kind}-1-{fingerprint(model.state_dict(), layer, version('transformers'))}",
        lambda sound: mean_over_windows(network, sound, min(sound.shape[1], WINDOW_SECONDS * rate)),
        rate,
        layers=depth if layer == ALL_LAYERS else 1,
    )


def _package(kind: str) -> tuple[Any, Any]:
    """The package of ``kind``, and ``transformers``."""
    name, command = kind.replace("-", "_"), f"pip install 'affetti[{kind}]'"
    try:
        package, library = import_module(name), import_module("transformers")
    except (ImportError, OSError) as error:
        what = f"needs {name}, which wants torchaudio ({first_line(error)})"
        raise MissingDependencyError(what, where=f"features {kind}", hint=command) from error
    installed = version("transformers")
    if int(installed.partition(".")[0]) >= MAX_TRANSFORMERS:
        what = f"{name} does not work with transformers {installed}"
        raise MissingDependencyError(what, where=f"features {kind}", hint=f"{command}: it takes an older one")
    return package, library


def _folder(kind: str, source: str) -> Path:
    """The folder with the files of a model, fetched from the Hub if ``source`` is no folder."""
    folder = Path(source).expanduser()
    if folder.is_dir():
        return folder
    if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", source):
        raise InputError("no such folder", where=source, hint="check the path, or name a model of the Hub: USER/MODEL")
    try:
        client = import_module("huggingface_hub")
        return Path(client.snapshot_download(source, allow_patterns=list(FILES[kind])))
    # The client raises what the libraries beneath it raise, of no common root.
    except Exception as error:
        hint = "give a folder, or fetch the model once: hf download NAME"
        raise InputError(f"cannot be fetched ({first_line(error)})", where=source, hint=hint) from error


def _muq(package: Any, folder: Path) -> tuple[torch.nn.Module, Layers, int]:
    weights = read_weights(folder / FILES[MUQ][1])
    model = package.MuQ.from_pretrained(str(folder), local_files_only=True)
    _load(model, weights, folder)

    def layers(sound: Tensor) -> list[Tensor]:
        return list(model(sound, output_hidden_states=True).hidden_states)

    return model, layers, MUQ_RATE


def _omar_rq(package: Any, folder: Path) -> tuple[torch.nn.Module, Layers, int]:
    settings, checkpoint = (folder / name for name in FILES[OMAR_RQ])
    weights = read_weights(checkpoint)
    model = package.get_model(config_file=settings, load_weights=False)
    # What embeds a clip; the rest of the model is of its training alone.
    for name in ("net", "embedding_layer"):
        part = model.get_submodule(name)
        own = {key.removeprefix(f"{name}."): value for key, value in weights.items() if key.startswith(f"{name}.")}
        _load(part, own, folder)
    depth = len(model.net.layers)

    def layers(sound: Tensor) -> list[Tensor]:
        return list(model.extract_embeddings(sound, layers=set(range(depth))))

    return model, layers, int(model.sr)


def _load(module: torch.nn.Module, weights: Mapping[str, Tensor], folder: Path) -> None:
    """Give ``module`` its weights.

    Raises:
        InputError: one is missing; names the first.
    """
    absent = sorted(module.load_state_dict(weights, strict=False).missing_keys)
    if absent:
        hint = "it would run with random weights: give a whole checkpoint"
        raise InputError(f"lacks the weights {absent[0]!r}", where=folder, hint=hint)
