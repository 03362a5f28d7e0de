from __future__ import annotations

import torch
from tests.material import stir

from affetti.models.generators.unet import CrossAttention, VelocityUNet


def net(**options: object) -> VelocityUNet:
    torch.manual_seed(0)
    made = VelocityUNet(4, (8, 16, 24), 32, **options)  # type: ignore[arg-type]
    stir(made, size=0.05)
    return made.eval()


def test_any_grid_is_restored() -> None:
    made = net(blocks=2, attention=2)
    for size in ((8, 16), (7, 13), (4, 4)):
        x = torch.randn(2, 4, *size)
        assert made(x, torch.rand(2), torch.randn(2, 32)).shape == x.shape


def test_every_weight_is_used() -> None:
    made = net(blocks=2, attention=3, lyrics=True).train()
    tokens = torch.randn(2, 3, 32), torch.tensor([[True, True, False], [False, False, False]])
    made(torch.randn(2, 4, 8, 8), torch.rand(2), torch.randn(2, 32), tokens).square().sum().backward()
    assert all(value.grad is not None and value.grad.isfinite().all() for value in made.parameters())
    # A bias of the keys moves all scores of a query alike, and the softmax forgets it.
    assert not [name for name, value in made.named_parameters() if value.grad is not None and not value.grad.any()]


def test_time_and_condition_have_an_effect() -> None:
    made, x = net(), torch.randn(1, 4, 8, 8)
    with torch.no_grad():
        base = made(x, torch.tensor([0.5]), torch.zeros(1, 32))
        assert (made(x, torch.tensor([0.5]), torch.ones(1, 32)) - base).abs().max() > 1e-3


def test_missing_lines_have_no_effect() -> None:
    torch.manual_seed(0)
    layer = CrossAttention(16, 32)
    torch.nn.init.ones_(layer.gate)
    x, tokens = torch.randn(2, 16, 4, 4), torch.randn(2, 3, 32)
    there = torch.tensor([[True, False, False], [False, False, False]])
    changed = tokens.clone()
    changed[:, 1:] = 7.0
    changed[1] = -3.0
    with torch.no_grad():
        assert torch.equal(layer(x, tokens, there), layer(x, changed, there))
        assert not torch.equal(layer(x, tokens, there), layer(x, tokens, torch.ones_like(there)))
