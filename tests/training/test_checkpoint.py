from __future__ import annotations

import errno
import logging
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from torch import nn

from affetti.errors import StorageError
from affetti.training import checkpoint


def worked(seed: int, steps: int, width: int = 3) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(seed)
    module = nn.Sequential(nn.Linear(width, 4), nn.BatchNorm1d(4))
    optimizer = torch.optim.AdamW(module.parameters(), 0.01, betas=(0.8, 0.99))
    for _ in range(steps):
        optimizer.zero_grad()
        module(torch.randn(8, width)).square().mean().backward()
        optimizer.step()
    return module, optimizer


def test_everything_is_restored_bit_for_bit(tmp_path: Path) -> None:
    module, optimizer = worked(0, 5)
    optimizer.param_groups[0]["lr"] = 0.1 / 3
    checkpoint.save(tmp_path, 5, {"m": module}, {"o": optimizer}, {"loss": [0.1, 1 / 3]})
    other, fresh = worked(1, 0)
    assert checkpoint.resume(tmp_path, {"m": other}, {"o": fresh}) == (5, {"loss": [0.1, 1 / 3]})
    for key, value in module.state_dict().items():
        assert torch.equal(other.state_dict()[key], value), key
    before, after = optimizer.state_dict(), fresh.state_dict()
    assert after["param_groups"][0]["lr"] == 0.1 / 3
    for number, slots in before["state"].items():
        for slot, value in slots.items():
            assert torch.equal(after["state"][number][slot], value), slot
    torch.manual_seed(2)
    batch = torch.randn(8, 3)
    for one, stepper in ((module, optimizer), (other, fresh)):
        stepper.zero_grad()
        one(batch).square().mean().backward()
        stepper.step()
    assert torch.equal(module.get_parameter("0.weight"), other.get_parameter("0.weight")), "the next step differs"


def test_the_same_state_makes_the_same_bytes(tmp_path: Path) -> None:
    files = [
        checkpoint.save(tmp_path / name, 3, {"m": module}, {"o": optimizer})
        for name, (module, optimizer) in (("a", worked(0, 3)), ("b", worked(0, 3)))
    ]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    module, optimizer = worked(0, 1)
    for step in (5, 10, 15, 100):
        checkpoint.save(tmp_path, step, {"m": module}, {"o": optimizer})
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "step-00000015.safetensors",
        "step-00000100.safetensors",
    ]


@pytest.mark.parametrize("left", [0, 5, 200, -1])
def test_a_truncated_one_is_skipped(tmp_path: Path, left: int, caplog: pytest.LogCaptureFixture) -> None:
    module, optimizer = worked(0, 1)
    checkpoint.save(tmp_path, 1, {"m": module}, {"o": optimizer})
    newest = checkpoint.save(tmp_path, 2, {"m": worked(3, 2)[0]}, {"o": optimizer})
    newest.write_bytes(newest.read_bytes()[:left])
    other, fresh = worked(1, 0)
    with caplog.at_level(logging.WARNING):
        assert checkpoint.resume(tmp_path, {"m": other}, {"o": fresh})[0] == 1
    assert "step-00000002.safetensors is cut short" in caplog.text
    assert torch.equal(other.get_parameter("0.weight"), module.get_parameter("0.weight"))


def test_without_a_complete_checkpoint_training_starts_again(tmp_path: Path) -> None:
    (tmp_path / "step-00000001.safetensors").write_bytes(b"nothing")
    module, optimizer = worked(0, 0)
    assert checkpoint.resume(tmp_path, {"m": module}, {"o": optimizer}) == (0, {})
    assert checkpoint.resume(tmp_path / "nowhere", {"m": module}, {"o": optimizer}) == (0, {})


def test_another_models_checkpoint_is_refused(tmp_path: Path) -> None:
    module, optimizer = worked(0, 1)
    path = checkpoint.save(tmp_path, 1, {"m": module}, {"o": optimizer})
    wide, fresh = worked(0, 0, width=5)
    with pytest.raises(StorageError, match="does not fit this model") as caught:
        checkpoint.resume(tmp_path, {"m": wide}, {"o": fresh})
    assert caught.value.where == str(path)


@pytest.mark.parametrize("raised", [OSError(errno.ENOSPC, "No space left on device"), SafetensorError("I/O error")])
def test_a_full_disk_leaves_no_partial_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: Exception) -> None:
    module, optimizer = worked(0, 1)
    first = checkpoint.save(tmp_path, 1, {"m": module}, {"o": optimizer})

    def full(_tensors: object, path: Path, _header: object) -> None:
        Path(path).write_bytes(b"half")
        raise raised

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(StorageError, match="disk"):
        checkpoint.save(tmp_path, 2, {"m": module}, {"o": optimizer})
    assert list(tmp_path.iterdir()) == [first]


def test_weights_without_read_permission_are_not_called_damaged(guarded: Path) -> None:
    path = guarded / "model.safetensors"
    checkpoint.write_tensors(path, {"w": torch.zeros(3)}, {})
    path.chmod(0)
    with pytest.raises(StorageError, match=r"model\.safetensors: cannot be read \(Permission denied\)"):
        checkpoint.read_tensors(path)


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\x00" * 64])
def test_invalid_safetensors_are_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "model.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StorageError, match=r"missing or cut short|cut short or not safetensors"):
        checkpoint.read_tensors(path)
