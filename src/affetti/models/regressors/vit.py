"""The teacher: a vision transformer over log-mels (Dosovitskiy et al. 2021), by way of ``transformers``.

ViT-B/16 at the paper's front-end, a small one at ``tiny``; AST (Gong et al. 2021) by the same door. Ways in:

- ``input="native"``: the spectrogram at its own shape. Of pretrained weights the patch embedding is summed over the
  three colours (what three equal channels would give) and the positions are interpolated to the new grid.
- ``input="resized"``: what the study does. The normalised log-mel is mapped from ±4 deviations to [0, 1], resized to
  224 × 224 and given as three equal channels with ImageNet's mean and deviation. Time is squeezed: half of the detail
  of a 30 s clip is gone before the network sees it.
- ``backbone="ast"``: patches overlap, and there is one channel from the start.

Instead of cutting patches, ``stem="convolutions"`` makes the tokens by three convolutions that halve the grid (the
hybrid of Dosovitskiy et al.; Xiao et al. 2021): what is near need not be learnt by attention, which a small corpus
cannot teach. ``pool="bands"`` hands the head mean and deviation over time of each row of tokens. Both are the default
of a small network without pretrained weights.

Weights come from ``pretrained``, a folder or a model of the Hugging Face Hub, as safetensors alone, and are fetched
when training begins, never when a trained run is loaded. Without it all weights are random, and a transformer of
patches needs far more clips than a small corpus has: expect it below the student there.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from affetti.errors import InputError, MissingDependencyError, UsageError, first_line
from affetti.models.layers import is_small, require
from affetti.models.regressors.base import NeuralRegressor, Prediction
from affetti.models.regressors.mobilevit import InvertedResidual, over_time
from affetti.models.shared_batch import SharedBatchNorm2d

SIDE = 224
"""Height and width of a resized spectrogram."""
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and deviation of the pictures that a pretrained ViT has seen, by colour."""
SHRINK = 8
"""By how much convolutions divide both sides of the grid."""
AST_SCALE = 0.5
"""Deviation of the log-mels that AST has seen."""


@dataclass(frozen=True)
class ViTConfig:
    """Sizes of the teacher and how it learns; 0 stands for the default of the front-end, or of ``pretrained``."""

    pretrained: str = ""
    """A folder that ``save_pretrained`` wrote, or a model of the Hub (``google/vit-base-patch16-224-in21k``)."""
    backbone: Literal["vit", "ast"] = "vit"
    """Vision transformer, or audio spectrogram transformer."""
    input: Literal["native", "resized"] = "native"
    """The spectrogram at its own shape, or 224 × 224 as a picture (``vit`` alone)."""
    stem: Literal["auto", "patches", "convolutions"] = "auto"
    """What makes tokens; auto: convolutions for up to 64 mel bands where nothing speaks for patches (a size of them,
    pretrained weights, a picture, an AST)."""
    width: int = 0
    """Of a token, a multiple of ``heads``; 0: 128 for up to 64 mel bands, else 768."""
    layers: int = 0
    """Blocks; 0: 6 for up to 64 mel bands, else 12."""
    heads: int = 0
    """Of attention; 0: 4 for up to 64 mel bands, else 12."""
    patch: int = 0
    """Bands and frames of a patch; 0: 16, of places after convolutions 1."""
    stride: int = 0
    """Step between patches; 0: ``patch``, or 10 for an AST of patch 16."""
    dropout: float = 0.1
    """In the transformer and its head, in [0, 1)."""
    pool: Literal["auto", "token", "mean", "bands"] = "auto"
    """Input of the head: the class token (of AST the mean of its two), the mean over patches, or mean and deviation
    over time by band; auto: bands after convolutions, else the token."""
    rate: float = 0.0
    """Learning rate; 0: 1e-3 from random weights, 3e-5 from pretrained ones, and a tenth of it for the backbone."""
    loss: Literal["ccc", "mse"] = "ccc"
    """Concordance, or squared error weighted 0.6 (valence) and 0.4 (arousal)."""


