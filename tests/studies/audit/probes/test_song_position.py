"""Place of a clip in its song."""

import numpy as np
import pandas as pd
from tests.material import present

from affetti.studies.audit.probes import song_position


def clips(**columns) -> pd.DataFrame:
    base = {"song_id": ["a", "a", "a", "b"], "start": [0.0, 10.0, 30.0, 0.0], "duration": [10.0] * 4}
    return pd.DataFrame(base | {"section": ["Verse ", "chorus", "", "verse"]} | columns)


def test_position_is_the_middle_of_a_clip_over_the_end_of_the_last():
    np.testing.assert_allclose(song_position.positions(clips()), [5 / 40, 15 / 40, 35 / 40, np.nan])
    turned = clips().iloc[[3, 1, 0, 2]]
    np.testing.assert_allclose(song_position.positions(turned), [np.nan, 15 / 40, 5 / 40, 35 / 40])


def test_sections_are_lower_case_and_empty_where_unknown():
    assert song_position.sections(clips(section=["Verse ", None, "", "verse"])).tolist() == ["verse", "", "", "verse"]


def test_kinds_of_too_few_songs_are_left_out():
    kinds = np.array(["verse"] * 5 + ["coda"] * 5 + [""] * 5)
    songs = np.array([f"s{number}" for number in "123451234412345"])
    assert song_position.learnable_classes(kinds, songs).tolist() == ["verse"]
    assert song_position.learnable_classes(kinds[10:], songs[10:]).tolist() == []


def test_features_of_structure():
    result = song_position.structure_features(clips())
    at = np.array([5 / 40, 15 / 40, 35 / 40, 0.5]) - 0.5
    np.testing.assert_allclose(present(result)[:, :2], np.column_stack([at, at**2]))
    sections = [[0, 0, 1], [0, 1, 0], [1, 0, 0], [0, 0, 1]]  # "", chorus, verse
    np.testing.assert_array_equal(present(result)[:, 2:], sections)
    assert present(song_position.structure_features(clips(section=""))).shape == (4, 2)
    assert song_position.structure_features(clips(song_id=list("abcd"), section="")) is None
