"""What ships with affetti: the regressor that predicts where no other is given.

``shipped/`` is a blend of regressors (:mod:`affetti.inference.blend`), trained on composed music alone by
``bench/shipped_regressor.py``; its model card is beside it.
"""

from __future__ import annotations

from pathlib import Path

SHIPPED = "shipped"
"""Its name where a run is named; a folder of that name here comes first."""
NETWORK = "student"
"""Its member that predicts from log-mels: what the name stands for where there is no sound."""


def shipped_regressor() -> Path:
    """The folder of the blend."""
    return Path(__file__).parent / SHIPPED


def is_shipped(model: str | Path) -> bool:
    """Whether ``model`` names the regressor that ships with affetti."""
    return (str(model) == SHIPPED and not Path(model).exists()) or Path(model) == shipped_regressor()
