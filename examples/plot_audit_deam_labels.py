"""
Audit the labels of DEAM
========================

Labels have errors too. In DEAM's published table valence and arousal are exchanged for the songs up to id 1000, and a
model that is trained on it learns the wrong thing without any warning. Here a small table with the same error is made
on the spot, in DEAM's own layout, and checked. On your copy of DEAM the same check is ``affetti prepare deam:DEAM
--dry-run``.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from affetti.api import prepare
from affetti.corpus.loaders import load
from affetti.corpus.track import Options

# %%
# **Ten listeners rate 300 songs** from 1 to 9. Arousal varies more than valence, as it does in DEAM.

rng = np.random.default_rng(0)
ids = np.arange(701, 1301, 2)
shared = rng.normal(size=(len(ids), 1))
feeling = 5 + np.array([0.9, 1.5]) * (0.6 * shared + 0.8 * rng.normal(size=(len(ids), 2)))  # valence, arousal
ratings = np.clip(np.rint(feeling[:, :, None] + rng.normal(0, 1.2, size=(len(ids), 2, 10))), 1, 9)
means, spreads = ratings.mean(axis=2), ratings.std(axis=2)

# %%
# **The table as published**: up to id 1000 the columns are exchanged. DEAM has the means over time too, which are
# correct.

deam = Path(tempfile.mkdtemp()) / "DEAM"
songs = deam / "annotations/annotations averaged per song/song_level"
over_time = deam / "annotations/annotations averaged per song/dynamic (per second annotations)"
songs.mkdir(parents=True)
over_time.mkdir(parents=True)

rows = ["song_id, valence_mean, valence_std, arousal_mean, arousal_std"]
for song, mean, spread in zip(ids, means, spreads, strict=True):
    first, second = (1, 0) if song <= 1000 else (0, 1)
    rows.append(f"{song}, {mean[first]:.2f}, {spread[first]:.2f}, {mean[second]:.2f}, {spread[second]:.2f}")
(songs / "static_annotations_averaged_songs_1_2000.csv").write_text("\n".join(rows))

moments = [f"sample_{15_000 + 500 * moment}ms" for moment in range(61)]
for axis, name in enumerate(("valence", "arousal")):
    rows = ["song_id," + ",".join(moments)]
    for song, mean in zip(ids, means[:, axis], strict=True):
        values = np.clip((mean - 5) / 4 + rng.normal(0, 0.1, size=61), -1, 1)
        rows.append(f"{song}," + ",".join(f"{value:.3f}" for value in values))
    (over_time / f"{name}.csv").write_text("\n".join(rows))

# %%
# **The audit** reads labels only, no sound.

plan = prepare.plan(f"deam:{deam}")
for check in plan.labels.audit:
    print(f"{check.check:24} {check.verdict:14} {check.detail}")

# %%
# **What the correction does.** Left: the file as it is. Right: as affetti reads it. Below and above id 1000 the cloud
# must look alike.

figure, axes = plt.subplots(1, 2, figsize=(10, 4.5), sharex=True, sharey=True, layout="constrained")
for axis, labels in zip(axes, ("as-shipped", "corrected"), strict=True):
    tracks = load(f"deam:{deam}", Options(deam_labels=labels)).labelled
    points = np.array([(track.labels.valence, track.labels.arousal) for track in tracks])
    early = np.array([int(track.song_id.removeprefix("deam-")) <= 1000 for track in tracks])
    axis.scatter(*points[early].T, s=14, color="#D55E00", label="up to id 1000")
    axis.scatter(*points[~early].T, s=14, color="#0072B2", label="above")
    axis.set(title=labels, xlabel="valence", xlim=(-1, 1), ylim=(-1, 1))
axes[0].set_ylabel("arousal")
axes[0].legend()

# %%
# **The ceiling.** Ten listeners disagree, so that even a perfect model cannot agree fully with their mean:

for axis, ceiling in plan.labels.ceiling.by_axis().items():
    low, high = ceiling.ccc.ci
    print(f"{axis}: a perfect model reaches a CCC of {ceiling.ccc.value:.2f} [{low:.2f}, {high:.2f}]")
