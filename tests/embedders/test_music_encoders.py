from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.conftest import music
from tests.tiny_encoders import transformers
from torch import Tensor, nn

from affetti.embedders import music_encoders
from affetti.embedders.base import FunctionEmbedder
from affetti.embedders.encoders import WINDOW_SECONDS
from affetti.embedders.music_encoders import FILES, MUQ_RATE
from affetti.embedders.registry import make_embedder
from affetti.errors import AffettiError, InputError, MissingDependencyError, UsageError

PyTorchModelHubMixin: Any = pytest.importorskip("huggingface_hub").PyTorchModelHubMixin
RATES = {"muq": MUQ_RATE, "omar-rq": 16_000}
WIDTH, DEPTH, HOP = 8, 3, 400


class Layers(nn.Module):
    """Frames of 400 samples through three layers."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(DEPTH))

    def states(self, embedded: Tensor) -> list[Tensor]:
        states = [embedded]
        for layer in self.layers:
            states.append(torch.tanh(layer(states[-1])))
        return states


class StandInMuQ(nn.Module, PyTorchModelHubMixin):  # type: ignore[misc]
    """The interface of ``muq.MuQ``: loaded by the Hub's mixin; the states of all layers, the input of the first too."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.embedding, self.net = nn.Linear(HOP, width), Layers()

    def forward(self, x: Tensor, output_hidden_states: bool = True) -> Any:
        states = self.net.states(self.embedding(x.unfold(1, HOP, HOP)))
        return SimpleNamespace(hidden_states=tuple(states) if output_hidden_states else None)


class StandInOmar(nn.Module):
    """The interface of the modules of ``omar_rq``."""

    def __init__(self, sr: int) -> None:
        super().__init__()
        self.sr, self.net, self.embedding_layer = sr, Layers(), nn.Linear(HOP, WIDTH)
        self.linear = nn.Linear(WIDTH, 4)  # of its training alone, which checkpoints lack

    def extract_embeddings(self, audio: Tensor, layers: set[int] | None = None) -> Tensor:
        states = self.net.states(self.embedding_layer(audio.unfold(1, HOP, HOP)))[1:]
        return torch.stack([states[layer] for layer in sorted(layers or {-1})])


def get_model(*, config_file: Path, load_weights: bool = True, **_settings: Any) -> StandInOmar:
    """As of ``omar_rq``: with ``load_weights`` it would read a pickle itself."""
    assert not load_weights
    return StandInOmar(int(config_file.read_text().split("=")[1]))


