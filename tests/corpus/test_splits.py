from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold

from affetti.corpus import splits
from affetti.errors import InputError, MismatchError, UsageError

MakeClips = Callable[..., pd.DataFrame]


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    count = draw(st.integers(2, 60))
    number = st.integers(0, 12)
    pick = lambda strategy: draw(st.lists(strategy, min_size=count, max_size=count))  # noqa: E731
    return pd.DataFrame(
        {
            "clip_id": [f"c{i}" for i in range(count)],
            "song_id": [f"s{n}" for n in pick(number)],
            "artist": pick(st.sampled_from(["", "  ", None, "Abba", " ABBA", "abba ", "Bach", "Cage"])),
            "genre": pick(st.sampled_from(["", "rock", "jazz"])),
            "valence": pick(st.floats(-1, 1)),
            "arousal": pick(st.floats(-1, 1)),
            "synthetic": False,
        }
    )


def named(clips: pd.DataFrame) -> list[set[str]]:
    """The groups by brute force: merge sets that share a song or an artist until nothing changes."""
    sets = [
        {f"song {song}"}
        | ({f"artist {artist.strip().lower()}"} if isinstance(artist, str) and artist.strip() else set())
        for song, artist in zip(clips["song_id"], clips["artist"], strict=True)
    ]
    merged: list[set[str]] = []
    for new in sets:
        touching = [one for one in merged if one & new]
        merged = [one for one in merged if not one & new] + [new.union(*touching)]
    return [next(one for one in merged if one & own) for own in sets]


@given(tables())
@settings(max_examples=60, deadline=None)
def test_groups_are_what_songs_and_artists_tie_together(clips: pd.DataFrame) -> None:
    ours, expected = splits.groups(clips), named(clips)
    for i in range(len(clips)):
        for j in range(i):
            assert (ours[i] == ours[j]) == (expected[i] == expected[j])


@given(tables(), st.integers(2, 6), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_no_song_and_no_artist_lies_on_both_sides(clips: pd.DataFrame, folds: int, seed: int) -> None:
    member = splits.groups(clips)
    if member.max() == 0:
        with pytest.raises(InputError, match="cannot be split"):
            splits.assign_folds(clips, folds, seed)
        return
    home = splits.assign_folds(clips, folds, seed)
    assert set(home) == set(range(min(folds, int(member.max()) + 1)))  # no fold is empty
    for group in np.unique(member):
        assert len(set(home[member == group])) == 1
    clips["fold"] = home
    for number in np.unique(home):
        fold = splits.fold(clips, int(number))
        everyone = np.concatenate([fold.train, fold.validation, fold.test])
        assert sorted(everyone) == list(range(len(clips)))
        parts = [set(member[rows]) for rows in (fold.train, fold.validation, fold.test)]
        assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])
        assert len(fold.train)
        assert len(fold.test)


