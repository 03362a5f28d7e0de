"""Many listeners at once, and a server that is killed while they answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.listening_robots import StudyServer, make_study, run_robots

from affetti.studies.listening.ratings import RatingStore
from affetti.studies.listening.study import Task


@pytest.mark.parametrize(("task", "kills"), [("rate", 4), ("mushra", 2)])
def test_every_acknowledged_answer_is_there_once_and_blocks_are_balanced(
    tmp_path: Path, task: Task, kills: int
) -> None:
    make_study(tmp_path, task, conditions=6, seconds=0.1)
    server = StudyServer(tmp_path)
    try:
        ran = run_robots(server, listeners=9, kills=kills, seed=1)
    finally:
        server.stop()
    assert ran.kills > 0
    assert sum(len(robot.acknowledged) for robot in ran.robots) == 9 * 6
    assert ran.wrong(tmp_path) == []
    with RatingStore.open(tmp_path) as store:
        counts = store.table().drop_duplicates(["listener", "clip"])["clip"].value_counts()
        assert len(counts) == len(store.study.clips)
    assert counts.max() - counts.min() <= 1


def test_an_answer_that_was_lost_would_be_seen(tmp_path: Path) -> None:
    make_study(tmp_path, "pair", conditions=2, seconds=0.1)
    server = StudyServer(tmp_path)
    try:
        ran = run_robots(server, listeners=2)
    finally:
        server.stop()
    assert ran.wrong(tmp_path) == []
    ran.robots[0].acknowledged[7] = {"choice": 0.0}
    ran.robots[1].acknowledged[0] = {"choice": 5.0}
    assert ran.wrong(tmp_path) == ["trial 7 is lost", "trial 0 differs"]
