from __future__ import annotations

from affetti.corpus import Corpus
from affetti.training.clips import Clips
from affetti.training.cost import measure_training, seconds_of
from affetti.training.registry import make


def test_seconds_grow_with_steps_of_a_network_alone(corpus: Corpus) -> None:
    clips = Clips(corpus.mel, corpus.labels, corpus.fold(0).train)
    for kind, grows in (("student", True), ("baseline", False)):
        made: list[str] = []

        def untrained(kind: str = kind, made: list[str] = made) -> object:
            made.append(kind)
            return make(kind, corpus.front_end.shape, {"width": 8} if kind == "student" else {})

        cost = measure_training(kind, untrained, clips, 4)  # type: ignore[arg-type]
        assert cost.setup > 0
        assert (cost.step > 0) == grows
        assert cost.seconds(10) == cost.setup + 10 * cost.step
        assert len(made) == (3 if grows else 2)


def test_seconds_of_work_are_counted() -> None:
    assert 0 <= seconds_of(lambda: None) < 1
