from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.conftest import music
from tests.material import present
from tests.tiny_encoders import RATE, make, transformers

from affetti.embedders import encoders
from affetti.embedders.encoders import WINDOW_SECONDS, encoder_embedder
from affetti.embedders.registry import make_embedder
from affetti.errors import InputError, MissingDependencyError, UsageError


def as_mert(folder: Path, **settings: Any) -> Path:
    """Rewrite a HuBERT as MERT is published: its own type, code to be run, a pickle of weights by their old names."""
    config = json.loads((folder / "config.json").read_text())
    code = {"AutoConfig": "configuration_MERT.MERTConfig", "AutoModel": "modeling_MERT.MERTModel"}
    config |= {"model_type": "mert_model", "auto_map": code, "attention_relax": -1.0, "sample_rate": RATE, **settings}
    (folder / "config.json").write_text(json.dumps(config))
    for name in ("configuration_MERT", "modeling_MERT"):
        (folder / f"{name}.py").write_text("raise SystemExit('code of a repository was run')")
    state = load_file(folder / "model.safetensors")
    old = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    for new, name in old.items():
        state = {key.replace(new, name): value for key, value in state.items()}
    state.pop("masked_spec_embed")
    torch.save(state, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    return folder


def sounds(count: int = 4, seconds: float = 2.3, rate: int = RATE) -> torch.Tensor:
    return torch.stack([torch.from_numpy(music(i, seconds, rate)) for i in range(count)])


def embed(folder: Path | str, sound: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return encoder_embedder(str(folder)).embed(sound)


@pytest.mark.parametrize(
    ("kind", "dimension"),
    [
        ("clap", 12),
        ("clap-fused", 12),
        ("hubert", 16),
        ("wav2vec2", 16),
        ("wavlm", 16),
        ("wav2vec2-bert", 16),
        ("ast", 16),
    ],
)
def test_the_embedding_of_a_clip_does_not_depend_on_batch_order_and_run(
    tmp_path: Path, kind: str, dimension: int
) -> None:
    made = encoder_embedder(str(make(kind, tmp_path / kind)))
    assert made.name == f"hf:{tmp_path / kind}"
    assert made.sample_rate == (16_000 if kind in ("wav2vec2-bert", "ast") else RATE)
    sound = sounds(rate=present(made.sample_rate))
    with torch.inference_mode():
        features = made.embed(sound)
        assert features.shape == (4, dimension)
        assert features.std(dim=0).max() > 1e-4
        np.random.seed(1)  # noqa: NPY002 - what CLAP's random crops would be drawn from
        torch.testing.assert_close(made.embed(sound[[2, 3, 1, 0]]), features[[2, 3, 1, 0]], rtol=0, atol=1e-4)
        torch.testing.assert_close(made.embed(sound[1:2]), features[1:2], rtol=0, atol=1e-4)
        assert made.embed(sound[:, :2_000]).shape == (4, dimension)


@pytest.mark.parametrize("layer", [None, 0, 1, 3])
def test_an_embedding_is_the_mean_over_time_of_a_layer(tmp_path: Path, layer: int | None) -> None:
    folder = make("hubert", tmp_path / "hubert")
    model = transformers.HubertModel.from_pretrained(folder).eval()
    sound = sounds(1)
    normal = (sound - sound.mean()) / sound.std(unbiased=False)
    with torch.inference_mode():
        states = model(normal, output_hidden_states=True)
    state = states.last_hidden_state if layer is None else states.hidden_states[layer]
    features = embed(folder if layer is None else f"{folder}#{layer}", sound)
    torch.testing.assert_close(features, state.mean(dim=1), rtol=1e-3, atol=1e-4)


def test_all_layers_lie_one_after_the_other(tmp_path: Path) -> None:
    folder, sound = make("hubert", tmp_path / "hubert"), sounds(2)
    made = encoder_embedder(f"{folder}#all")
    assert made.layers == 4
    assert made.version != encoder_embedder(str(folder)).version
    each = [embed(f"{folder}#{layer}", sound) for layer in range(4)]
    torch.testing.assert_close(embed(f"{folder}#all", sound), torch.cat(each, dim=1))
    single = encoder_embedder(f"{make('clap', tmp_path / 'clap')}#all")
    assert single.layers == 1


def test_ast_is_embedded_in_windows_of_its_own_length(tmp_path: Path) -> None:
    """64 frames of 10 ms; a longer clip is not cut, and a shorter one is padded."""
    folder = make("ast", tmp_path / "ast")
    window = 64 * 160
    sound = sounds(1, 2.0, 16_000)[:, : 2 * window]
    halves = [embed(folder, part) for part in sound.split(window, dim=1)]
    torch.testing.assert_close(embed(folder, sound), (halves[0] + halves[1]) / 2, rtol=1e-4, atol=1e-5)
    model = transformers.ASTModel.from_pretrained(folder).eval()
    extractor = transformers.ASTFeatureExtractor.from_pretrained(folder)
    given = extractor(sound[0, :window].numpy(), sampling_rate=16_000, return_tensors="pt")
    with torch.inference_mode():
        state = model(**given).last_hidden_state
    torch.testing.assert_close(halves[0], state.mean(dim=1), rtol=1e-4, atol=1e-5)
    assert embed(folder, sound[:, : window // 3]).isfinite().all()


def test_long_audio_is_embedded_in_windows(tmp_path: Path) -> None:
    folder = make("hubert", tmp_path / "hubert")
    sound = sounds(1, 2 * WINDOW_SECONDS)
    halves = [embed(folder, part) for part in sound.split(WINDOW_SECONDS * RATE, dim=1)]
    torch.testing.assert_close(embed(folder, sound), (halves[0] + halves[1]) / 2, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["clap", "clap-fused"])
def test_claps_embedding_is_its_own_for_a_window_and_their_mean_beyond(tmp_path: Path, kind: str) -> None:
    folder = make(kind, tmp_path / "clap")
    model = transformers.ClapModel.from_pretrained(folder).eval()
    extractor = transformers.ClapFeatureExtractor.from_pretrained(folder)
    windows = sounds(1, 2.0).split(RATE, dim=1)
    expected: list[torch.Tensor] = []
    for window in windows:
        given = extractor(window[0].numpy(), sampling_rate=RATE, return_tensors="pt")["input_features"].float()
        with torch.inference_mode():
            pooled = model.audio_model(given, is_longer=torch.tensor([[False]])).pooler_output
            projected = model.audio_projection(pooled)
        expected.append(projected / projected.norm())
        torch.testing.assert_close(embed(folder, window), expected[-1], rtol=1e-4, atol=1e-5)
    both = embed(folder, torch.cat(windows, dim=1))
    torch.testing.assert_close(both, (expected[0] + expected[1]) / 2, rtol=1e-4, atol=1e-5)
    short = windows[0][:, : RATE // 2]
    torch.testing.assert_close(embed(folder, short), embed(folder, short.repeat(1, 2)), rtol=1e-4, atol=1e-5)


def test_mert_is_loaded_as_hubert_and_its_code_is_not_run(tmp_path: Path) -> None:
    expected = embed(make("hubert", tmp_path / "mert"), sounds())
    as_mert(tmp_path / "mert")
    torch.testing.assert_close(embed(tmp_path / "mert", sounds()), expected)


def test_the_version_depends_on_weights_layer_and_windowing(tmp_path: Path) -> None:
    folder = make("hubert", tmp_path / "a")
    known = [encoder_embedder(str(folder)).version, encoder_embedder(f"{folder}#1").version]
    known.append(encoder_embedder(str(make("hubert", tmp_path / "b", seed=1))).version)
    shutil.copytree(folder, tmp_path / "moved")
    assert encoder_embedder(str(tmp_path / "moved")).version == known[0]
    settings = json.loads((folder / "preprocessor_config.json").read_text())
    (folder / "preprocessor_config.json").write_text(json.dumps({**settings, "do_normalize": False}))
    known.append(encoder_embedder(str(folder)).version)
    assert len(set(known)) == 4


def setting(name: str, value: object) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, name: value}))

    return change


def weight(name: str, value: torch.Tensor | None) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        state = load_file(folder / "model.safetensors")
        state.pop(name)
        state |= {} if value is None else {name: value}
        save_file(state, folder / "model.safetensors", {"format": "pt"})

    return change


def cut(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])


class Harm:
    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (os.environ["HARM"],)


def harmful(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({"a": Harm()}, folder / "pytorch_model.bin")


BIAS = "encoder.layers.0.attention.k_proj.bias"


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (setting("model_type", "bert"), "a model of type 'bert'. Give one of clap, hubert"),
        (setting("hidden_size", 32), "cannot be loaded"),
        (setting("hidden_size", "wide"), "cannot be loaded"),
        (lambda folder: as_mert(folder, feature_extractor_cqt=True), "a MERT with feature_extractor_cqt, which needs"),
        (lambda folder: as_mert(folder, deepnorm=True), "a MERT with deepnorm, which needs code of its own"),
        (weight(BIAS, None), f"lacks the weights '{BIAS}'"),
        (weight(BIAS, torch.full((16,), torch.nan)), f"'{BIAS}' holds values that are not numbers"),
        (weight(BIAS, torch.zeros(8)), "cannot be loaded"),
        (cut, "cannot be loaded"),
        (harmful, "cannot be loaded"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be loaded"),
        (lambda folder: (folder / "config.json").write_text("[]"), "cannot be loaded"),
        (lambda folder: (folder / "config.json").unlink(), "no config.json that says what model it is"),
        (lambda folder: (folder / "model.safetensors").unlink(), "cannot be loaded"),
        (lambda folder: (folder / "preprocessor_config.json").unlink(), "cannot be loaded"),
    ],
)
def test_an_invalid_encoder_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], object], says: str
) -> None:
    monkeypatch.setenv("HARM", str(tmp_path / "harmed"))
    folder = make("hubert", tmp_path / "model")
    spoil(folder)
    with pytest.raises(InputError) as caught:
        encoder_embedder(str(folder))
    assert says in str(caught.value)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    assert not (tmp_path / "harmed").exists()


