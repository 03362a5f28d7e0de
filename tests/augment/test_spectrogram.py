from __future__ import annotations

import torch

from affetti.augment.spectrogram import spec_augment


def test_masks_hide_no_more_than_their_shares() -> None:
    torch.manual_seed(0)
    hidden = spec_augment(torch.ones(500, 40, 100), 0.15, 0.2, masks=1) == 0
    bands = hidden.all(dim=2).sum(dim=1)
    frames = hidden.all(dim=1).sum(dim=1)
    assert bands.max() == 6, "15 % of 40"
    assert frames.max() == 20
    assert bands.min() == frames.min() == 0
    assert (bands.float().mean() - 3).abs() < 0.4, "lengths from 0 to 6, each as likely"
    assert (frames.float().mean() - 10).abs() < 1.2


def test_a_mask_is_one_span_and_nothing_else_changes() -> None:
    torch.manual_seed(1)
    x = torch.randn(200, 40, 100)
    augmented = spec_augment(x, masks=1)
    for item, before in zip(augmented, x, strict=True):
        band = (item == 0).all(dim=1).nonzero().flatten()
        frame = (item == 0).all(dim=0).nonzero().flatten()
        assert len(band) == 0 or band[-1] - band[0] == len(band) - 1
        assert len(frame) == 0 or frame[-1] - frame[0] == len(frame) - 1
        kept = torch.ones(40, 100, dtype=torch.bool)
        kept[band], kept[:, frame] = False, False
        assert torch.equal(item[kept], before[kept])


def test_every_band_can_be_hidden() -> None:
    torch.manual_seed(2)
    hidden = (spec_augment(torch.ones(4_000, 20, 30)) == 0).all(dim=2).float().mean(dim=0)
    assert (hidden > 0.02).all()


def test_no_masks_change_nothing() -> None:
    x = torch.randn(3, 20, 30)
    assert torch.equal(spec_augment(x, masks=0), x)
    assert torch.equal(spec_augment(x, 0.0, 0.0), x)


def test_items_are_masked_differently() -> None:
    torch.manual_seed(3)
    augmented = spec_augment(torch.ones(20, 40, 100))
    assert len({item.numpy().tobytes() for item in augmented}) > 15
