from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tests.conftest import music
from tests.embedders.sets import made_up

from affetti.compose.renderer import render_midi
from affetti.embedders import taggers, weights
from affetti.embedders.taggers import SAMPLE_RATE, TAGGERS, Tagger
from affetti.errors import AffettiError, InputError
from affetti.signal import audio


def published(data: Path, name: str) -> Path:
    return data / f"open/encoder_weights/mtat_{name}.safetensors"


def recording(data: Path, name: str) -> torch.Tensor:
    (path,) = (data / "open/librosa_audio").glob(f"{name}*.ogg")
    return audio.load(path, SAMPLE_RATE)[None]


@pytest.fixture
def named(data: Path) -> Callable[[Tagger, torch.Tensor], dict[str, float]]:
    names = taggers.tag_names(data / "open/encoder_weights/mtat_tags.npy")
    return lambda tagger, sound: dict(zip(names.tolist(), tagger.tags(sound)[0].tolist(), strict=True))


Named = Callable[[Tagger, torch.Tensor], dict[str, float]]


def test_fcn_names_a_string_orchestra(data: Path, named: Named) -> None:
    tagger = taggers.load_tagger("fcn", published(data, "fcn"))
    brahms = recording(data, "Hungarian_Dance")
    first = named(tagger, brahms[:, : tagger.samples])
    assert first["classical"] == pytest.approx(0.62, abs=0.01)  # both measured by whoever published the facts
    assert first["strings"] == pytest.approx(0.41, abs=0.01)
    whole = named(tagger, brahms)
    assert sorted(whole, key=lambda tag: whole[tag])[-3:] == ["violin", "strings", "classical"]


def test_musicnn_names_strings_the_piano_drums_and_the_voice(data: Path, named: Named) -> None:
    tagger = taggers.load_tagger("musicnn", published(data, "musicnn"))
    brahms, jazz, speech = (named(tagger, recording(data, name)) for name in ("Hungarian", "Kevin", "198-209"))
    assert sorted(brahms, key=lambda tag: brahms[tag])[-3:] == ["violin", "strings", "classical"]
    assert max(jazz, key=lambda tag: jazz[tag]) == "drums"
    assert speech["vocal"] + speech["voice"] > 3 * max(it["vocal"] + it["voice"] for it in (brahms, jazz))
    probabilities: list[float] = []
    for path in sorted((data / "research/VGMIDI/labelled/midi").glob("*.mid"))[:4]:
        sound = torch.from_numpy(render_midi(path, SAMPLE_RATE)[: 15 * SAMPLE_RATE])[None]
        tags = named(tagger, sound)
        assert max(tags, key=lambda tag: tags[tag]) == "piano"
        probabilities.append(tags["piano"])
    assert np.mean(probabilities) > 0.77


@pytest.mark.parametrize("name", TAGGERS)
def test_the_published_front_end_is_librosas(data: Path, name: str) -> None:
    tagger = taggers.load_tagger(name, published(data, name))
    fb = librosa.filters.mel(sr=SAMPLE_RATE, n_fft=512, n_mels=96, htk=True, norm=None)
    np.testing.assert_allclose(tagger.get_buffer("spec.mel_scale.fb").numpy(), fb.T, atol=1e-4)
    np.testing.assert_allclose(tagger.get_buffer("spec.spectrogram.window").numpy(), np.hanning(513)[:-1], atol=1e-6)


@pytest.mark.parametrize("name", TAGGERS)
def test_log_mels_are_those_of_librosa(name: str) -> None:
    tagger = made_up(name)
    sound = music(3, 3.0, SAMPLE_RATE)
    result = tagger.log_mel(torch.from_numpy(sound)[None])[0, 0].detach()
    power = librosa.feature.melspectrogram(
        y=sound, sr=SAMPLE_RATE, n_fft=512, hop_length=256, n_mels=96, htk=True, norm=None, pad_mode="reflect"
    )
    expected = 10 * np.log10(np.maximum(power, 1e-10)) / np.sqrt(1 + 1e-5)  # an untrained batch norm: variance 1
    np.testing.assert_allclose(result.numpy(), expected, atol=1e-2)


