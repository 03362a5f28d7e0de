from __future__ import annotations

import pytest

from affetti.cli import progress


def test_each_piece_of_work_has_a_time_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0.0, 10.0, 40.0, 100.0, 500.0, 505.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    show = progress._lines()
    for done in (0, 5, 50, 100, 100, 0, 100):  # a hundred clips, and later a hundred others
        show("generate", done, 100)
    assert capsys.readouterr().err.splitlines() == [
        "generate: 50/100, about 40 s left",
        "generate: 100/100, done in 100 s",
        "generate: 100/100, done in 5 s",
    ]


def test_no_time_left_is_shown_before_any_progress(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0.0, 90.0, 120.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    show = progress._lines()
    for done in (40, 40, 50):  # gone on with at 40
        show("train", done, 60)
    assert capsys.readouterr().err.splitlines() == ["train: 50/60, about 120 s left"]
