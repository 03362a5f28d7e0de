"""Audio encoders of Hugging Face's ``transformers`` as embedders: CLAP, MERT and their kin, by name or from a folder.

- ``clap`` (Wu et al. 2023, arXiv 2211.06687): the projected audio embedding, of unit length, mean over windows of the
  model's own length (10 s). A shorter clip is repeated, as it was in training. The fusion that some CLAP models do of
  longer sound draws crops at random and is not used: a clip's embedding depends on the clip alone.
- ``hubert``, ``wav2vec2``, ``wav2vec2-bert``, ``wavlm``, and MERT (Li et al. 2024, arXiv 2306.00107): the mean over
  time of the last hidden state, or of that after layer K (``NAME#K``, 0: the input of the first layer), in windows of
  10 s. ``NAME#all`` gives all layers, 0 to the last, one after the other.
- AST (Gong et al. 2021, arXiv 2104.01778): the same, mean over its tokens, in windows of its own input length (10.24
  s); shorter sound is padded with zeros, as it was in training.

:data:`ENCODERS` gives short names to published models.

MERT's repository requires running its own code. With the settings of its published models that code computes what
HuBERT does, so it is loaded as HuBERT, and no code from a repository is ever run. A model of other settings is refused.

Needs ``pip install 'affetti[encoders]'``. Naming a model of the Hub fetches it once, by the ordinary client, into that
client's own cache; a folder is read in place, without network access.
"""

from __future__ import annotations

import json
import logging as log
import os
import re
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from affetti.embedders.base import FunctionEmbedder
from affetti.embedders.weights import fingerprint
from affetti.embedders.windows import mean_over_windows
from affetti.errors import AffettiError, InputError, MissingDependencyError, UsageError, first_line

AST_FRAME_SECONDS = 0.01
"""Hop of AST's frames."""
WINDOW_SECONDS = 10
"""Window of encoders that take any length: the memory of attention grows with its square."""
AST = "audio-spectrogram-transformer"
MODEL_TYPES = ("clap", "hubert", "wav2vec2", "wav2vec2-bert", "wavlm", "mert_model", AST)
"""``model_type`` of the encoders known to work."""
ENCODERS = {
    "ast": "MIT/ast-finetuned-audioset-10-10-0.4593",
    "clap": "laion/larger_clap_music",
    "mert": "m-a-p/MERT-v1-95M",
}
"""Published models by a short name."""
ALL_LAYERS = "all"
UNSUPPORTED_SETTINGS = ("feature_extractor_cqt", "deepnorm")
"""Settings of MERT that HuBERT has not; its published models do not use them."""
TRAINING_ONLY_WEIGHTS = ("masked_spec_embed",)
"""Weights of training alone, which a checkpoint may lack."""


def encoder_embedder(text: str, device: str = "cpu") -> FunctionEmbedder:
    """The encoder that ``text`` names.

    Args:
        text: a folder, a model of the Hub (``laion/larger_clap_music``) or one of :data:`ENCODERS`; ``#K`` behind it
            chooses a layer, ``#all`` gives all of them.
        device: where it runs.

    Raises:
        MissingDependencyError: ``transformers`` is not installed.
        UsageError: there is no such layer.
        InputError: there is no such model, its files are broken or lack weights, or it is of an unknown type.
    """
    source, layer = split_layer(text)
    source = ENCODERS.get(source, source)
    library = _transformers()
    with quietly(library):
        try:
            kind, model, extractor = _load(library, source)
        except AffettiError:
            raise
        # The library raises what the formats and clients beneath it raise, of no common root.
        except Exception as error:
            hint = "give a folder that save_pretrained wrote, or fetch the model once: hf download NAME"
            raise InputError(f"cannot be loaded ({first_line(error)})", where=source, hint=hint) from error
    model = model.float().eval()
    depth = -1 if kind == "clap" else int(model.config.num_hidden_layers)
    if isinstance(layer, int) and layer > depth:
        known = "it gives one embedding, leave out #K" if kind == "clap" else f"choose from 0 to {depth}"
        raise UsageError(f"there is no layer {layer}", where=text, hint=known)
    rate = int(extractor.sampling_rate)
    settings = (kind, layer, library.__version__, json.dumps(extractor.to_dict(), sort_keys=True, default=str))
    version = f"hf-1-{fingerprint(model.state_dict(), *settings)}"
    model = model.to(device)
    if kind == "clap":
        return FunctionEmbedder(f"hf:{text}", version, _clap(model, extractor, rate), rate)
    window = int(extractor.max_length * AST_FRAME_SECONDS * rate) if kind == AST else WINDOW_SECONDS * rate
    embed = _over_time(model, extractor, rate, layer, window)
    layers = depth + 1 if layer == ALL_LAYERS else 1
    return FunctionEmbedder(f"hf:{text}", version, embed, rate, layers=layers)


