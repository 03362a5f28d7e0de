from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_up import MADE_UP, track

from affetti.corpus.audit import CHECKS, against_dynamic, audit, axes, disagreement, out_of_range
from affetti.corpus.joining import union
from affetti.corpus.track import Check, Labels, Source

MakeSource = Callable[..., Source]


def source(labels: Sequence[Labels], scale: str = "1..9", **changes: Any) -> Source:
    tracks = [track(i, labels=it) for i, it in enumerate(labels)]
    return Source(replace(MADE_UP, scale=scale), tracks, **changes)


def panel(count: int = 60, spread: float = 1.6, low: float = 2.0, high: float = 8.0) -> list[Labels]:
    means = np.random.default_rng(0).uniform(low, high, (count, 2))
    return [Labels.on("1..9", float(v), float(a), spread, spread, 10) for v, a in means]


def verdicts(made: Source) -> dict[str, tuple[str, int]]:
    return {check.check: (check.verdict, check.n) for check in audit(made, 1.0)}


def test_a_correct_table_passes_every_check() -> None:
    checks = verdicts(source(panel()))
    assert list(checks) == list(CHECKS)
    assert {name for name, (verdict, _) in checks.items() if verdict == "suspect"} == set()
    assert checks["scale_mismatch"] == checks["raters_too_few"] == checks["out_of_range"] == ("fine", 0)
    # Checks that labels alone do not allow are listed as such.
    for name in ("axes_swapped", "static_against_dynamic", "near_duplicate_audio", "songs_shared"):
        assert checks[name] == ("not checkable", 60)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (panel(spread=0.16), r"spread is 2\.0% of the scale 1\.\.9: it is on another scale"),
        (panel(low=1.0, high=2.0), r"labels fill 12% of the scale 1\.\.9"),
        ([*panel(59), Labels.on("1..9", 8.9, 5.0, 3.0, 1.0, 10)], "1 songs have a spread that is impossible"),
    ],
)
def test_values_of_another_scale_are_suspect(labels: list[Labels], says: str) -> None:
    check = next(check for check in audit(source(labels), 1.0) if check.check == "scale_mismatch")
    assert check.verdict == "suspect"
    assert re.search(says, check.detail)


def test_the_widest_spread_that_a_panel_can_have_is_not_suspect() -> None:
    # Ten raters, half at either end: mean 5, sample standard deviation 4·√(10/9).
    ratings = np.array([1.0] * 5 + [9.0] * 5)
    labels = [*panel(59), Labels.on("1..9", 5.0, 5.0, float(ratings.std(ddof=1)), 1.0, 10)]
    assert verdicts(source(labels))["scale_mismatch"] == ("fine", 0)


def test_suspect_labels_are_counted_by_song() -> None:
    labels = [Labels(1.0, 0.5, 0.0, 0.0, 3), Labels(-1.0, 0.5, 0.0, 0.0, 9), *[Labels(0.5, 0.5, 0.2, 0.2, 9)] * 3]
    made = source(labels, "-1..1")
    twice = replace(made, tracks=[*made.tracks, *(replace(t, track_id=f"{t.track_id}b") for t in made.tracks)])
    for result in (verdicts(made), verdicts(twice)):
        assert result["raters_too_few"] == ("suspect", 1)
        assert result["no_disagreement"] == ("suspect", 2)
        assert result["at_the_edge_of_the_scale"] == ("suspect", 2)
        assert result["empty_quadrant"] == ("suspect", 2)


def test_labels_without_sound_count_too(make_source: MakeSource) -> None:
    made = make_source(20)
    parted = replace(made, tracks=made.tracks[:3], absent=made.tracks[3:])
    assert audit(parted, 1.0) == audit(made, 1.0)


def test_the_result_of_a_loaders_check_replaces_the_general_one(make_source: MakeSource) -> None:
    reported = Check("axes_swapped", "corrected", 7, "seven")
    made = replace(make_source(20), checks=(reported,))
    assert verdicts(made)["axes_swapped"] == ("corrected", 7)
    assert list(verdicts(made)) == list(CHECKS)


def test_one_recording_under_two_numbers_is_detected_by_its_name() -> None:
    tracks = [track(0, artist="Abba", title="SOS"), track(1, artist=" abba", title="sos "), track(2, title="Z")]
    assert verdicts(Source(MADE_UP, tracks))["songs_shared"] == ("suspect", 1)
    again = [track(0, artist="Abba", title="SOS"), track(1, artist="Abba", title="SOS", song_id="s0")]
    assert verdicts(Source(MADE_UP, again))["songs_shared"] == ("fine", 0)


def correlated(count: int = 200) -> np.ndarray:
    rng = np.random.default_rng(1)
    shared = rng.normal(size=(count, 1))
    return 0.7 * shared + 0.7 * rng.normal(size=(count, 2))


