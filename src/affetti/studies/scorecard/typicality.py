"""How typical each synthetic clip is of the real songs, as a table beside the scorecard.

``typicality.parquet`` has a row for each clip of the synthetic set, the least typical first:

- ``clip``, ``file``, ``row``: id, file where one is known, and number among the clips that are scored (silent ones are
  left out);
- ``typicality``: conformal p-value, see :mod:`affetti.metrics.conformal`;
- ``song``: song id;
- ``valence``, ``arousal``: as requested, where the set has labels;
- ``nearest_real``, ``nearest_real_file``: the real clip whose features are nearest, to listen to beside it;
- ``distance``: to the 5th nearest real song, in the features of the scorecard.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from affetti import metrics
from affetti.embedders.clip_set import ClipSet
from affetti.errors import InputError
from affetti.storage import atomic_write
from affetti.studies.scorecard.typicality_results import AtypicalClip, ClipTypicality

if TYPE_CHECKING:
    import pandas as pd

FILE = "typicality.parquet"
N_LISTED = 20
"""Least typical clips that the scorecard lists."""

Rows = NDArray[np.float64]


def measure_typicality(
    real: ClipSet, held_out: NDArray[np.intp], fake: ClipSet, x: Rows, y: Rows
) -> tuple[ClipTypicality, pd.DataFrame | None]:
    """Summary for the scorecard, and the table of the module's docstring.

    Args:
        real: real clips.
        held_out: which of them are of songs that the generator was not trained on.
        fake: synthetic clips.
        x: embeddings of the real clips ``[N, D]``.
        y: embeddings of the synthetic clips ``[K, D]``.

    Returns:
        Without a table, and with the reason, where there are too few real songs or too many clips.
    """
    try:
        result = metrics.typicality(x[held_out], y, real.songs[held_out])
    except InputError as error:
        return ClipTypicality(reason=str(error)), None
    order = np.lexsort([np.arange(len(fake)), -result.distance, result.p])
    table = _table(real, held_out, fake, result).iloc[order].reset_index(drop=True)
    least = tuple(
        AtypicalClip(
            clip=str(entry["clip"]),
            file=entry["file"],
            row=int(entry["row"]),
            typicality=float(entry["typicality"]),
        )
        for entry in table.head(N_LISTED).to_dict("records")
    )
    summary = ClipTypicality(
        share_low=result.share_low,
        real_low=result.real_low,
        smallest=1 / (result.songs + 1),
        songs=result.songs,
        least=least,
    )
    return summary, table


def _table(real: ClipSet, held_out: NDArray[np.intp], fake: ClipSet, result: metrics.Typicality) -> pd.DataFrame:
    import pandas as pd  # takes a second to load

    names, files = np.array(real.clip_names()), np.array(real.clip_files(), dtype=object)
    nearest = held_out[result.nearest]
    columns = {
        "clip": fake.clip_names(),
        "file": fake.clip_files(),
        "row": np.arange(len(fake)),
        "typicality": result.p,
        "song": fake.songs,
    }
    if fake.labels is not None:
        columns |= {"valence": fake.labels[:, 0], "arousal": fake.labels[:, 1]}
    columns |= {"nearest_real": names[nearest], "nearest_real_file": files[nearest], "distance": result.distance}
    return pd.DataFrame(columns)


def save_table(folder: Path, table: pd.DataFrame) -> None:
    """Write ``typicality.parquet``, whole or not at all.

    Raises:
        StorageError: the folder cannot be written.
    """
    with atomic_write(folder / FILE) as temporary:
        table.to_parquet(temporary, index=False)