def split_layer(text: str) -> tuple[str, int | str | None]:
    """The model that ``text`` names, and the layer behind a ``#``: a number, ``all``, or none.

    Example:
        >>> split_layer("user/model#3"), split_layer("mert#all"), split_layer("mert")
        (('user/model', 3), ('mert', 'all'), ('mert', None))
    """
    match = re.fullmatch(rf"(.+)#(\d+|{ALL_LAYERS})", text)
    if match is None or Path(text).is_dir():
        return text, None
    return match[1], match[2] if match[2] == ALL_LAYERS else int(match[2])


def _transformers() -> Any:
    # Without this, the library would also request a conversion of the repository from an online service.
    os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")
    try:
        return import_module("transformers")
    except ImportError as error:
        raise MissingDependencyError(
            f"needs transformers ({error})", where="features hf", hint="pip install 'affetti[encoders]'"
        ) from error


@contextmanager
def quietly(library: Any) -> Generator[None]:
    """Keep the library's talk, warnings and progress bars off stderr."""
    logging, client = library.utils.logging, log.getLogger("huggingface_hub")
    verbosity, bars, level = logging.get_verbosity(), logging.is_progress_bar_enabled(), client.level
    logging.set_verbosity_error()
    client.setLevel(log.ERROR)  # it reports each attempt to connect
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(verbosity)
        client.setLevel(level)
        if bars:
            logging.enable_progress_bar()


def _load(library: Any, source: str) -> tuple[str, Any, Any]:
    """Kind, model and feature extractor; the caller reports what the library raises."""
    local = Path(source).expanduser().is_dir()
    if not local and not re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)?", source):
        raise InputError("no such folder", where=source, hint="check the path, or name a model of the Hub: USER/MODEL")
    at = str(Path(source).expanduser()) if local else source
    options: dict[str, Any] = {"local_files_only": True} if local else {}
    config, _ = library.PretrainedConfig.get_config_dict(at, **options)
    kind = config.get("model_type")
    if kind not in MODEL_TYPES:
        what = f"a model of type {kind!r}" if kind else "no config.json that says what model it is"
        raise InputError(what, where=source, hint=f"give one of {', '.join(MODEL_TYPES)}")
    model_class, extractor_class = library.AutoModel, library.AutoFeatureExtractor
    weights_of = {**options, "output_loading_info": True, "weights_only": True}
    if kind == "clap":
        model_class = library.ClapModel
    elif kind == "mert_model":
        if beyond := [name for name in UNSUPPORTED_SETTINGS if config.get(name)]:
            what = f"a MERT with {beyond[0]}, which needs code of its own"
            raise InputError(what, where=source, hint="give MERT-v1-95M or MERT-v1-330M")
        model_class, extractor_class = library.HubertModel, library.Wav2Vec2FeatureExtractor
        settings = {name: value for name, value in config.items() if name not in ("auto_map", "model_type")}
        weights_of["config"] = library.HubertConfig.from_dict(settings)
    else:
        options["trust_remote_code"] = weights_of["trust_remote_code"] = False
    model, info = model_class.from_pretrained(at, **weights_of)
    absent = [name for name in sorted(info["missing_keys"]) if not name.endswith(TRAINING_ONLY_WEIGHTS)]
    if absent:
        hint = "it would run with random weights: give a whole checkpoint"
        raise InputError(f"lacks the weights {absent[0]!r}", where=source, hint=hint)
    broken = [name for name, value in model.state_dict().items() if not value.isfinite().all()]
    if broken:
        raise InputError(f"{broken[0]!r} holds values that are not numbers", where=source, hint="fetch it again")
    return str(kind), model, extractor_class.from_pretrained(at, **options)


def _clap(model: Any, extractor: Any, rate: int) -> Callable[[Tensor], Tensor]:
    def network(part: Tensor) -> Tensor:
        given = extractor(list(part.numpy()), sampling_rate=rate, return_tensors="pt")
        # "Longer" sound is fused from random crops: no window here is longer than the model's own.
        longer = torch.zeros(len(part), 1, dtype=torch.bool, device=model.device)
        features = given["input_features"].float().to(model.device)
        output = model.get_audio_features(input_features=features, is_longer=longer)
        return output if isinstance(output, Tensor) else output.pooler_output

    return lambda sound: mean_over_windows(network, sound, min(sound.shape[1], int(extractor.nb_max_samples)))


def _over_time(
    model: Any, extractor: Any, rate: int, layer: int | str | None, window: int
) -> Callable[[Tensor], Tensor]:
    def network(part: Tensor) -> Tensor:
        given = extractor(list(part.numpy()), sampling_rate=rate, return_tensors="pt")
        output = model(**given.to(model.device), output_hidden_states=layer is not None)
        if layer == ALL_LAYERS:
            return torch.cat([state.mean(dim=1) for state in output.hidden_states], dim=1)
        state = output.last_hidden_state if layer is None else output.hidden_states[layer]
        return state.mean(dim=1)

    return lambda sound: mean_over_windows(network, sound, min(sound.shape[1], window))
