from __future__ import annotations

import json
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tests.material import LEAN

from affetti import api
from affetti.corpus import Corpus
from affetti.errors import MissingDependencyError
from affetti.training import tensorboard


def scalars(run: Path, tag: str) -> list[tuple[int, float]]:
    events = EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars(tag)]


def test_the_viewer_sees_what_the_log_holds(corpus: Corpus, tmp_path: Path) -> None:
    run = tmp_path / "run"
    api.train.run("student", corpus.path, run, steps=6, batch_size=8, settings=LEAN["student"], tensorboard=True)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert len(lines) == 6
    assert scalars(run, "loss") == [(line["step"], pytest.approx(line["loss"], rel=1e-6)) for line in lines]


def test_lines_of_earlier_sessions_are_logged_once(tmp_path: Path) -> None:
    for _ in range(2):
        write = tensorboard.tensorboard_writer(tmp_path, [{"step": 1, "loss": 3.0}, {"step": 2, "loss": 2.0}])
        write({"step": 3, "loss": 1.0})
    assert scalars(tmp_path, "loss") == [(1, 3.0), (2, 2.0), (3, 1.0)]


def test_a_missing_package_is_named_before_any_work(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensorboard, "find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'affetti\[tensorboard\]'"):
        api.train.run("student", corpus.path, tmp_path / "run", steps=6, batch_size=8, tensorboard=True)
    assert not (tmp_path / "run").exists()
