import numpy as np
import pytest

from affetti.api import report
from affetti.errors import StorageError
from affetti.presets import FRONT_ENDS
from affetti.progress import silent
from affetti.report import scorecard
from affetti.report.sources import read_sources
from affetti.studies.scorecard.copy_results import NearestPair
from affetti.studies.scorecard.typicality_results import AtypicalClip, ClipTypicality


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return {
        "map_real": rng.normal(size=(40, 2)),
        "map_fake": rng.normal(size=(30, 2)) * 0.1 + 2,
        "map_share": np.array([0.4, 0.2]),
        "band_hz": np.geomspace(40, 7_900, 64),
        "level_real": np.stack([np.linspace(-10, -60, 64), np.full(64, 5.0)]),
        "level_fake": np.stack([np.linspace(-10, -60, 64) + 3, np.full(64, 1.0)]),
        "rate": np.geomspace(0.17, 10, 20),
        "modulation_real": np.stack([np.linspace(10, -10, 20), np.ones(20)]),
        "modulation_fake": np.stack([np.linspace(10, -10, 20), np.ones(20)]),
        "pairs_fake": rng.normal(-30, 10, (2, 64, 128)).astype(np.float16),
        "pairs_train": rng.normal(-30, 10, (2, 64, 128)).astype(np.float16),
    }


def test_the_map_marks_every_clip_and_distinguishes_the_sets_by_shape_and_colour(arrays):
    drawn = scorecard.feature_map(arrays)
    assert drawn.count('class="mark c0"') == 40
    assert drawn.count('class="mark c1"') == 30
    assert drawn.count("<circle") == 40
    assert "33 % of its variance" not in drawn
    assert "40 % of its variance" in drawn
    assert "spread 0.1" in drawn


def test_a_clip_far_out_stays_on_the_canvas(arrays):
    arrays["map_fake"][0] = [1e6, -1e6]
    drawn = scorecard.feature_map(arrays)
    for place in drawn.split('points="')[1:]:
        for corner in place.split('"')[0].split():
            x, y = map(float, corner.split(","))
            assert 0 <= x <= 400
            assert 0 <= y <= 344


def test_lines_carry_a_dash_and_their_spread(arrays):
    drawn = scorecard.band_profiles(arrays)
    assert "1 kHz" in drawn
    assert drawn.count('class="spread') == 2
    assert "curve c1 dash1" in drawn
    assert "differ by 3.00 dB" in drawn
    arrays["band_hz"] = np.zeros(0)
    assert "number of the band" in scorecard.band_profiles(arrays)
    assert "differ by 0.00 dB" in scorecard.modulation_spectra(arrays, known=True)
    assert "swings a frame" in scorecard.modulation_spectra(arrays, known=False)


def test_pairs_need_a_front_end(arrays):
    pair = NearestPair("a<b", "t", None, None, 0, 0, "song", 1.0, 0.5)
    listed = [pair] * 3
    front = FRONT_ENDS["tiny"]
    drawn = scorecard.pairs(arrays, listed, front, "flow", silent)
    assert drawn is not None
    assert len(drawn.pairs) == 2
    assert all(tile.sound.startswith("data:audio/mpeg") for pair in drawn.pairs for tile in pair.tiles)
    assert "a<b" not in drawn.pairs[0].tiles[0].image
    assert scorecard.pairs(arrays, listed, None, "flow", silent) is None
    assert scorecard.pairs({}, [], front, "flow", silent) is None
    assert scorecard.front_end_of(front.hash) == front
    assert scorecard.front_end_of(None) is None


def test_the_least_typical_clips_are_played(arrays):
    clips = tuple(AtypicalClip(f"clip<{number}", None, number, 0.01 * (number + 1)) for number in range(20))
    typical = ClipTypicality(0.2, 0.04, 0.01, 99, clips)
    arrays["atypical_fake"] = arrays["pairs_fake"]
    front = FRONT_ENDS["tiny"]
    drawn = scorecard.atypical(arrays, typical, front, "flow", silent)
    assert drawn is not None
    assert [value for value, _ in drawn.clips] == [0.01, 0.02]
    assert all(tile.sound.startswith("data:audio/mpeg") for _, tile in drawn.clips)
    assert drawn.clips[0][1].detail == "clip<0"
    assert scorecard.atypical(arrays, typical, None, "flow", silent) is None
    assert scorecard.atypical({}, typical, front, "flow", silent) is None
    assert scorecard.atypical(arrays, None, front, "flow", silent) is None


def test_a_report_lists_the_least_typical_clips_and_shares_of_copies(folders, tmp_path):
    report.run([folders.score], tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "The least typical clips" in page
    assert "least typical clip 1" in page
    assert "by passages of up to three seconds" in page
    assert "It is no measure of quality" in page


def test_a_scorecard_without_pictures_is_reported(folders, tmp_path, altered):
    card = altered(folders.score, "result.json", lambda document: document.update(contains_real=2, nearest_pairs=None))
    (card / "pictures.npz").unlink()
    report.run([card], tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "2 clips of this set are real ones" in page
    assert "first direction of real music" not in page


def test_broken_pictures_are_refused(folders, altered):
    card = altered(folders.score, "result.json", lambda document: document)
    (card / "pictures.npz").write_bytes(b"PK nothing")
    with pytest.raises(StorageError, match="cannot be read"):
        read_sources([card])
