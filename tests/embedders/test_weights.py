from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from affetti.embedders.weights import fingerprint, read_weights
from affetti.errors import InputError

WEIGHTS = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.count": torch.tensor(7)}


class Harm:
    """What a pickle can hold: a call."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (os.environ["HARM"],)


def test_one_set_of_weights_is_the_same_from_either_kind_of_file(tmp_path: Path) -> None:
    save_file(WEIGHTS, tmp_path / "w.safetensors")
    torch.save(WEIGHTS, tmp_path / "w.pth")
    torch.save(WEIGHTS, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    for name in ("w.safetensors", "w.pth", "old.pt"):
        weights = read_weights(tmp_path / name)
        assert set(weights) == set(WEIGHTS)
        assert all(torch.equal(weights[key], value) for key, value in WEIGHTS.items())
        assert fingerprint(weights) == fingerprint(WEIGHTS)


def test_a_fingerprint_depends_on_values_names_shapes_types_and_settings() -> None:
    weights = torch.arange(4.0)
    changed = weights.clone()
    changed[2] += 1e-6
    known = [
        fingerprint({"a": weights}),
        fingerprint({"a": weights}, 1),
        fingerprint({"b": weights}),
        fingerprint({"a": changed}),
        fingerprint({"a": weights.reshape(2, 2)}),
        fingerprint({"a": weights.double()}),
        fingerprint({"a": weights, "b": torch.tensor(1)}),
    ]
    assert len(set(known)) == len(known)
    assert fingerprint({"a": weights, "b": changed}) == fingerprint({"b": changed, "a": weights})
    assert fingerprint({"a": weights.reshape(2, 2).T}) == fingerprint({"a": weights.reshape(2, 2).T.contiguous()})


def test_no_code_of_a_pickle_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARM", str(tmp_path / "harmed"))
    torch.save({"a": Harm()}, tmp_path / "zip.pth")
    torch.save({"a": Harm()}, tmp_path / "legacy.pth", _use_new_zipfile_serialization=False)
    (tmp_path / "plain.pth").write_bytes(pickle.dumps({"a": Harm()}))
    for name in ("zip", "legacy", "plain"):
        with pytest.raises(InputError, match="or holds more than tensors"):
            read_weights(tmp_path / f"{name}.pth")
    assert not (tmp_path / "harmed").exists()
    with (tmp_path / "plain.pth").open("rb") as file:
        pickle.load(file)  # noqa: S301 - the harm is real
    assert (tmp_path / "harmed").is_dir()


def nothing(path: Path) -> None:
    """Write no file."""


@pytest.mark.parametrize(
    ("name", "write", "says"),
    [
        ("w.pth", nothing, "no such file"),
        ("w.npy", lambda path: path.write_bytes(b"x"), r"weights of a type '\.npy'"),
        ("w.pth", lambda path: path.write_bytes(b""), "cut short, or holds more than tensors"),
        ("w.pth", lambda path: path.write_text("no weights at all"), "cut short|more than tensors"),
        ("w.safetensors", lambda path: path.write_bytes(b""), "cut short, or holds more than tensors"),
        ("w.safetensors", lambda path: path.write_text("no weights at all"), "cut short, or holds more than tensors"),
        ("w.pth", lambda path: torch.save({"state_dict": WEIGHTS}, path), "not a plain state dict"),
        ("w.pth", lambda path: torch.save(torch.zeros(3), path), "not a plain state dict"),
        ("w.pth", lambda path: torch.save({"a": torch.tensor([1, torch.nan])}, path), "'a' holds values that are not"),
        ("w.safetensors", lambda path: save_file({"a": torch.tensor([torch.inf])}, path), "'a' holds values that are"),
    ],
)
def test_an_invalid_file_of_weights_is_refused_in_one_line(
    tmp_path: Path, name: str, write: Callable[[Path], object], says: str
) -> None:
    write(tmp_path / name)
    with pytest.raises(InputError, match=says) as caught:
        read_weights(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth", "old.pth"])
def test_a_file_cut_short_anywhere_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "w.safetensors":
        save_file(WEIGHTS, path)
    else:
        torch.save(WEIGHTS, path, _use_new_zipfile_serialization=name == "w.pth")
    whole = path.read_bytes()
    for size in range(0, len(whole) - 1, max(1, len(whole) // 150)):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError):
            read_weights(path)
