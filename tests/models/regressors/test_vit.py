from __future__ import annotations

import builtins
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from tests.material import mels
from torch import nn

from affetti.errors import InputError, MissingDependencyError, UsageError
from affetti.models.regressors.vit import IMAGENET, ViT, ViTConfig, interpolated

pytest.importorskip("transformers", reason="the optional package transformers is not installed")
SHAPE = (32, 60)
LEAN: dict[str, Any] = {"width": 16, "layers": 2, "heads": 2, "patch": 8}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small pretrained ViT, as save_pretrained writes it."""
    from transformers import ViTConfig as Config
    from transformers import ViTModel

    torch.manual_seed(1)
    config = Config(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        image_size=32,
        patch_size=8,
    )
    model = ViTModel(config, add_pooling_layer=False)
    model.save_pretrained(tmp_path_factory.mktemp("vit"))
    path = tmp_path_factory.mktemp("vit")
    model.save_pretrained(path)
    return path


def made(shape: tuple[int, int] = SHAPE, **settings: Any) -> ViT:
    torch.manual_seed(0)
    model = ViT(shape, ViTConfig(**(LEAN | settings)))
    model.normalise.fit(mels(8, shape))
    return model.eval()


@pytest.mark.parametrize("settings", [{}, {"backbone": "ast"}, {"pool": "mean"}, {"pool": "token"}])
def test_it_predicts_two_numbers_and_attention(settings: dict[str, Any]) -> None:
    model = made(**settings)
    prediction = model.predict_normalised(model.normalise(mels(3, SHAPE)))
    assert prediction.logits.shape == (3, 2)
    assert prediction.features.shape == (3, 16)
    assert prediction.map.shape == (3, *model.grid) == (3, 4, 8)
    emotion, half = model.predict(mels(3, SHAPE))
    assert (emotion.abs() <= 1).all()
    assert half.isnan().all()


def test_the_head_is_the_studys_at_full_size() -> None:
    with torch.device("meta"):
        model = ViT((128, 1292))
    assert [tuple(layer.weight.shape) for layer in model.head if isinstance(layer, nn.Linear)] == [
        *((512, 768), (128, 512), (2, 128))
    ]
    assert model.grid == (8, 81)
    assert 85e6 < sum(value.numel() for value in model.parameters()) < 88e6


def test_a_small_vit_begins_with_convolutions_and_pools_by_band() -> None:
    torch.manual_seed(0)
    model = ViT((64, 128)).eval()
    config = model.config
    assert (config.stem, config.pool, config.patch) == ("convolutions", "bands", 1)
    assert (config.width, config.layers, config.heads, model.grid) == (128, 6, 4, (8, 16))
    assert ViT((64, 128), config).config == config, "what a run files makes it again"
    x = torch.randn(2, 64, 128)
    prediction = model.predict_normalised(x)
    assert prediction.map.shape == (2, 8, 16)
    tokens = model.backbone(model.stem(x.unsqueeze(1))).last_hidden_state[:, 1:].reshape(2, 8, 16, 128)
    expected = torch.cat([tokens.mean(dim=2), tokens.std(dim=2, correction=0)], dim=2)  # [B, H, 2 D]
    torch.testing.assert_close(prediction.features.reshape(2, 256, 8), expected.transpose(1, 2), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(
    ("shape", "settings"),
    [((128, 256), {"width": 16, "layers": 1}), ((64, 128), {"patch": 16}), ((64, 128), {"input": "resized"})],
)
def test_naming_patches_selects_them(shape: tuple[int, int], settings: dict[str, Any]) -> None:
    config = made(shape, **({"patch": 0} | settings)).config
    assert (config.stem, config.pool, config.patch) == ("patches", "token", 16)


def test_convolutions_read_any_shape() -> None:
    model = made((30, 61), patch=0)
    assert model.grid == (4, 8), "30 / 8 and 61 / 8, upwards"
    assert model(mels(2, (30, 61))).shape == (2, 2)


def test_patches_of_an_ast_overlap() -> None:
    model = made((64, 128), backbone="ast", patch=16)
    assert model.config.stride == 10
    assert model.grid == (6, 13), "64 bands are filled up to 66, 128 frames to 136"


def test_a_resized_input_is_a_grey_picture_as_imagenet_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    model = made(input="resized", patch=56)
    seen: list[torch.Tensor] = []
    forward = model.backbone.forward
    monkeypatch.setattr(model.backbone, "forward", lambda x: seen.append(x) or forward(x))
    x = torch.full((1, *SHAPE), 2.0)  # two deviations above the mean: 2 / 8 + 0.5
    model.predict_normalised(x)
    assert seen[0].shape == (1, 3, 224, 224)
    for channel, (mean, deviation) in enumerate(zip(*IMAGENET, strict=True)):
        torch.testing.assert_close(seen[0][0, channel], torch.full((224, 224), (0.75 - mean) / deviation))


def test_positions_are_interpolated_and_the_class_token_stays() -> None:
    torch.manual_seed(0)
    positions = torch.randn(1, 1 + 16, 6)
    assert torch.equal(interpolated(positions, (4, 4), (4, 4)), positions)
    wider = interpolated(positions, (4, 4), (2, 8))
    assert torch.equal(wider[:, :1], positions[:, :1])
    grid = positions[:, 1:].reshape(1, 4, 4, 6).permute(0, 3, 1, 2)
    expected = F.interpolate(grid, (2, 8), mode="bicubic").permute(0, 2, 3, 1).reshape(1, 16, 6)
    torch.testing.assert_close(wider[:, 1:], expected)


def test_pretrained_weights_are_taken_when_training_begins(folder: Path) -> None:
    from transformers import ViTModel

    torch.manual_seed(0)
    model = ViT((32, 32), ViTConfig(pretrained=str(folder)))
    assert (model.config.width, model.config.layers, model.config.heads, model.config.patch) == (16, 2, 2, 8)
    before = model.backbone.state_dict()["layernorm.bias"].clone()
    model.fit_statistics(mels(8, (32, 32)), torch.zeros(8, 2))
    model.eval()
    theirs = ViTModel.from_pretrained(folder, add_pooling_layer=False).eval()
    x = model.normalise(mels(2, (32, 32)))
    expected = theirs(x.unsqueeze(1).repeat(1, 3, 1, 1)).last_hidden_state[:, 0]
    torch.testing.assert_close(model.predict_normalised(x).features, expected, atol=1e-5, rtol=1e-4)
    assert before.shape == (16,)


def test_a_trained_one_is_made_again_without_the_pretrained_files(folder: Path, tmp_path: Path) -> None:
    model = ViT(SHAPE, ViTConfig(pretrained=str(folder)))
    settings = model.config.__dict__ | {"pretrained": str(tmp_path / "gone")}
    again = ViT(SHAPE, ViTConfig(**settings))
    again.load_state_dict(model.state_dict())


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"width": 18, "heads": 4}, "width 18 is invalid"),
        ({"width": -8}, "width -8 is invalid"),
        ({"dropout": 1.0}, "dropout 1 is invalid"),
        ({"stride": 4}, "stride 4 is invalid.*do not overlap"),
        ({"stride": 9, "backbone": "ast"}, "stride 9 is invalid"),
        ({"backbone": "ast", "input": "resized"}, "an AST takes no pictures"),
        ({"backbone": "ast", "stem": "convolutions"}, "before a ViT of random weights"),
        ({"input": "resized", "stem": "convolutions"}, "before a ViT of random weights"),
    ],
)
def test_invalid_settings_are_refused_with_the_reason(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        made(**settings)


def test_models_that_cannot_be_read_are_refused(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        ViT(SHAPE, ViTConfig(pretrained=str(tmp_path / "nowhere")))
    with pytest.raises(InputError, match="cannot be loaded"):
        ViT(SHAPE, ViTConfig(pretrained=str(tmp_path)))
    with pytest.raises(InputError, match="a model of type 'vit', not ast"):
        ViT(SHAPE, ViTConfig(pretrained=str(folder), backbone="ast"))
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    model = ViT(SHAPE, ViTConfig(pretrained=str(tmp_path)))
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04}.")
    with pytest.raises(InputError, match="cannot be loaded"):
        model.load_pretrained()
    assert json.loads((folder / "config.json").read_text())["hidden_size"] == 16


def test_without_transformers_one_line_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingDependencyError, match=r"affetti\[encoders\]"):
        ViT(SHAPE, ViTConfig(**LEAN))
    assert builtins.__import__ is not None
