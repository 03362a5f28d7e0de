"""What a metric answers: a value, its interval, its floor and how much it was measured on.

A number alone says little. ``ci`` says how far it would move with other songs, ``floor`` says what real data itself
scores in the same seat, ``n`` says on how many rows it rests and ``seed`` how to draw it again.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """A measured value with what is needed to interpret it."""

    value: float
    """The estimate, in the unit of its metric."""
    ci: tuple[float, float] | None
    """95 % interval, resampled by song; ``None`` where the metric defines none."""
    floor: float | None
    """What real data scores against itself by the same estimator; ``None`` where there are too few songs."""
    n: tuple[int, ...]
    """Rows of each set."""
    seed: int | None = None
    """Of whatever was drawn at random; ``None`` where nothing was, or where the caller keeps it."""

    def to_dict(self) -> dict[str, float | list[float] | list[int] | None]:
        """The same as plain JSON values."""
        return {
            "value": self.value,
            "ci": None if self.ci is None else list(self.ci),
            "floor": self.floor,
            "n": list(self.n),
            "seed": self.seed,
        }
