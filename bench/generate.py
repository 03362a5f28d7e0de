"""Speed of the flow on one CPU thread, beside diffusers' UNet2DModel on latents of the same size.

    pip install diffusers
    python bench/generate.py [--preset tiny]

Both networks see the same latents, batch and number of network calls; the peer is a UNet2DModel of about as many
parameters with attention at its coarsest level, as its documentation builds it, with DDPM's loss (mean squared error of
the noise) and AdamW. Ours is sampled with guidance and without. Each time is the best of three.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from diffusers import UNet2DModel  # pyright: ignore[reportMissingImports] - installed by `.[bench]`

from affetti import presets
from affetti.models.generators.flow import Flow, FlowConfig
from affetti.training.loop import make_fabric
from affetti.training.objectives.flow_matching import FlowObjective

BATCH = 16
CALLS = 23
"""Network calls a sample: twelve of Heun's steps."""


def best(work: Callable[[], object], repeats: int = 3) -> float:
    """Seconds of the quickest of some calls, after one to warm up."""
    work()
    seconds: list[float] = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def peer(channels: int, size: tuple[int, int], parameters: int) -> UNet2DModel:
    """The UNet2DModel of two levels whose size is nearest to ``parameters``."""
    made = [
        UNet2DModel(
            sample_size=size,
            in_channels=channels,
            out_channels=channels,
            layers_per_block=1,
            block_out_channels=(width, 2 * width),
            norm_num_groups=8,
            down_block_types=("DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        )
        for width in (16, 24, 32, 40, 48, 56, 64)
    ]
    return min(made, key=lambda net: abs(sum(value.numel() for value in net.parameters()) - parameters))


def main() -> None:
    """Time both and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="tiny")
    front = presets.front_end(parser.parse_args().preset)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    flow = Flow(front.shape, FlowConfig(guide_width=0))
    mel = 10 * torch.randn(64, *front.shape) - 40
    conditions = 2 * torch.rand(64, 2) - 1
    flow.fit_statistics(mel, conditions)
    channels, height, width = flow.latent.latent_shape
    ours = sum(value.numel() for value in flow.net.parameters())
    other = peer(channels, (height, width), ours)
    theirs = sum(value.numel() for value in other.parameters())
    print(f"latent {channels} × {height} × {width}; parameters: ours {ours:,}, UNet2DModel {theirs:,}; one thread")

    objective, fabric = FlowObjective(flow, 1_000), make_fabric("cpu")
    objective.setup(fabric)
    mine = best(lambda: [objective.step(fabric, mel[:BATCH], conditions[:BATCH], step) for step in range(5)]) / 5
    optimizer = torch.optim.AdamW(other.parameters(), 1e-4)
    x = torch.randn(BATCH, channels, height, width)

    def train() -> None:
        for _ in range(5):
            loss = F.mse_loss(other(x, torch.randint(0, 1_000, (BATCH,))).sample, torch.randn_like(x))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    peers = best(train) / 5
    print(f"training, batch {BATCH}: ours {1 / mine:.1f} steps/s, UNet2DModel {1 / peers:.1f}: {peers / mine:.1f} ×")

    flow.eval()
    other.eval()

    @torch.inference_mode()
    def sample() -> None:
        for step in range(CALLS):
            other(x, step)

    peers = best(sample) / BATCH
    for reported, dials in (("without guidance", {"guidance": 1.0, "emotion": 1.0}), ("with both guidances", {})):
        mine = best(lambda dials=dials: flow.sample(conditions[:BATCH], 0, sampling=dials)) / BATCH
        print(f"sampling, {CALLS} calls, {reported}: ours {1 / mine:.1f} clips/s, UNet2DModel alone {1 / peers:.1f}: "
              f"{peers / mine:.1f} ×")  # fmt: skip


if __name__ == "__main__":
    main()
