from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from affetti.compose.cues import (
    MELODIES,
    MODES,
    RANGES,
    TIMBRES,
    Cues,
    draw_cues,
    octaves,
    simulate_ratings,
    valence_arousal,
    vary,
)
from affetti.errors import InputError, UsageError

PLAIN = Cues("minor", 60.0, 2.0, 0.0, 0.5, "trumpet", "sad")


def test_label_equals_the_published_table_worked_by_hand() -> None:
    # V* = -5.178 + 60*.061 + 2*.135 - .5*.667 = -1.5815;  A* = -.854 - 60*.013 + 2*.416 - .5*.9 = -1.252
    assert valence_arousal(PLAIN) == pytest.approx((-1.5815 / 5, -1.252 / 5))
    # V* = -5.178 + 2.325 + 77*.061 + 4.4*.135 - 5*.046 - .25*.667 + .545 + .545 = 3.13125
    # A* = -.854 + 1.137 - 77*.013 + 4.4*.416 + 5*.055 - .25*.9 - .69 + .375 = .8474
    bright = Cues("major", 77.0, 4.4, 5.0, 0.25, "flute", "happy")
    assert valence_arousal(bright) == pytest.approx((3.13125 / 5, 0.8474 / 5))


@pytest.mark.parametrize(
    ("change", "valence", "arousal"),
    [
        ({"mode": "major"}, 2.325, 1.137),
        ({"register": 61.0}, 0.061, -0.013),
        ({"tempo": 3.0}, 0.135, 0.416),
        ({"level": 1.0}, -0.046, 0.055),
        ({"articulation": 1.0}, -0.667 / 2, -0.900 / 2),
        ({"timbre": "flute"}, 0.545, -0.690),
        ({"timbre": "horn"}, 0.103, 0.112),
        ({"timbre": "piano"}, 0.0, 0.0),
        ({"melody": "happy"}, 0.545, 0.375),
        ({"melody": "scary"}, -1.634, 1.514),
        ({"melody": "peaceful"}, -0.141, -0.107),
    ],
)
@pytest.mark.parametrize("base", [PLAIN, replace(PLAIN, register=75.0, level=-3.0)])
def test_each_cue_adds_its_own_weight_whatever_the_others(
    base: Cues, change: dict[str, object], valence: float, arousal: float
) -> None:
    if "register" in change:
        change = {"register": base.register + 1.0}
    if "level" in change:
        change = {"level": base.level + 1.0}
    step = np.subtract(valence_arousal(replace(base, **change)), valence_arousal(base))
    assert step == pytest.approx((valence / 5, arousal / 5))


def test_labels_of_all_extreme_combinations_lie_inside_the_plane_and_span_it() -> None:
    corners = cast("Iterable[tuple[Any, ...]]", itertools.product(MODES, *RANGES.values(), TIMBRES, MELODIES))
    labels = np.array([valence_arousal(Cues(*corner)) for corner in corners])
    assert np.abs(labels).max() < 1.0
    assert labels.min(axis=0) == pytest.approx((-4.54 / 5, -3.68 / 5), abs=0.01)
    assert labels.max(axis=0) == pytest.approx((4.40 / 5, 4.04 / 5), abs=0.01)


@pytest.mark.parametrize(
    "change", [{"register": 52.0}, {"tempo": float("nan")}, {"level": 11.0}, {"timbre": "kazoo"}, {"mode": "dorian"}]
)
def test_cues_outside_the_study_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(InputError, match=f"{next(iter(change.values()))}".removesuffix(".0")):
        replace(PLAIN, **change)


def test_drawn_cues_are_spread_and_independent() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_cues(rng) for _ in range(1500)]
    table = np.array(
        [
            [c.mode == "major", c.register, c.tempo, c.level, c.articulation, list(TIMBRES).index(c.timbre)]
            + [c.melody == name for name in MELODIES]
            for c in drawn
        ],
        dtype=float,
    )
    for column, name in enumerate(RANGES, start=1):
        low, high = RANGES[name]
        assert table[:, column].mean() == pytest.approx((low + high) / 2, abs=0.04 * (high - low))
    assert table[:, 0].mean() == pytest.approx(0.5, abs=0.05)
    assert {c.timbre for c in drawn} == set(TIMBRES)
    correlation = np.corrcoef(table[:, :7].T)
    assert np.abs(correlation - np.eye(7)).max() < 0.1


def test_variation_keeps_the_timbre_and_moves_the_tempo_by_octaves() -> None:
    rng = np.random.default_rng(1)
    varied = [(cues, vary(cues, rng)) for cues in (draw_cues(rng) for _ in range(600))]
    assert all(new.timbre == old.timbre for old, new in varied)
    assert all(np.log2(new.tempo / old.tempo) % 1.0 == 0.0 for old, new in varied)
    for name, chance in {"mode": 0.25, "register": 0.35, "tempo": 0.35, "level": 0.35, "articulation": 0.35}.items():
        changed = np.mean([getattr(old, name) != getattr(new, name) for old, new in varied])
        assert changed == pytest.approx(chance, abs=0.06), name


def test_the_draw_of_one_cue_does_not_depend_on_another() -> None:
    for seed in range(30):
        one = vary(PLAIN, np.random.default_rng(seed))
        other = vary(replace(PLAIN, mode="major", tempo=1.5, timbre="flute"), np.random.default_rng(seed))
        assert (one.level, one.register, one.articulation, one.melody) == (
            other.level,
            other.register,
            other.articulation,
            other.melody,
        )


@pytest.mark.parametrize(("tempo", "family"), [(1.2, [1.2, 2.4, 4.8]), (6.0, [1.5, 3.0, 6.0]), (2.0, [2.0, 4.0])])
def test_octaves_of_a_tempo(tempo: float, family: list[float]) -> None:
    assert octaves(tempo) == pytest.approx(family)


def test_a_panel_recovers_truth_and_spread() -> None:
    truth = np.tile([0.3, -0.4], (2000, 1))
    mean, std = simulate_ratings(truth, 8, 0.3, np.random.default_rng(2))
    assert mean.shape == std.shape == truth.shape
    assert mean.mean(axis=0) == pytest.approx([0.3, -0.4], abs=0.01)
    assert mean.std(axis=0) == pytest.approx([0.3 / 8**0.5] * 2, rel=0.08)
    assert np.square(std).mean(axis=0) == pytest.approx([0.09] * 2, rel=0.05)  # ddof 1: unbiased variance


def test_a_panel_of_one_pair_clips_its_mean() -> None:
    mean, std = simulate_ratings((0.99, -0.99), 3, 2.0, np.random.default_rng(3))
    assert mean.shape == std.shape == (2,)
    assert np.abs(mean).max() <= 1.0
    mean, std = simulate_ratings((0.2, 0.1), 2, 0.0, np.random.default_rng(3))
    assert mean == pytest.approx([0.2, 0.1])
    assert std == pytest.approx([0.0, 0.0])


def test_a_panel_needs_two_raters_and_finite_pairs() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(UsageError, match="1 raters"):
        simulate_ratings((0.0, 0.0), 1, 0.1, rng)
    with pytest.raises(InputError, match="shape"):
        simulate_ratings([0.0, 0.0, 0.0], 4, 0.1, rng)
    with pytest.raises(InputError, match="finite"):
        simulate_ratings([0.0, float("nan")], 4, 0.1, rng)
