"""What every layer of synapses with learnable delays has: the delays, their range, and the inputs under way."""

from __future__ import annotations

from enum import Enum
from typing import Any

import torch
from torch import Tensor

from neurosim.errors import DescriptionError, ShapeError
from neurosim.nn.straight_through import straight_through
from neurosim.nn.synapses.linear import Synapses

__all__ = ["DelayGrid", "DelayedSynapses"]


class DelayGrid(Enum):
    """Which delays a layer computes with while it learns real-valued ones."""

    REAL = "real"
    """the learnt ones, each shared between the two whole steps around it"""
    WHOLE = "whole"
    """the nearest whole steps, as a device has them; the gradient is that of the real ones (straight through)"""


class DelayedSynapses(Synapses):
    """Base of synapse layers with learnable delays.

    Clamp after every change of the parameters with `constrain_`; delays outside act as the nearest end of the range.
    The state is the last inputs, of which arrivals may still be under way: ``[<= max_delay_steps, B, n_in]``.

    Args:
        n_in, n_out: presynaptic and postsynaptic neurons.
        max_delay_steps: longest delay, in steps; a device's limit, if it is to run there.
        minimum_delay: shortest delay, in steps.
        grid: whether to learn with whole delays.
        options: see `Synapses`.

    Attributes:
        delay: parameter, in steps.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        max_delay_steps: int,
        *,
        minimum_delay: int = 0,
        grid: DelayGrid = DelayGrid.REAL,
        **options: Any,
    ) -> None:
        super().__init__(n_in, n_out, **options)
        whole = int(max_delay_steps) == max_delay_steps and int(minimum_delay) == minimum_delay
        if not whole or not 0 <= minimum_delay <= max_delay_steps < 2**16:
            raise DescriptionError(
                "delays need 0 <= minimum_delay <= max_delay_steps",
                where=type(self).__name__,
                value=(minimum_delay, max_delay_steps),
                limit="whole steps below 65536",
            )
        self.max_delay_steps, self.minimum_delay = int(max_delay_steps), int(minimum_delay)
        self.grid = DelayGrid(grid)
        drawn = self.minimum_delay + self._drawn() * (self.max_delay_steps - self.minimum_delay)
        self.delay = torch.nn.Parameter(torch.from_numpy(drawn).to(self.weight.dtype))

    def _drawn(self) -> Any:
        """Numbers in [0, 1) of the shape of `delay`."""
        return self._uniform("delay")

    def extra_repr(self) -> str:
        """The layer's arguments, for ``repr``."""
        grid = "" if self.grid is DelayGrid.REAL else f", grid={self.grid}"
        return f"{super().extra_repr()}, {self.max_delay_steps}, minimum_delay={self.minimum_delay}{grid}"

    def _in_range(self) -> Tensor:
        return self.delay.clamp(self.minimum_delay, self.max_delay_steps)

    def _learnt(self) -> Tensor:
        """The delays, within the range; gradients as if it had no ends, so that a delay on an end can come back."""
        return straight_through(self.delay, self._in_range())

    def _per_synapse(self, delay: Tensor) -> Tensor:
        """``delay``, of the shape of the parameter, for every synapse ``[n_out, n_in]``."""
        return delay

    def learnt_delays(self) -> Tensor:
        """Delays ``[n_out, n_in]`` as they are learnt: real-valued, within the range, with a gradient that passes."""
        return self._per_synapse(self._learnt())

    def delay_steps(self) -> Tensor:
        """Delays ``[n_out, n_in]`` in steps, within the range, not necessarily whole."""
        steps = self._per_synapse(self._in_range())
        return steps if self.grid is DelayGrid.REAL else (steps + 0.5).floor()

    @torch.no_grad()
    def constrain_(self) -> None:
        """Put delays that left the range back on its ends."""
        self.delay.clamp_(self.minimum_delay, self.max_delay_steps)

    @torch.no_grad()
    def round_delays_(self) -> float:
        """Make every delay whole, floor(d + 1/2), and return the largest change in steps."""
        whole = (self._in_range() + 0.5).floor()
        change = float((whole - self.delay).abs().max())
        self.delay.copy_(whole)
        return change

    def _with_past(self, x: Tensor, state: Tensor | None, reach: int) -> tuple[Tensor, int, Tensor]:
        """``x`` with what was before it, how many steps that is, and the state: the last ``reach`` of all."""
        if state is not None and (state.shape[1:] != x.shape[1:] or state.dtype != x.dtype):
            raise ShapeError(
                "a state does not fit", where=type(self).__name__, value=(*state.shape, str(state.dtype)),
                limit=f"[steps, {x.shape[1]}, {x.shape[2]}] of {x.dtype}",
            )  # fmt: skip
        known = 0 if state is None else len(state)
        whole = x if state is None or not known else torch.cat([state, x])
        return whole, known, whole[max(0, len(whole) - reach) :]