@pytest.fixture(autouse=True)
def packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-ins for packages that want torchaudio, and a version of ``transformers`` that they work with."""
    for name, values in {"muq": {"MuQ": StandInMuQ}, "omar_rq": {"get_model": get_model}}.items():
        module = ModuleType(name)
        module.__dict__.update(values)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(music_encoders, "version", lambda _name: "4.57.1")


def published(kind: str, folder: Path, seed: int = 0) -> Path:
    """A model as its files are published."""
    torch.manual_seed(seed)
    if kind == "muq":
        StandInMuQ().save_pretrained(folder)
        return folder
    folder.mkdir()
    (folder / "config.gin").write_text(f"MelSpectrogram.sr = {RATES[kind]}")
    state = StandInOmar(RATES[kind]).state_dict()
    torch.save({key: value for key, value in state.items() if not key.startswith("linear.")}, folder / "model.ckpt")
    return folder


def weights_of(kind: str, folder: Path) -> dict[str, Tensor]:
    path = folder / FILES[kind][1]
    return load_file(path) if kind == "muq" else torch.load(path, weights_only=True)


def put(kind: str, folder: Path, weights: dict[str, Tensor]) -> None:
    path = folder / FILES[kind][1]
    save_file(weights, path) if kind == "muq" else torch.save(weights, path)


def sounds(kind: str, count: int = 3, seconds: float = 1.3) -> Tensor:
    return torch.stack([torch.from_numpy(music(i, seconds, RATES[kind])) for i in range(count)])


def embed(made: FunctionEmbedder, sound: Tensor) -> Tensor:
    with torch.inference_mode():
        return made.embed(sound)


def embedder(text: str) -> FunctionEmbedder:
    made = make_embedder(text)
    assert isinstance(made, FunctionEmbedder)
    return made


@pytest.mark.parametrize("kind", RATES)
def test_an_embedding_is_the_mean_over_time_of_a_layer(kind: str, tmp_path: Path) -> None:
    folder, sound = published(kind, tmp_path / "model"), sounds(kind)
    state = weights_of(kind, folder)
    first = "embedding" if kind == "muq" else "embedding_layer"
    frames = sound.unfold(1, HOP, HOP) @ state[f"{first}.weight"].T + state[f"{first}.bias"]
    expected = [frames]
    for layer in range(DEPTH):
        weight, bias = state[f"net.layers.{layer}.weight"], state[f"net.layers.{layer}.bias"]
        expected.append(torch.tanh(expected[-1] @ weight.T + bias))
    means = [each.mean(dim=1) for each in (expected if kind == "muq" else expected[1:])]
    last = embedder(f"{kind}:{folder}")
    assert (last.name, last.sample_rate, last.layers) == (f"{kind}:{folder}", RATES[kind], 1)
    torch.testing.assert_close(embed(last, sound), means[-1], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(embed(embedder(f"{kind}:{folder}#1"), sound), means[1], rtol=1e-4, atol=1e-5)
    every = embedder(f"{kind}:{folder}#all")
    assert every.layers == len(means)
    torch.testing.assert_close(embed(every, sound), torch.cat(means, dim=1), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(embed(last, sound[[2]]), embed(last, sound)[[2]], rtol=1e-4, atol=1e-5)
    assert len({last.version, every.version, embedder(f"{kind}:{published(kind, tmp_path / 'b', 1)}").version}) == 3


def test_long_sound_is_embedded_in_windows(tmp_path: Path) -> None:
    made = embedder(f"omar-rq:{published('omar-rq', tmp_path / 'model')}")
    sound = sounds("omar-rq", 1, 2 * WINDOW_SECONDS)
    halves = [embed(made, part) for part in sound.split(WINDOW_SECONDS * RATES["omar-rq"], dim=1)]
    torch.testing.assert_close(embed(made, sound), (halves[0] + halves[1]) / 2, rtol=1e-4, atol=1e-5)


def without(name: str) -> Callable[[str, Path], None]:
    def spoil(kind: str, folder: Path) -> None:
        put(kind, folder, {key: value for key, value in weights_of(kind, folder).items() if key != name})

    return spoil


def not_numbers(kind: str, folder: Path) -> None:
    put(kind, folder, {key: value * torch.nan for key, value in weights_of(kind, folder).items()})


def cut(kind: str, folder: Path) -> None:
    path = folder / FILES[kind][1]
    path.write_bytes(path.read_bytes()[:200])


def no_settings(kind: str, folder: Path) -> None:
    (folder / FILES[kind][0]).write_text("no settings")


@pytest.mark.parametrize("kind", RATES)
@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (without("net.layers.1.bias"), "layers.1.bias'. It would run with random weights"),
        (not_numbers, "holds values that are not numbers"),
        (cut, "cut short, or holds more than tensors"),
        (no_settings, "cannot be loaded"),
        (lambda kind, folder: (folder / FILES[kind][1]).unlink(), "no such file"),
    ],
)
def test_a_broken_model_is_refused_in_one_line(
    kind: str, spoil: Callable[[str, Path], None], says: str, tmp_path: Path
) -> None:
    folder = published(kind, tmp_path / "model")
    spoil(kind, folder)
    with pytest.raises(InputError) as caught:
        make_embedder(f"{kind}:{folder}")
    assert says in str(caught.value)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", RATES)
def test_layers_and_folders_that_are_not_there_are_refused(kind: str, tmp_path: Path) -> None:
    folder = published(kind, tmp_path / "model")
    last = DEPTH if kind == "muq" else DEPTH - 1
    with pytest.raises(UsageError, match=rf"there is no layer 7\. Choose from 0 to {last}"):
        make_embedder(f"{kind}:{folder}#7")
    with pytest.raises(InputError, match=r"\./nowhere: no such folder"):
        make_embedder(f"{kind}:./nowhere")


def test_a_name_is_fetched_from_the_hub_its_two_files_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    folder = published("muq", tmp_path / "model")
    requested: list[Any] = []

    def fetch(name: str, *, allow_patterns: list[str]) -> str:
        requested.append((name, allow_patterns))
        if len(requested) > 1:
            raise OSError("We couldn't connect to the Hub.\nCheck your internet connection.")
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    assert embedder("muq:user/model#all").layers == DEPTH + 1
    assert requested == [("user/model", ["config.json", "model.safetensors"])]
    with pytest.raises(InputError, match=r"user/other: cannot be fetched \(We couldn't connect to the Hub") as caught:
        make_embedder("omar-rq:user/other")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", RATES)
def test_a_package_that_is_absent_is_named_with_the_command_that_installs_it(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = kind.replace("-", "_")
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingDependencyError) as caught:
        make_embedder(f"{kind}:{tmp_path}")
    assert f"needs {name}, which wants torchaudio (" in str(caught.value)
    assert f"Pip install 'affetti[{kind}]'" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_newer_transformers_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(music_encoders, "version", lambda _name: "5.24.0")
    with pytest.raises(MissingDependencyError, match=r"muq does not work with transformers 5\.24\.0"):
        make_embedder(f"muq:{tmp_path}")


def test_the_published_package_gives_what_its_model_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    muq: Any = pytest.importorskip("muq", reason="the package muq is not here: it wants torchaudio")
    conformer = transformers.Wav2Vec2ConformerConfig(
        num_attention_heads=2, intermediate_size=16, position_embeddings_type="rotary"
    )
    config = muq.MuQConfig(
        conv_dim=8,
        encoder_dim=16,
        encoder_depth=2,
        codebook_size=8,
        stat={"melspec_2048_mean": 6.0, "melspec_2048_std": 18.0},
        w2v2_config=json.loads(conformer.to_json_string()),
    )
    torch.manual_seed(0)
    model = muq.MuQ(config).eval()
    model.save_pretrained(tmp_path / "model")
    sound = sounds("muq", 2, 1.5)
    try:
        made = embedder(f"muq:{tmp_path / 'model'}#all")
    except AffettiError as error:
        pytest.skip(str(error))
    with torch.inference_mode():
        states = model(sound, output_hidden_states=True).hidden_states
    torch.testing.assert_close(embed(made, sound), torch.cat([state.mean(dim=1) for state in states], dim=1))