@given(tables(), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_groups_do_not_depend_on_the_order_of_rows(clips: pd.DataFrame, random: Any) -> None:
    order = list(range(len(clips)))
    random.shuffle(order)
    before, after = splits.groups(clips)[order], splits.groups(clips.iloc[order])
    assert len(set(zip(before, after, strict=True))) == len(set(before)) == len(set(after))


def spread(values: pd.Series, home: np.ndarray) -> float:
    """How unevenly a category lies over the folds: variance of its counts, summed."""
    return float(pd.crosstab(values.to_numpy(), home).to_numpy(float).var(axis=1).sum())


def test_folds_are_stratified_by_genre_and_emotion_better_than_by_chance_or_size(make_clips: MakeClips) -> None:
    rng = np.random.default_rng(0)
    songs = np.repeat(np.arange(80), 4)
    genre = pd.Series(rng.choice(["rock", "jazz", "folk", "noise"], 80, p=[0.5, 0.3, 0.15, 0.05])[songs])
    valence, arousal = rng.uniform(-1, 1, (2, 80))[:, songs]
    clips = make_clips(320, song_id=[f"s{s}" for s in songs], genre=genre, valence=valence, arousal=arousal)
    cells = pd.Series([f"{int(v * 2.5 + 2.5)}{int(a * 2.5 + 2.5)}" for v, a in zip(valence, arousal, strict=True)])
    ours = splits.assign_folds(clips, 5, 0)
    chance = [rng.permutation(np.arange(80) % 5)[songs] for _ in range(50)]
    by_size = np.empty(320, int)
    for number, (_, test) in enumerate(GroupKFold(5).split(songs, groups=songs)):
        by_size[test] = number
    for values in (genre, cells):
        assert spread(values, ours) < 0.5 * np.mean([spread(values, home) for home in chance])
        assert spread(values, ours) < spread(values, by_size)
    sizes = np.bincount(ours)
    assert sizes.max() - sizes.min() <= 8


def test_the_split_depends_on_the_seed_alone(make_clips: MakeClips) -> None:
    clips = make_clips(60)
    first = splits.assign_folds(clips, 5, 3)
    assert (first == splits.assign_folds(clips.copy(), 5, 3)).all()
    assert any((first != splits.assign_folds(clips, 5, seed)).any() for seed in range(3))


def test_the_hash_depends_on_the_assignment_and_not_on_the_order(make_clips: MakeClips) -> None:
    clips = make_clips(10, fold=[i % 2 for i in range(10)])
    assert splits.split_hash(clips) == splits.split_hash(clips.iloc[::-1])
    moved = clips.copy()
    moved.loc[3, "fold"] = 0
    assert splits.split_hash(moved) != splits.split_hash(clips)


def test_validation_is_a_tenth_of_the_groups_and_stays_when_a_song_joins(make_clips: MakeClips) -> None:
    clips = make_clips(100, fold=[i % 5 for i in range(100)])
    before = set(clips["clip_id"].iloc[splits.fold(clips, 0).validation])
    assert len(before) == 8
    more = make_clips(101, fold=[i % 5 for i in range(100)] + [1])
    after = set(more["clip_id"].iloc[splits.fold(more, 0).validation])
    assert len(before & after) >= 7


@pytest.mark.parametrize(
    ("folds", "seed", "says"), [(1, 0, "1 folds"), (0, 0, "0 folds"), (5, -1, "seed -1 is negative")]
)
def test_invalid_settings_are_refused_with_the_reason(make_clips: MakeClips, folds: int, seed: int, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        splits.assign_folds(make_clips(10), folds, seed)


def test_the_error_of_a_missing_fold_lists_the_folds(make_clips: MakeClips) -> None:
    clips = make_clips(6, fold=[0, 0, 1, 1, 2, 2])
    with pytest.raises(UsageError, match=r"there is no fold 3. Choose from 0, 1, 2"):
        splits.fold(clips, 3)
    with pytest.raises(UsageError, match="A synthetic corpus has no folds"):
        splits.fold(make_clips(6), 0)
    with pytest.raises(UsageError, match="there is no fold -1"):
        splits.fold(make_clips(6), -1)


def test_a_synthetic_clip_is_never_tested_on(make_clips: MakeClips) -> None:
    clips = make_clips(4, fold=[0, 0, 1, 1], synthetic=[False, True, False, False])
    splits.require_real(clips.iloc[2:])
    with pytest.raises(MismatchError, match=r"1 of 2 test clips are synthetic \(first: c1\)"):
        splits.fold(clips, 0)
    assert splits.fold(clips, 1).test.tolist() == [2, 3]


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"song_id": ["a", "b", "a", "c"]}, r"1 songs lie both.*\(first: a\)"),
        ({"artist": ["Abba", "Bach", "abba ", "Cage"]}, r"1 artists lie both.*\(first: abba\)"),
        ({"sha256": ["1", "2", "3", "2"]}, r"1 sounds lie both.*\(first: 2\)"),
        ({"duplicates": ["", "c1", "", "c1"]}, r"1 near duplicates lie both.*\(first: c1\)"),
    ],
)
def test_a_leaking_split_is_refused(make_clips: MakeClips, columns: dict[str, list[str]], says: str) -> None:
    clips = make_clips(4, fold=[0, 0, 1, 1], **columns)
    with pytest.raises(MismatchError, match=says):
        splits.fold(clips, 0)
    with pytest.raises(MismatchError, match=says):
        splits.require_no_leakage(clips.iloc[:2], clips.iloc[2:])


def test_unknown_artists_are_not_one_artist(make_clips: MakeClips) -> None:
    clips = make_clips(4, fold=[0, 0, 1, 1], artist=["", "", "", ""])
    splits.require_no_leakage(clips.iloc[:2], clips.iloc[2:])
    assert len(set(splits.groups(clips))) == 4


