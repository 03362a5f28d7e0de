from __future__ import annotations

import pytest
import torch

from affetti.errors import UsageError
from affetti.training.device import choose_device


def test_the_best_device_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_device("cpu") == "cpu"
    for there, best in ((False, "cpu"), (True, "cuda")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
        assert choose_device("auto") == best


def test_devices_that_are_not_here_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="--device: there is no cuda device here"):
        choose_device("cuda")
    with pytest.raises(UsageError, match="--device: unknown device 'gpu'"):
        choose_device("gpu")
