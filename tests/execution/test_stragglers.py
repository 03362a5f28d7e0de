from __future__ import annotations

from affetti.execution.stragglers import STRAGGLER_SECONDS, InProgress


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_takes_three_times_as_long_as_the_others_did_is_a_straggler_once() -> None:
    clock = Clock()
    progress = InProgress(clock)
    for number in range(5):
        progress.add(number, f"reference {number}")
    assert progress.stragglers() == []
    clock.now = 100.0
    for number in range(3):
        assert progress.remove(f"reference {number}") == number
    assert progress.stragglers() == []
    clock.now = 299.0
    assert progress.stragglers() == []
    clock.now = 301.0
    assert progress.stragglers() == [3, 4]
    progress.add(3, "copy of 3")
    clock.now = 1000.0
    assert progress.stragglers() == [4], "a second copy is the last"
    assert progress.remove("copy of 3") == 3
    assert progress.remove_copies(3) == ["reference 3"]
    assert progress.copies == {"reference 4": 4}


def test_short_work_has_no_stragglers_before_half_a_minute() -> None:
    clock = Clock()
    progress = InProgress(clock)
    for number in range(2):
        progress.add(number, f"reference {number}")
    clock.now = 0.1
    progress.remove("reference 0")
    clock.now = STRAGGLER_SECONDS - 1.0
    assert progress.stragglers() == []
    clock.now = STRAGGLER_SECONDS + 1.0
    assert progress.stragglers() == [1]