def test_a_layer_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no layer 4\. Choose from 0 to 3"):
        encoder_embedder(f"{make('hubert', tmp_path / 'hubert')}#4")
    with pytest.raises(UsageError, match="there is no layer 0"):
        encoder_embedder(f"{make('clap', tmp_path / 'clap')}#0")


def test_a_missing_path_is_not_searched_on_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(*_arguments: object, **_settings: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(transformers.PretrainedConfig, "get_config_dict", ask)
    with pytest.raises(InputError, match="no such folder"):
        make_embedder("hf:./nowhere")
    for name in (str(tmp_path / "nowhere"), "./nowhere", "~/nowhere", "a/b/c", "user/ model"):
        with pytest.raises(InputError, match="no such folder"):
            encoder_embedder(name)


def test_a_name_is_requested_from_the_hub_and_a_failure_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    requested: list[str] = []

    def ask(name: str, **_settings: object) -> None:
        requested.append(name)
        raise OSError("We couldn't connect to the Hub.\nCheck your internet connection.")

    monkeypatch.setattr(transformers.PretrainedConfig, "get_config_dict", ask)
    with pytest.raises(InputError, match=r"laion/clap: cannot be loaded \(We couldn't connect") as caught:
        encoder_embedder("laion/clap")
    assert requested == ["laion/clap"]
    with pytest.raises(InputError):
        encoder_embedder("mert#all")
    assert requested[1:] == ["m-a-p/MERT-v1-95M"], "a short name"
    assert "hf download" in str(caught.value)


def test_the_library_is_imported_only_when_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(encoders, "import_module", absent)
    with pytest.raises(MissingDependencyError, match=r"needs transformers .* Pip install 'affetti\[encoders\]'"):
        encoder_embedder(str(tmp_path))


def test_the_librarys_log_level_is_restored(tmp_path: Path) -> None:
    logging = transformers.utils.logging
    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    encoder_embedder(str(make("hubert", tmp_path / "hubert")))
    with pytest.raises(InputError):
        encoder_embedder(str(tmp_path / "nowhere"))
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before