def test_a_song_that_a_generator_was_trained_on_is_not_tested_on(make_clips: MakeClips) -> None:
    clips = make_clips(4)
    made = make_clips(2, song_id=["gan-0", "gan-1"], clip_id=["gan-0", "gan-1"], sha256="", synthetic=True)
    splits.require_no_leakage(clips.iloc[:2], made, trained_on=["s2", "s3"])
    with pytest.raises(MismatchError, match=r"was trained on 1 of the test songs \(first: s1\)"):
        splits.require_no_leakage(clips.iloc[:2], made, trained_on=["s1", "s3"])


def test_clips_that_sound_alike_are_in_one_fold(make_clips: MakeClips) -> None:
    clips = make_clips(30, duplicates=["c0" if i % 10 == 0 else "" for i in range(30)])
    for seed in range(5):
        assert len(set(splits.assign_folds(clips, 5, seed)[::10])) == 1


def test_three_parts_are_eight_one_and_one_tenth_and_share_no_group(make_clips: MakeClips) -> None:
    clips = make_clips(200, song_id=[f"s{i // 2}" for i in range(200)], artist=[f"a{i // 4}" for i in range(200)])
    dealt = splits.assign_split(clips, "train-validation-test", 5, 0)
    clips = clips.assign(fold=dealt.fold, part=dealt.part)
    assert splits.fold_numbers(clips) == [0]
    part = splits.fold(clips, 0)
    assert [len(rows) for rows in (part.train, part.validation, part.test)] == [160, 20, 20]
    member = splits.groups(clips)
    sides = [set(member[rows]) for rows in (part.train, part.validation, part.test)]
    assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])
    assert splits.leakage(clips) == dict.fromkeys(splits.SHARED.values(), 0.0)


def test_a_published_split_is_unchanged_and_its_leaks_are_reported(make_clips: MakeClips) -> None:
    clips = make_clips(6, clip_id=["a-00", "a-01", "b", "c", "d", "e"], artist=["X", "X", "Y", "x ", "Y", "Z"])
    official = {"old": {"a": "train", "b": "train", "c": "test", "d": "test", "e": "validation"}}
    dealt = splits.assign_split(clips, "old", 5, 0, splits.published_split("old", official))
    assert dealt.part.tolist() == ["train", "train", "train", "test", "test", "validation"]
    clips = clips.assign(fold=dealt.fold, part=dealt.part)
    assert splits.leakage(clips) == {"songs": 0.0, "sounds": 0.0, "near duplicates": 0.0, "artists": 1.0}
    with pytest.raises(MismatchError, match="2 artists lie both"):
        splits.fold(clips, 0)
    part = splits.fold(clips, 0, allow_artists=True)
    assert (part.train.tolist(), part.validation.tolist(), part.test.tolist()) == ([0, 1, 2], [5], [3, 4])


def test_clips_that_a_published_split_leaves_out_are_on_neither_side(make_clips: MakeClips) -> None:
    clips = make_clips(4)
    dealt = splits.assign_split(clips, "old", 5, 0, {"s0": "train", "s1": "test"})
    part = splits.fold(clips.assign(fold=dealt.fold, part=dealt.part), 0)
    assert (part.train.tolist(), part.validation.tolist(), part.test.tolist()) == ([0], [], [1])


def test_a_split_can_be_a_file(make_clips: MakeClips, tmp_path: Path) -> None:
    path = tmp_path / "split.csv"
    path.write_text("song; part\n s0 ;train\ns1;test\ns2;validation\n", encoding="utf-8")
    named = splits.published_split(str(path), {})
    assert named == {"s0": "train", "s1": "test", "s2": "validation"}
    assert splits.assign_split(make_clips(3), str(path), 5, 0, named).part.tolist() == ["train", "test", "validation"]
    with pytest.raises(InputError, match="none of the clips is in the test part"):
        splits.assign_split(make_clips(3), str(path), 5, 0, {"s0": "train"})
    assert splits.published_split("folds", {}) is None
    with pytest.raises(
        UsageError, match=r"there is no split 'mable'. Choose from folds, train-validation-test, marble"
    ):
        splits.published_split("mable", {"marble": {}})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("song,part\ns0,train\ns1,tset\n", r"line 3: part 'tset'. Choose from train, validation, test"),
        ("song,fold\ns0,train\n", "column 'part' is missing"),
        ("song,part\ns0,train\ns0,test\n", r"line 3: song s0 occurs twice \(also on line 2\)"),
        ("", "column 'song' is missing"),
    ],
)
def test_an_invalid_split_file_is_reported_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "split.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=says):
        splits.published_split(str(path), {})
