"""What sPyNNaker's host changes of a network without a word."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.compiler.quantise import rounding_loss
from neurosim.hardware.spinnaker.device_network import DeviceNetwork, DeviceProjection
from neurosim.hardware.spinnaker.numerics.ring_buffer import undelivered
from neurosim.hardware.spinnaker.pynn.conversion import weight_of, weight_scale
from neurosim.hardware.spinnaker.pynn.host_network import global_scale
from neurosim.hardware.spinnaker.pynn.listed_rows import left_out
from neurosim.hardware.spinnaker.pynn.network import PyNNNetwork
from neurosim.loss_report import Loss, LossKind

__all__ = ["losses_of"]

_SAME = 1e-9  # ms


def losses_of(network: PyNNNetwork, device: DeviceNetwork) -> tuple[Loss, ...]:
    """Weights rounded, wrapped, robbed of their sign; delays moved; synapses left out or never delivered."""
    losses: list[Loss] = []
    for p, q in zip(network.projections, device.projections, strict=True):
        where, post = f"projection {q.name!r}", network.population(p.post)
        shift, scale = device.populations[p.post].shifts[q.receptor], global_scale(post)
        order = p.row_order
        size = np.abs(p.table[order, 2])
        wrapped = np.rint(size * weight_scale(shift, scale)) > 0xFFFF
        held = weight_of(q.raw, shift, scale)
        losses += rounding_loss(where, size[~wrapped], held[~wrapped])
        vanished = (q.raw == 0) & (size > 0) & ~wrapped
        negative = p.table[:, 2] < 0 if q.receptor == 0 else np.zeros(0, np.bool_)
        moved = np.abs(p.table[order, 3] - q.delay * (device.timestep / 1000))
        limit = 2.0 ** (shift + 1) / scale
        silent = _silent(q, device) if q.plastic else np.zeros(0, np.bool_)
        if lost := _left_out(q, device):
            text = f"{lost} of {len(size)} synapses are left out: the host cuts rows short, as the list is not sorted"
            losses.append(Loss(kind=LossKind.DROPPED, where=where, what=text))
        for kind, found, what, amount in (
            (LossKind.ROUNDED, vanished, "weights round to zero", None),
            (LossKind.CLIPPED, wrapped, f"weights of {limit:g} and more wrap around to small ones", None),
            (LossKind.DROPPED, negative, "weights lose their minus sign and excite", None),
            (
                LossKind.DROPPED,
                silent,
                "plastic synapses never deliver: their delay is the number of ring-buffer slots",
                None,
            ),
            (
                LossKind.ROUNDED,
                moved > _SAME,
                "delays move to whole steps; ms at most",
                moved.max(initial=0.0),
            ),
        ):
            if found.any():
                text = f"{np.count_nonzero(found)} of {len(size)} {what}"
                losses.append(
                    Loss(kind=kind, where=where, what=text, amount=None if amount is None else float(amount))
                )
    return tuple(losses)


def _left_out(q: DeviceProjection, device: DeviceNetwork) -> int:
    if q.room is None:
        return 0
    post = device.populations[q.post]
    target, delay = q.target.astype(np.int64), q.delay.astype(np.int64)
    return left_out(q.sources(), target, delay, post.full_core, post.slots, q.room)


def _silent(q: DeviceProjection, device: DeviceNetwork) -> NDArray[np.bool_]:
    return undelivered(q.delay, device.delay_bits(q.post), device.populations[q.post].slots)
