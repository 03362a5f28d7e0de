"""
Does SpecAugment help on 40 songs?
==================================

SpecAugment hides random bands and moments of each training clip. Does it help a small network on a small corpus? A
difference between two training runs says little, since songs and seeds both matter. affetti runs the comparison over
seeds, tests on the same held-out songs, and gives the difference with an interval.
"""

import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import affetti

SMALL = os.environ.get("AFFETTI_EXAMPLES") == "small"
folder = Path(tempfile.mkdtemp())

# %%
# **Forty songs**, of which eight are held out and tested on.

affetti.prepare("composed", folder / "corpus", clips=160 if SMALL else 320, workers=1)

# %%
# **Two arms.** ``real`` is trained with SpecAugment and stops early on validation songs; ``plain-real-longer`` takes
# as many updates without either. Their difference is the contrast that is stated beforehand.

study = affetti.compare(
    folder / "corpus",
    folder / "study",
    arms=("plain-real-longer",),
    contrasts=(("real", "plain-real-longer"),),
    seeds=1 if SMALL else 3,
    steps=2 if SMALL else 30,
    batch_size=4 if SMALL else 16,
    workers=1,
)
print(study.primary.sentence)

# %%
# **The difference**, with its interval. If the interval contains 0, this study cannot tell, and a larger one may.

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
names = [arm.name for arm in study.arms]
values = np.array([arm.ccc for arm in study.arms])
ends = np.array([arm.ci for arm in study.arms]).T
left.errorbar(names, values, yerr=np.abs(ends - values), fmt="o", capsize=5)
left.set(ylabel="CCC on held-out songs", title="Each arm")
left.tick_params(axis="x", rotation=20)
low, high = study.primary.ci
delta = study.primary.delta
right.errorbar([delta], [0], xerr=[[delta - low], [high - delta]], fmt="o", capsize=5)
right.axvline(0, color="0.3", linestyle="--")
right.set(xlabel="gain in CCC by SpecAugment and early stopping", yticks=[], title="Their difference")

# %%
# Fewer than five seeds or one fold is *exploratory*: affetti says so in its report. For a verdict: ``affetti compare
# --seeds 5 --folds 5``.