def test_swapped_axes_are_distinguished_from_correct_ones_on_any_scale() -> None:
    truth = correlated()
    noisy = truth + np.random.default_rng(2).normal(0, 0.2, truth.shape)
    assert axes(truth, 5 + 4 * noisy).swapped is False
    assert axes(truth[:, ::-1], noisy).swapped is True
    result = axes(truth, noisy)
    expected = [np.corrcoef(truth[:, i], noisy[:, j])[0, 1] for i, j in ((0, 0), (1, 1), (0, 1), (1, 0))]
    assert result.straight == pytest.approx(np.mean(expected[:2]))
    assert result.crossed == pytest.approx(np.mean(expected[2:]))


def test_a_reference_without_evidence_is_reported_as_inconclusive() -> None:
    truth = correlated()
    noise = np.random.default_rng(3).normal(size=truth.shape)
    assert axes(truth, noise).swapped is None  # follows neither
    assert axes(truth, truth[:, [0, 0]]).swapped is None  # follows both alike
    assert axes(truth[:9], truth[:9]).swapped is None  # too few
    assert axes(truth, np.zeros_like(truth)).swapped is None  # constant
    gaps = truth.copy()
    gaps[5:] = np.nan
    assert axes(truth, gaps).n == 5


def test_a_label_far_from_its_ratings_over_time_is_counted() -> None:
    labels = np.array([[0.0, 0.0], [0.6, 0.0], [0.0, -0.6], [0.4, 0.4], [0.9, 0.9]])
    dynamic = np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [np.nan, np.nan]])
    check = against_dynamic(labels, dynamic)
    assert (check.verdict, check.n) == ("suspect", 2)
    assert check.detail.startswith("2 of 4 songs")
    assert against_dynamic(labels[:1], dynamic[:1]).verdict == "fine"
    assert against_dynamic(labels[4:], dynamic[4:]).verdict == "not checkable"


def test_labels_outside_the_scale_are_named() -> None:
    assert out_of_range([], "1..9").verdict == "fine"
    check = out_of_range(["song 7", "song 9"], "1..9")
    assert (check.verdict, check.n) == ("suspect", 2)
    assert "song 7" in check.detail


def test_disagreement_is_lins_concordance() -> None:
    x = correlated()
    y = 0.5 * x + 0.3
    for axis, result in enumerate(disagreement(x, y)):
        a, b = x[:, axis], y[:, axis]
        below = a.var() + b.var() + (a.mean() - b.mean()) ** 2
        assert result == pytest.approx(2 * np.cov(a, b, ddof=0)[0, 1] / below)
    assert disagreement(x, x) == pytest.approx((1.0, 1.0))


def test_a_union_is_audited_part_by_part_and_has_each_song_once(make_source: MakeSource) -> None:
    first, second = (replace(make_source(6), dataset=replace(MADE_UP, name=name)) for name in ("deam", "emomusic"))
    second = replace(second, tracks=[*second.tracks[:4], track(50), track(51)])
    joined = union([first, second])
    assert [t.track_id for t in joined.tracks] == [f"deam-t{i}" for i in range(6)] + ["emomusic-t50", "emomusic-t51"]
    assert {t.dataset for t in joined.tracks} == {"deam", "emomusic"}
    assert joined.refused == []
    assert joined.notes[-1] == "4 songs of emomusic are also in deam, and read from there"
    checks = audit(joined, 1.0)
    assert (checks[-1].check, checks[-1].verdict, checks[-1].n) == ("songs_shared", "corrected", 4)
    assert checks[-1].detail.startswith("4 songs are in more than one of deam, emomusic: each is used once")
    assert len(checks) == 2 * (len(CHECKS) - 1) + 1
    assert checks[0].detail.startswith("deam: ")
    assert joined.dataset.licence == "deam: CC0; emomusic: CC0"
    assert joined.dataset.scale == "-1..1"


def test_a_song_whose_first_copy_has_no_sound_is_taken_from_the_second(make_source: MakeSource) -> None:
    first, second = (replace(make_source(4), dataset=replace(MADE_UP, name=name)) for name in ("a", "b"))
    first = replace(first, tracks=first.tracks[:2], absent=first.tracks[2:])
    joined = union([first, second])
    assert [t.track_id for t in joined.tracks] == ["a-t0", "a-t1", "b-t2", "b-t3"]
    assert len({t.song_id for t in joined.labelled}) == len(joined.labelled) == 4


def test_a_table_of_ratings_keeps_each_song_once(make_source: MakeSource) -> None:
    def rated(name: str, songs: list[str]) -> Source:
        table = pd.DataFrame({"song_id": songs, "time": 15.0})
        return replace(make_source(3), dataset=replace(MADE_UP, name=name), tables={"dynamic": table})

    result = union([rated("a", ["s0", "s1"]), rated("b", ["s1", "s2", "s9"])]).tables["dynamic"]
    assert result[["song_id", "dataset"]].to_numpy().tolist() == [["s0", "a"], ["s1", "a"], ["s9", "b"]]


def test_a_union_of_one_is_that_one(make_source: MakeSource) -> None:
    made = make_source(4)
    assert union([made]) is made
