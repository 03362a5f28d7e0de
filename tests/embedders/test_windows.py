from __future__ import annotations

import pytest
import torch

from affetti.embedders.windows import BATCH_WINDOWS, cut_windows, mean_over_windows


@pytest.mark.parametrize(("samples", "count"), [(10, 1), (11, 2), (20, 2), (21, 3), (59, 6)])
def test_every_sample_is_covered_by_the_fewest_windows(samples: int, count: int) -> None:
    windows = cut_windows(torch.arange(samples)[None], 10)
    assert windows.shape == (1, count, 10)
    assert windows.unique().tolist() == list(range(samples))
    assert (windows.diff(dim=2) == 1).all()


@pytest.mark.parametrize(("samples", "window"), [(4, "0123012301"), (1, "0000000000"), (9, "0123456780")])
def test_a_clip_shorter_than_a_window_is_repeated(samples: int, window: str) -> None:
    assert "".join(map(str, cut_windows(torch.arange(samples)[None], 10)[0, 0].tolist())) == window


def test_a_clip_is_the_mean_of_its_windows_whatever_else_is_in_the_batch() -> None:
    sound = torch.randn(5, 83, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    given: list[int] = []

    def network(part: torch.Tensor) -> torch.Tensor:
        given.append(len(part))
        return torch.stack([part.square().sum(dim=1), part[:, 0]], dim=1)

    result = mean_over_windows(network, sound, 10)
    assert max(given) <= BATCH_WINDOWS
    starts = [round(i * 73 / 8) for i in range(9)]
    for clip, vector in zip(sound, result, strict=True):
        parts = [clip[start : start + 10] for start in starts]
        expected = [sum(float(part.square().sum()) for part in parts) / 9, sum(float(part[0]) for part in parts) / 9]
        torch.testing.assert_close(vector, torch.tensor(expected, dtype=torch.float64))
        torch.testing.assert_close(mean_over_windows(network, clip[None], 10)[0], vector)
