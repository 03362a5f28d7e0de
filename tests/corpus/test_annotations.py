from __future__ import annotations

import pytest

from affetti.corpus.annotations import Annotations, Lyrics, Section

SECTIONS = (Section(0, 10, "verse"), Section(10, 20, "chorus"), Section(30, 40, "verse"))


@pytest.mark.parametrize(
    ("start", "stop", "label"),
    [(0, 6, "verse"), (8, 14, "chorus"), (7, 12, "verse"), (18, 28, ""), (19, 21, "chorus"), (50, 56, "")],
)
def test_a_clip_has_the_section_that_covers_most_of_it(start: float, stop: float, label: str) -> None:
    assert Annotations(sections=SECTIONS).section_at(start, stop) == label


def test_an_excerpt_of_one_section_has_it_everywhere() -> None:
    assert Annotations(section="bridge").section_at(100, 106) == "bridge"


def test_the_tables_hold_sections_and_timed_lines() -> None:
    tables = Annotations(Lyrics(("one",), (2.5,)), sections=SECTIONS[:1]).tables("s1")
    assert tables == {
        "sections": [{"song_id": "s1", "section": "verse", "start": 0, "duration": 10}],
        "lyrics": [{"song_id": "s1", "time": 2.5, "line": "one"}],
    }
    assert Annotations(Lyrics(("one",))).tables("s1") == {}


def test_times_after_the_end_of_the_recording_are_reported() -> None:
    annotations = Annotations(Lyrics(("a", "b", ""), (1.0, 25.0, 90.0)))
    assert annotations.beyond(24.5) is None
    assert annotations.beyond(20.0) == ("lyrics up to 25.0 s, but it ends at 20.0 s: they may be of another recording")
    assert (Annotations(sections=SECTIONS).beyond(30.0) or "").startswith("sections up to 40.0 s")
    assert Annotations().beyond(0.0) is None
