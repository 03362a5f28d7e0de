"""Whole songs beside real ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.conftest import Ran
from tests.material import mels, write_corpus

from affetti import api
from affetti.cli.form_text import form_lines
from affetti.corpus import Corpus
from affetti.errors import InputError, UsageError
from affetti.studies.scorecard.form import spread_within_songs
from affetti.studies.scorecard.form_results import Form
from affetti.studies.scorecard.measures import REGISTRY
from affetti.studies.scorecard.result import Scorecard

EACH = 6
KEYS = [entry.key for entry in REGISTRY if entry.part == "form"]


def songs(path: Path, count: int, **columns: Any) -> Corpus:
    """A corpus of songs of six clips that follow one another, verses and choruses in turn."""
    base: dict[str, Any] = {
        "start": np.tile(5.95 * np.arange(EACH), count),
        "section": ["verse", "chorus"] * (EACH // 2 * count),
    }
    return write_corpus(path, count, EACH, **(base | columns))


def looped(corpus: Corpus) -> None:
    """Make all clips of each song its first."""
    mel = np.load(corpus.path / "mel.npy")
    np.save(corpus.path / "mel.npy", np.repeat(mel[::EACH], EACH, axis=0))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return songs(tmp_path_factory.mktemp("form") / "real", 24)


def form_of(real: Corpus, fake: Path, **given: Any) -> Form:
    card = api.score.run(real.path, fake, form=True, **given)
    assert card.form is not None
    assert Scorecard.from_dict(json.loads(json.dumps(card.to_dict()))) == card
    return card.form


def test_songs_of_one_kind_are_as_real(real: Corpus, tmp_path: Path, run_of: Callable[[str], Path]) -> None:
    fake = songs(tmp_path / "fake", 21, synthetic=True)
    form = form_of(real, fake.path, regressor=run_of("baseline"))
    assert list(form.measures) == [key for key in KEYS if key in form.measures]
    assert set(form.measures) == set(KEYS)
    assert (form.songs.real, form.songs.fake, form.songs.too_short) == (24, 21, 0)
    assert form.seconds == pytest.approx(EACH * 5.95, abs=0.3)
    for key in ("repetition", "section_contrast", "section_returns", "valence_spread", "arousal_spread"):
        measure = form.measures[key]
        assert measure.value is not None, (key, measure.reason)
        assert measure.floor is not None
        assert measure.difference is not None
        assert measure.difference.value == pytest.approx(measure.value - measure.floor)
    structure = form.structure_curve
    assert structure is not None
    assert structure.at == (1.0, 2.0, 4.0, 8.0, 16.0)
    assert all(low < value < high for value, (low, high) in zip(structure.fake, structure.fake_ci, strict=True))
    distance = form.measures["structure_curve"]
    assert distance.value == pytest.approx(np.sqrt(np.mean((np.array(structure.real) - structure.fake) ** 2)))


def test_loops_are_found_and_named(real: Corpus, tmp_path: Path, run_of: Callable[[str], Path]) -> None:
    fake = songs(tmp_path / "fake", 10, synthetic=True)
    looped(fake)
    form = form_of(real, fake.path, regressor=run_of("baseline"))
    share = form.measures["loops"]
    assert (share.value, share.n) == (1.0, (24, 10))
    assert share.floor == pytest.approx(1 / 24)
    assert len(form.loops) == 10
    assert {loop.song for loop in form.loops} == {f"song{i}" for i in range(10)}
    for loop in form.loops:
        assert loop.seconds % 5.94 == pytest.approx(0.0, abs=0.3) or loop.seconds % 5.94 > 5.6
        assert loop.p == pytest.approx(1 / 25)
    repeated = form.measures["repetition"]
    assert repeated.value == pytest.approx(1.0, abs=0.02)
    assert repeated.difference is not None
    assert repeated.difference.ci[0] > 0.1
    assert form.measures["valence_spread"].value is not None


def test_what_cannot_be_measured_has_its_reason(tmp_path: Path) -> None:
    fake = songs(tmp_path / "fake", 8, synthetic=True, section="", valence=0.5, arousal=0.5)
    few = songs(tmp_path / "few", 12)
    form = form_of(few, fake.path)
    reasons = {key: measure.reason for key, measure in form.measures.items() if measure.value is None}
    assert set(reasons) == {"loops", "section_contrast", "section_returns", "valence_spread", "arousal_spread"}
    assert "12 real songs say of no song that it loops: 19 would" in str(reasons["loops"])
    assert "a section known of none of the synthetic songs" in str(reasons["section_contrast"])
    assert "needs a regressor" in str(reasons["valence_spread"])
    assert form.loops == ()


def test_songs_are_compared_at_one_length(real: Corpus, tmp_path: Path, run_of: Callable[[str], Path]) -> None:
    """Half of the synthetic songs have four clips, the others but one and a half."""
    starts = np.tile(5.95 * np.arange(EACH), 8)
    ids = np.repeat([f"song{i}" for i in range(8)], EACH)
    keep = np.where(np.repeat(np.arange(8) % 2 == 0, EACH), starts < 5.95 * 4, starts < 5.95 * 2)
    fake = songs(tmp_path / "all", 8, synthetic=True)
    clips = fake.clips[keep].assign(start=np.where(ids[keep] == "song1", starts[keep] / 4, starts[keep]))
    mel = np.load(fake.path / "mel.npy")[keep]
    short = write_corpus(
        tmp_path / "short", 8, 3, synthetic=True,
        **{name: clips[name].to_numpy()[:24] for name in ("song_id", "start")},
    )  # fmt: skip
    np.save(short.path / "mel.npy", mel[:24])
    form = form_of(real, short.path, regressor=run_of("baseline"))
    assert form.seconds == pytest.approx(np.median([4, 1.25, 4, 2, 4, 2, 4, 2]) * 5.95, abs=0.4)
    assert form.songs.too_short == 1
    assert form.songs.real == 24


def test_sets_that_hold_no_songs_are_refused_in_one_line(
    real: Corpus, tmp_path: Path, affetti: Callable[..., Ran]
) -> None:
    np.save(tmp_path / "fake.npy", mels(12, (64, 128)).numpy().astype(np.float16))
    with pytest.raises(UsageError, match="only a corpus says where in their songs clips lie"):
        api.score.run(real.path, tmp_path / "fake.npy", form=True)
    single = write_corpus(tmp_path / "single", 12, 1, synthetic=True)
    with pytest.raises(InputError, match="0 songs of 2 clips or more, and --form compares songs"):
        api.score.run(real.path, single.path, form=True)
    ran = affetti("score", real.path, single.path, "--form")
    assert ran.code == 2
    assert "Prepare it with --windows all" in ran.complaint


def test_the_terminal_and_the_report_show_songs(
    real: Corpus, tmp_path: Path, run_of: Callable[[str], Path], affetti: Callable[..., Ran]
) -> None:
    fake = songs(tmp_path / "fake", 9, synthetic=True)
    looped(fake)
    given = ("--regressor", run_of("baseline"), "--out", tmp_path / "card")
    ran = affetti("score", real.path, fake.path, "--form", *given)
    assert ran.code == 0, ran.err
    assert "whole songs, 9 beside 24 real ones, 36 s of each:" in ran.out
    assert "loops every" in ran.out
    assert "; differs by +" in ran.out
    card = Scorecard.open(tmp_path / "card")
    page = Path(tmp_path / "page.html")
    api.report.run([tmp_path / "card"], page)
    text = page.read_text(encoding="utf-8")
    assert "Whole songs" in text
    assert "Songs that loop:" in text
    assert "Distance of moments of a song, 1 for chance" in text
    assert form_lines(replace(card, form=None)) == []


def test_the_spread_is_that_of_each_song() -> None:
    values = np.array([[0.0, 1.0], [1.0, 1.0], [5.0, 0.0], [2.0, 4.0]])
    spread = spread_within_songs(values, np.array(["a", "a", "b", "a"]))
    np.testing.assert_allclose(spread, [[1.0, np.std([1, 1, 4], ddof=1)]])
