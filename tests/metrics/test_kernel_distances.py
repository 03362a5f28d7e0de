from __future__ import annotations

import numpy as np
import pytest
from tests.material import present

from affetti.errors import InputError
from affetti.metrics import kernel, kernel_distance
from affetti.metrics.jackknife import song_blocks
from affetti.metrics.kernel_distances import bandwidth, mmd_statistic
from affetti.metrics.sample import Sample


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def test_the_value_is_the_kernel_distance_and_the_interval_covers_the_closed_form(rng):
    hits = 0
    for _ in range(60):
        x, y = rng.normal(size=(60, 4)), 0.5 + np.sqrt(1.5) * rng.normal(size=(70, 4))
        result = kernel(x, y)
        assert result.value == pytest.approx(kernel_distance(x, y))
        s = bandwidth(Sample.of(x, None, "x")) ** 2
        # E k = (σ²/(σ² + v))^{D/2} exp(−‖Δ‖²/2(σ² + v)) for a difference of mean Δ and variance v.
        same, other = (s / (s + 2)) ** 2, (s / (s + 3)) ** 2
        truth = same + other - 2 * (s / (s + 2.5)) ** 2 * np.exp(-1 / (2 * (s + 2.5)))
        hits += present(result.ci)[0] <= truth <= present(result.ci)[1]
    assert hits >= 52


def test_leaving_out_is_leaving_out(rng):
    song = np.arange(90) // 2  # some of the 30 blocks hold two songs
    x, y = (Sample.of(rng.normal(size=(90, 3)), song, "groups") for _ in range(2))
    sigma = bandwidth(x)
    blocks = [song_blocks(z, rng, "z") for z in (x, y)]
    result = mmd_statistic(x, y)(x, y, *blocks)

    def direct(a, b):
        return [np.exp(-((p[:, None] - q) ** 2).sum(axis=2) / (2 * sigma**2)) for p, q in ((a, a), (b, b), (a, b))]

    for g, block in enumerate(blocks[0]):
        keep = x.all_but(block)
        xx, yy, xy = direct(x.rows[keep], y.rows)
        apart, others = x.song[keep, None] != x.song[keep], y.song[:, None] != y.song
        assert result.without[0][g, 0] == pytest.approx(xx[apart].mean() + yy[others].mean() - 2 * xy.mean())


def test_its_floor_is_near_zero_and_songs_widen_the_interval(rng):
    song = np.repeat(np.arange(30), 5)
    x, y = (rng.normal(size=(30, 3))[song] + 0.1 * rng.normal(size=(150, 3)) for _ in range(2))
    by_song, by_row = kernel(x, y, (song, song)), kernel(x, y)
    assert np.ptp(present(by_song.ci)) > 1.5 * np.ptp(present(by_row.ci))
    assert abs(present(by_song.floor)) < 0.05
    assert by_song.value == pytest.approx(kernel_distance(x, y, (song, song)))


def test_a_large_reference_has_its_bandwidth_from_some_of_its_rows(rng, monkeypatch):
    x = Sample.of(rng.normal(size=(500, 3)), None, "x")
    whole = bandwidth(x)
    monkeypatch.setattr("affetti.metrics.kernel_distances.MAX_BANDWIDTH_ROWS", 100)
    assert bandwidth(x) == pytest.approx(whole, rel=0.05)


def test_two_songs_give_no_interval(rng):
    with pytest.raises(InputError, match="3 songs or more"):
        kernel(rng.normal(size=(10, 2)), rng.normal(size=(10, 2)), (np.arange(10) % 2, np.arange(10)))
