"""What ships with affetti: the regressor that predicts where no other is given, and weights to start training from.

``shipped/`` is a blend of regressors (:mod:`affetti.inference.blend`), trained on composed music alone by
``bench/shipped_regressor.py``; its model card is beside it. Networks in it have a run folder named for their family.
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


def shipped_weights(kind: str) -> Path | None:
    """The run folder of the network of family ``kind`` that ships with affetti; None: there is none."""
    folder = shipped_regressor() / kind
    return folder if (folder / "model.json").is_file() else None


def shipped_kinds() -> tuple[str, ...]:
    """The names of all run folders that ship with affetti, sorted."""
    return tuple(sorted(file.parent.name for file in shipped_regressor().glob("*/model.json")))


def shipped_onnx() -> Path:
    """The network that :data:`NETWORK` names, as an ONNX file for ``affetti predict --runtime onnx``."""
    return shipped_regressor() / NETWORK / "model.onnx"


def is_shipped(model: str | Path) -> bool:
    """Whether ``model`` names the regressor that ships with affetti."""
    return (str(model) == SHIPPED and not Path(model).exists()) or Path(model) == shipped_regressor()