class ViT(NeuralRegressor):
    """Regressor over log-mels ``[B, M, F]`` of one shape; see :class:`affetti.models.base.Regressor`.

    Raises:
        UsageError: a setting is invalid.
        InputError: ``pretrained`` cannot be read.
        MissingDependencyError: ``transformers`` is not installed.
    """

    def __init__(self, shape: tuple[int, int], config: ViTConfig = ViTConfig()) -> None:
        super().__init__(shape[0])
        library = _transformers()
        self.config = config = _resolved(library, shape, config)
        require(config.width % config.heads == 0, "width", config.width, f"a multiple of heads ({config.heads})")
        require(0 <= config.dropout < 1, "dropout", config.dropout, "a share from 0 to below 1")
        require(0 <= config.rate < 1, "rate", config.rate, "a learning rate, such as 1e-4")
        if config.backbone == "ast" and config.input == "resized":
            raise UsageError("an AST takes no pictures", where="input=resized", hint="leave it out, or backbone=vit")
        if config.stem == "convolutions":
            if config.pretrained or config.backbone == "ast" or config.input == "resized":
                raise UsageError(
                    "convolutions come before a ViT of random weights at the spectrogram's own shape alone",
                    where="stem=convolutions",
                    hint="leave it out",
                )
            self.stem = _stem(config.width)
            shape = tuple(-(-length // SHRINK) for length in shape)  # type: ignore[assignment]
        patch, stride = config.patch, config.stride
        require(stride <= patch, "stride", stride, f"{patch} (patch) or less")
        size = (
            (SIDE, SIDE) if config.input == "resized" else (_up(shape[0], patch, stride), _up(shape[1], patch, stride))
        )
        self.size = size
        self.grid = ((size[0] - patch) // stride + 1, (size[1] - patch) // stride + 1)
        self.backbone: nn.Module = _backbone(library, config, size)
        self.blocks: list[nn.Module] = list(_layers(self.backbone))
        wide, narrow = config.width * 2 // 3, max(2, config.width // 6)
        given = config.width * (2 * self.grid[0] if config.pool == "bands" else 1)
        # 768-512-128-2 at the size of ViT-B.
        self.head = nn.Sequential(
            *(nn.Linear(given, wide), nn.GELU(), nn.Dropout(config.dropout)),
            *(nn.Linear(wide, narrow), nn.GELU(), nn.Dropout(config.dropout), nn.Linear(narrow, 2)),
        )
        colours = torch.tensor(IMAGENET).reshape(2, 1, 3, 1, 1)
        self.register_buffer("colours", colours, persistent=False)

    @torch.no_grad()
    def fit_statistics(self, mel: Tensor, labels: Tensor) -> dict[str, float]:
        """Fit the normaliser to the training clips, and fetch the pretrained weights where ``pretrained`` names them.

        Raises:
            InputError: they cannot be loaded.
        """
        if self.config.pretrained:
            self.load_pretrained()
        return super().fit_statistics(mel, labels)

    @torch.no_grad()
    def load_pretrained(self) -> None:
        """Take the weights of ``config.pretrained``, fitted to this shape."""
        library = _transformers()
        kind = library.ViTModel if self.config.backbone == "vit" else library.ASTModel
        extra = {"add_pooling_layer": False} if self.config.backbone == "vit" else {}
        with _loading(self.config.pretrained):
            loaded = kind.from_pretrained(**_source(self.config.pretrained), use_safetensors=True, **extra)
        weights = loaded.state_dict()
        mine = self.backbone.state_dict()
        for name, value in weights.items():
            if name.endswith("projection.weight") and value.shape[1] == 3 and mine[name].shape[1] == 1:
                weights[name] = value.sum(dim=1, keepdim=True)
            elif name.endswith("position_embeddings"):
                old = _grid_of(loaded.config, self.config.backbone)
                weights[name] = interpolated(value, old, self.grid)
        self.backbone.load_state_dict(weights)

    def predict_normalised(self, x: Tensor) -> Prediction:
        """Predict from log-mels ``[B, M, F]`` that are already normalised."""
        config = self.config
        if config.input == "resized":
            grey = (x / (2 * self.normalise.limit) + 0.5).unsqueeze(1)
            grey = F.interpolate(grey, self.size, mode="bilinear", align_corners=False, antialias=True)
            given = (grey - self.colours[0]) / self.colours[1]  # type: ignore[operator, index]
        else:
            given = self.stem(x.unsqueeze(1)) if config.stem == "convolutions" else x.unsqueeze(1)
            given = F.pad(given, (0, self.size[1] - given.shape[3], 0, self.size[0] - given.shape[2]))
            given = (AST_SCALE * given).squeeze(1).transpose(1, 2) if config.backbone == "ast" else given
        tokens = self.backbone(given).last_hidden_state
        special = tokens.shape[1] - self.grid[0] * self.grid[1]
        patches = tokens[:, special:].transpose(1, 2).unflatten(2, self.grid)
        if config.pool == "bands":
            features = over_time(patches)
        else:
            features = patches.mean(dim=(2, 3)) if config.pool == "mean" else tokens[:, :special].mean(dim=1)
        return Prediction(self.head(features), features, patches.square().mean(dim=1))


def interpolated(positions: Tensor, old: tuple[int, int], new: tuple[int, int]) -> Tensor:
    """Position embeddings ``[1, S + H·W, D]`` of grid ``old`` on grid ``new``, bicubic; S special tokens are kept."""
    special = positions.shape[1] - old[0] * old[1]
    grid = positions[:, special:].transpose(1, 2).unflatten(2, old)
    grid = grid if old == new else F.interpolate(grid, new, mode="bicubic", align_corners=False)
    return torch.cat([positions[:, :special], grid.flatten(2).transpose(1, 2)], dim=1)


def _resolved(library: Any, shape: tuple[int, int], config: ViTConfig) -> ViTConfig:
    """``config`` with every size: those given, those of the pretrained model, the front-end's defaults."""
    small = is_small(shape) and not config.pretrained
    if config.stem == "auto":
        cut = not small or config.patch or config.backbone == "ast" or config.input == "resized"
        config = replace(config, stem="patches" if cut else "convolutions")
    if config.pool == "auto":
        config = replace(config, pool="bands" if config.stem == "convolutions" else "token")
    sizes = {"width": 128, "layers": 6, "heads": 4} if small else {"width": 768, "layers": 12, "heads": 12}
    sizes["patch"] = 1 if config.stem == "convolutions" else 16
    stride = 0
    if config.pretrained and not (config.width and config.layers and config.heads and config.patch and config.stride):
        with _loading(config.pretrained):
            pretrained = library.AutoConfig.from_pretrained(**_source(config.pretrained))
        if pretrained.model_type != {"vit": "vit", "ast": "audio-spectrogram-transformer"}[config.backbone]:
            raise InputError(
                f"a model of type {pretrained.model_type!r}, not {config.backbone}",
                where=config.pretrained,
                hint="set backbone=ast for an AST, backbone=vit for a ViT",
            )
        patch, stride = int(pretrained.patch_size), int(getattr(pretrained, "time_stride", 0))
        heads, layers = int(pretrained.num_attention_heads), int(pretrained.num_hidden_layers)
        sizes = {"width": int(pretrained.hidden_size), "layers": layers, "heads": heads, "patch": patch}
    for name in (*sizes, "stride"):
        require(getattr(config, name) >= 0, name, getattr(config, name), "1 or more")
    sizes = {name: getattr(config, name) or value for name, value in sizes.items()}
    usual = 10 if config.backbone == "ast" and sizes["patch"] == 16 else sizes["patch"]
    return replace(config, **sizes, stride=config.stride or stride or usual)


def _stem(width: int) -> nn.Sequential:
    """From one channel to ``width``, each side of the grid divided by :data:`SHRINK`."""
    narrow = max(1, width // 4)
    return nn.Sequential(
        *(nn.Conv2d(1, narrow, 7, stride=2, padding=3, bias=False), SharedBatchNorm2d(narrow), nn.SiLU()),
        InvertedResidual(narrow, 2 * narrow, stride=2, fused=True),
        InvertedResidual(2 * narrow, width, stride=2, fused=True),
    )


def _backbone(library: Any, config: ViTConfig, size: tuple[int, int]) -> nn.Module:
    """A transformer with random weights."""
    common: dict[str, Any] = {
        "hidden_size": config.width,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "intermediate_size": 4 * config.width,
        "hidden_dropout_prob": config.dropout,
        "patch_size": config.patch,
    }
    if config.backbone == "ast":
        bands, frames = size
        strides = {"frequency_stride": config.stride, "time_stride": config.stride}
        return library.ASTModel(library.ASTConfig(num_mel_bins=bands, max_length=frames, **strides, **common))
    require(config.stride == config.patch, "stride", config.stride, f"{config.patch} (patch): a ViT's do not overlap")
    channels = config.width if config.stem == "convolutions" else 3 if config.input == "resized" else 1
    made = library.ViTConfig(image_size=size, num_channels=channels, **common)
    return library.ViTModel(made, add_pooling_layer=False)


def _layers(backbone: nn.Module) -> nn.ModuleList:
    """The blocks, which transformers 4 keeps one level deeper than 5."""
    layers = getattr(backbone, "layers", None)
    return layers if layers is not None else backbone.encoder.layer  # type: ignore[return-value, union-attr]


def _grid_of(pretrained: Any, backbone: str) -> tuple[int, int]:
    """Patches by height and width of a pretrained model."""
    patch = pretrained.patch_size
    if backbone == "ast":
        return (pretrained.num_mel_bins - patch) // pretrained.frequency_stride + 1, (
            pretrained.max_length - patch
        ) // pretrained.time_stride + 1
    side = pretrained.image_size if isinstance(pretrained.image_size, (list, tuple)) else (pretrained.image_size,) * 2
    return side[0] // patch, side[1] // patch


def _up(length: int, patch: int, stride: int) -> int:
    """The least length ≥ ``length`` that patches cover wholly."""
    return patch + max(0, -(-(length - patch) // stride)) * stride


def _source(text: str) -> dict[str, Any]:
    local = Path(text).expanduser().is_dir()
    if not local and (text.count("/") > 1 or text.startswith((".", "/", "~"))):
        raise InputError("no such folder", where=text, hint="check the path, or name a model of the Hub: USER/MODEL")
    folder = {"pretrained_model_name_or_path": str(Path(text).expanduser()), "local_files_only": True}
    return folder if local else {"pretrained_model_name_or_path": text}


class _loading:  # noqa: N801 - used as a function
    """Turn whatever the library raises into one line that names ``source``."""

    def __init__(self, source: str) -> None:
        self.source = source

    def __enter__(self) -> None:
        logging.getLogger("transformers").setLevel(logging.ERROR)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, (InputError, UsageError)):
            hint = "give a folder with config.json and model.safetensors, or fetch the model once: hf download NAME"
            raise InputError(f"cannot be loaded ({first_line(error)})", where=self.source, hint=hint) from error


def _transformers() -> Any:
    # Only weights are needed; without this, the library requests a conversion of the repository from an online service.
    os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")
    try:
        return import_module("transformers")
    except ImportError as error:
        raise MissingDependencyError(
            f"needs transformers ({error})", where="model vit", hint="pip install 'affetti[encoders]'"
        ) from error
