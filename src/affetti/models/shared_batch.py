"""A batch that several devices share: each holds every n-th clip, and all compute what one device would.

Gradients are averaged over devices, which is right for a loss that is a mean over clips. Three things are not, and are
done here so that a step on n devices equals a step on one with the same batch, but for rounding:

- *Random draws.* Every device draws for the whole batch from the same seed and keeps the rows of its own clips.
- *Statistics over the batch*, as of a concordance loss, a batch norm or a discriminator that compares clips:
  :func:`whole_batch` gathers the rows of all devices. Gradients pass: where each of n devices computes the same loss of
  the whole batch, the average over devices of what comes back is its gradient.
- *Changes that mix clips*, as mixup: :func:`on_whole_batch`.

Within :func:`sharing` the functions do so; outside, and on one device, they return what they are given. When not to
use: with shares of different sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

Rows = TypeVar("Rows", Tensor, tuple[Tensor, ...])


@dataclass(frozen=True)
class Share:
    """The part of a batch that this device holds: clips ``rank``, ``rank + devices``, and so on."""

    rank: int
    devices: int
    clips: int
    """Clips of each device."""

    def rows(self, x: Tensor) -> Tensor:
        """The rows of this device, of those of the whole batch."""
        return x[self.rank :: self.devices]


class _SumOverDevices(torch.autograd.Function):
    """The sum over devices; its gradient is the sum of theirs, and can be differentiated again."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ARG004 - torch's protocol
        """The sum."""
        total = x.detach().clone(memory_format=torch.contiguous_format)
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]  # noqa: ARG004
        """The sum of the gradients."""
        return _SumOverDevices.apply(gradient)  # type: ignore[no-any-return]


_share: ContextVar[Share | None] = ContextVar("share", default=None)


@contextmanager
def sharing(rank: int, devices: int, clips: int) -> Generator[None]:
    """Compute in this block what one device would compute with the batches of all ``devices``.

    Args:
        rank: number of this device.
        devices: how many there are; 1: nothing changes.
        clips: clips of each device.
    """
    if devices == 1:
        yield
        return
    share = Share(rank, devices, clips)
    token = _share.set(share)
    try:
        with _SharedDraws(share):
            yield
    finally:
        _share.reset(token)


def whole_batch(x: Tensor) -> Tensor:
    """The rows ``[n B, …]`` of all n devices, in the order of one device, from the rows ``[B, …]`` of this one."""
    share = _share.get()
    if share is None or len(x) != share.clips:
        return x
    place = torch.arange(share.rank, share.devices * share.clips, share.devices, device=x.device)
    empty = x.new_zeros((share.devices * share.clips, *x.shape[1:]))
    # Unlike a gather, this can be differentiated twice everywhere.
    return _SumOverDevices.apply(empty.index_copy(0, place, x))


def mean_over_devices(x: Tensor) -> Tensor:
    """The mean over devices of a statistic, which is that of the whole batch if it is a mean over clips."""
    share = _share.get()
    return x if share is None else _SumOverDevices.apply(x) / share.devices


def on_whole_batch(function: Callable[..., Rows], *rows: Tensor) -> Rows:
    """The rows of this device of what ``function`` makes of the whole batch."""
    share = _share.get()
    if share is None or len(rows[0]) != share.clips:
        return function(*rows)
    made = function(*map(whole_batch, rows))
    return share.rows(made) if isinstance(made, Tensor) else tuple(map(share.rows, made))  # type: ignore[return-value]


class SharedBatchNorm2d(nn.BatchNorm2d):
    """Batch norm whose mean and variance are those of the whole batch.

    torch's own for several devices works on GPUs alone.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name of the base class
        """Normalise ``[B, C, H, W]``."""
        if not self.training or (share := _share.get()) is None:
            return super().forward(input)
        mean = mean_over_devices(input.mean(dim=(0, 2, 3)))
        variance = mean_over_devices((input - mean[:, None, None]).square().mean(dim=(0, 2, 3)))
        count = share.devices * input.numel() // input.shape[1]
        self._track(mean.detach(), variance.detach() * count / max(1, count - 1))
        x = (input - mean[:, None, None]) * torch.rsqrt(variance + self.eps)[:, None, None]
        return x if self.weight is None else x * self.weight[:, None, None] + self.bias[:, None, None]  # type: ignore[redundant-expr]

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        rate = self.momentum if self.momentum is not None else 1.0 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean, rate)
        self.running_var.lerp_(variance, rate)


class _SharedDraws(TorchDispatchMode):
    """Random draws with a row for each clip are made for the whole batch, and the rows of this device kept."""

    def __init__(self, share: Share) -> None:
        super().__init__()
        self.share = share

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(kwargs or {})
        if torch.Tag.nondeterministic_seeded not in func.tags:
            return func(*args, **given)
        arguments = list(args)
        names = [argument.name for argument in func._schema.arguments]
        if "size" in names and names.index("size") < len(arguments):
            place = names.index("size")
            if not self._is_share(arguments[place]):
                return func(*args, **given)
            arguments[place] = self._whole(arguments[place])
            return self.share.rows(func(*arguments, **given)).contiguous()
        first = arguments[0] if arguments else None
        if not isinstance(first, Tensor) or not self._is_share(first.shape):
            return func(*args, **given)
        name = func._schema.name.removeprefix("aten::")
        if name == "native_dropout":
            ones = first.new_ones(self._whole(first.shape))
            kept = self.share.rows(func(ones, *arguments[1:], **given)[1])
            return first * kept / (1.0 - arguments[1]), kept
        if name.endswith("_like"):
            return self.share.rows(func(self._empty(first), *arguments[1:], **given))
        if name.endswith("_"):
            return first.copy_(self.share.rows(func(self._empty(first), *arguments[1:], **given)))
        return func(*args, **given)

    def _empty(self, x: Tensor) -> Tensor:
        """Room for the whole batch of ``x``, in the order in memory of ``x``, in which draws follow each other."""
        size, strides, step = self._whole(x.shape), [0] * x.ndim, 1
        for dimension in sorted(range(x.ndim), key=lambda dimension: (x.stride(dimension), -dimension)):
            strides[dimension] = step
            step *= size[dimension]
        return x.new_empty_strided(size, strides)

    def _is_share(self, size: Sequence[int]) -> bool:
        return len(size) > 0 and size[0] == self.share.clips

    def _whole(self, size: Sequence[int]) -> list[int]:
        return [self.share.devices * size[0], *size[1:]]
