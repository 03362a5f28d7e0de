"""Trains every kind of network for a few steps on made-up clips, in as many processes as torchrun has started.

torchrun --standalone --nproc-per-node 2 tests/training/two_processes.py FOLDER
"""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from tests.material import LEAN, mels

from affetti.augment.spectrogram import spec_augment
from affetti.models.generators.conditioning import Fields
from affetti.presets import front_end
from affetti.training.clips import Clips
from affetti.training.device import Hardware, launcher, process_rank
from affetti.training.fit import fit
from affetti.training.loop import LoopConfig
from affetti.training.objectives.base import ObjectiveOptions
from affetti.training.registry import make

KINDS = {
    "flow": LEAN["flow"],
    "gan": LEAN["gan"],
    "student": LEAN["student"],
    "vit": LEAN["vit"],
}
CLIPS, BATCH, STEPS = 24, 8, 4


def train_all(folder: Path) -> None:
    """Save the weights of each kind, before and after."""
    front = front_end("tiny")
    labels = np.random.default_rng(0).uniform(-1, 1, (CLIPS, 2))
    clips = Clips(mels(CLIPS, front.shape).numpy(), labels, np.arange(CLIPS))
    for kind, settings in KINDS.items():
        torch.manual_seed(0)
        model = make(kind, front.shape, settings, Fields())
        before = copy.deepcopy(model.state_dict())
        options = ObjectiveOptions(augment=spec_augment) if kind in ("student", "vit") else ObjectiveOptions()
        _, after = fit(kind, model, clips, LoopConfig(STEPS, BATCH), options, hardware=Hardware(devices=launcher()[1]))
        if process_rank() == 0:
            both = {f"before/{key}": value for key, value in before.items()}
            both |= {f"after/{key}": value for key, value in after.state_dict().items()}
            save_file({key: value.clone().contiguous() for key, value in both.items()}, folder / f"{kind}.safetensors")


if __name__ == "__main__":
    train_all(Path(sys.argv[1]))