@pytest.mark.parametrize(("name", "dimension"), [("fcn", 64), ("musicnn", 200)])
def test_the_embedding_of_a_clip_does_not_depend_on_batch_and_order(tmp_path: Path, name: str, dimension: int) -> None:
    save_file(made_up(name).state_dict(), tmp_path / "w.safetensors")
    embedder = taggers.tagger_embedder(name, str(tmp_path / "w.safetensors"))
    assert (embedder.name, embedder.sample_rate, embedder.standardise) == (name, 16_000, False)
    sounds = torch.stack([torch.from_numpy(music(i, 5.9, SAMPLE_RATE)) for i in range(3)])
    with torch.inference_mode():
        features = embedder.embed(sounds)
        assert features.shape == (3, dimension)
        assert features.std(dim=0).max() > 1e-3
        torch.testing.assert_close(embedder.embed(sounds[[2, 0, 1]]), features[[2, 0, 1]], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(embedder.embed(sounds[1:2]), features[1:2], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", TAGGERS)
def test_the_tags_are_computed_from_the_embedding(name: str) -> None:
    tagger = made_up(name)
    sound = torch.from_numpy(music(1, tagger.samples / SAMPLE_RATE, SAMPLE_RATE))[None]
    last = tagger.get_submodule("dense" if isinstance(tagger, taggers.Fcn) else "dense2")
    expected = torch.sigmoid(tagger(sound) @ last.get_parameter("weight").T + last.get_parameter("bias"))
    torch.testing.assert_close(tagger.tags(sound), expected.detach())
    loud = tagger.tags(torch.cat([sound, sound], dim=1))
    torch.testing.assert_close(loud, tagger.tags(sound))


def test_the_same_weights_have_the_same_version(tmp_path: Path) -> None:
    state = made_up("musicnn").state_dict()
    save_file(state, tmp_path / "w.safetensors")
    torch.save(state, tmp_path / "w.pth")
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(tmp_path / "w.pth", tmp_path / "elsewhere/best_model.pth")
    files = ("w.safetensors", "w.pth", "elsewhere/best_model.pth")
    versions = {taggers.tagger_embedder("musicnn", str(tmp_path / file)).version for file in files}
    assert len(versions) == 1
    torch.save(made_up("musicnn", 1).state_dict(), tmp_path / "other.pth")
    assert taggers.tagger_embedder("musicnn", str(tmp_path / "other.pth")).version not in versions


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    torch.save(made_up("fcn").state_dict(), tmp_path / "fcn.pth")
    less = {key: value for key, value in made_up("musicnn").state_dict().items() if key != "dense2.bias"}
    torch.save(less, tmp_path / "less.pth")
    torch.save({**made_up("musicnn").state_dict(), "bn.weight": torch.ones(100)}, tmp_path / "shape.pth")
    for name in ("fcn", "less", "shape"):
        with pytest.raises(InputError, match=r"not the weights of musicnn\. Give those of") as caught:
            taggers.load_tagger("musicnn", tmp_path / f"{name}.pth")
        assert "\n" not in str(caught.value)


def test_invalid_tables_of_tag_names_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "few.npy", np.array(["piano"]))
    np.save(tmp_path / "objects.npy", np.array(["piano"] * 50, dtype=object))
    np.save(tmp_path / "numbers.npy", np.zeros(50))
    for name, says in (
        ("few", "not 50 names"),
        ("numbers", "not 50 names"),
        ("objects", "not a NumPy"),
        ("no", "no such file"),
    ):
        with pytest.raises(AffettiError, match=says):
            taggers.tag_names(tmp_path / f"{name}.npy")


def test_the_published_weights_are_the_ones_that_were_checked(data: Path) -> None:
    known = {name: weights.fingerprint(weights.read_weights(published(data, name))) for name in TAGGERS}
    assert known == {"fcn": "458798d4d441", "musicnn": "e4d68e50f4a1"}
