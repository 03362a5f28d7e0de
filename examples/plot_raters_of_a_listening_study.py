"""
How far do raters agree?
========================

VGMIDI has valence and arousal of about 30 listeners for each of its pieces. Here their agreement is measured, and the
ceiling that it puts on every predictor. Without a copy of VGMIDI (its folder in ``AFFETTI_TEST_DATA/research/VGMIDI``)
ratings of the same kind are drawn.
"""

import json
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from affetti.studies.listening.labels import label_ceiling, labels
from affetti.studies.listening.rating_table import RatingTable
from affetti.studies.listening.reliability import icc_one_way, krippendorff_alpha

# %%
# **One rating a listener and piece**: the mean over the measures of a piece.

rows = []
vgmidi = Path(os.environ.get("AFFETTI_TEST_DATA", "")) / "research" / "VGMIDI"
for file in sorted(vgmidi.rglob("vgmidi_raw_*.json")) if vgmidi.is_dir() else ():
    for key, series in json.loads(file.read_text(encoding="utf-8"))["annotations"].items():
        listener, piece = f"{file.stem} {key}", f"{file.stem} {key.rsplit('_', 1)[0]}"
        known = [axis for axis in ("valence", "arousal") if series[axis] and max(map(abs, series[axis])) <= 1]
        rows += [(listener, piece, axis, np.mean(series[axis])) for axis in known]
rng = np.random.default_rng(0)
for piece in range(0 if rows else 60):
    means = {"valence": rng.normal(0, 0.3), "arousal": rng.normal(0, 0.4)}
    for listener in range(30):
        heard = {axis: np.clip(rng.normal(mean, 0.35), -1, 1) for axis, mean in means.items()}
        rows += [(f"{piece} {listener}", str(piece), axis, rating) for axis, rating in heard.items()]
table = pd.DataFrame(rows, columns=["listener", "clip", "scale", "rating"]).assign(system="real")
ratings = RatingTable.of(table)
len(ratings.main)

# %%
# **Agreement.** ICC(1,1) is the reliability of one listener, ICC(1,k) that of the mean of k. Listeners are not the same
# from piece to piece, so that the two-way forms do not apply.


def stacked(axis: str) -> np.ndarray:
    """Ratings by piece, listeners in any order, NaN where a piece has fewer."""
    groups = [group.to_numpy() for _, group in table[table["scale"] == axis].groupby("clip")["rating"]]
    matrix = np.full((len(groups), max(map(len, groups))), np.nan)
    for row, group in zip(matrix, groups, strict=True):
        row[: len(group)] = group
    return matrix


for axis in ("valence", "arousal"):
    icc, alpha = icc_one_way(stacked(axis)), krippendorff_alpha(stacked(axis))
    print(f"{axis}: ICC(1,1) {icc.single.value:.2f}, ICC(1,k) {icc.mean.value:.2f}, α {alpha.value:.2f} {alpha.ci}")

# %%
# **The ceiling** that their disagreement puts on R² and CCC, as ``affetti prepare vgmidi:`` reports it.

label_ceiling(ratings)

# %%
# **The labels**, each with the standard error of its mean.

made = labels(ratings)
error = made[["valence_std", "arousal_std"]].to_numpy() / np.sqrt(made["raters"].to_numpy())[:, None]
plt.errorbar(made["valence"], made["arousal"], error[:, 1], error[:, 0], fmt=".", alpha=0.5)
plt.gca().set(xlabel="valence", ylabel="arousal", xlim=(-1, 1), ylim=(-1, 1))
plt.show()
