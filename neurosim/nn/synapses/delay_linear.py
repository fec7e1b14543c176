"""Synapses that learn their delays."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from neurosim.errors import DescriptionError
from neurosim.nn.ops.delays import delayed_linear
from neurosim.nn.synapses.linear import Synapses

__all__ = ["DelayLinear"]


class DelayLinear(Synapses):
    """All-to-all synapses with a learnable weight and a learnable delay each.

    While training a delay is a real number of steps, shared between the two whole ones around it (linear
    interpolation, as in Hammouamri, Khalfaoui-Hassani and Masquelier, ICLR 2024, in the limit of narrow kernels);
    `round_delays_` ends that. The first delays are uniform over the range. Clamp after every change of the
    parameters with `clamp_delays_`; delays outside act as the nearest end of the range.

    Args:
        n_in, n_out: presynaptic and postsynaptic neurons.
        max_delay_steps: longest delay, in steps.
        minimum_delay: shortest delay, in steps.
        options: see `Synapses`.

    Attributes:
        weight, delay: parameters ``[n_out, n_in]``; delays in steps.
    """

    def __init__(
        self, n_in: int, n_out: int, max_delay_steps: int, *, minimum_delay: int = 0, **options: Any
    ) -> None:
        super().__init__(n_in, n_out, **options)
        if int(max_delay_steps) != max_delay_steps or not 0 <= minimum_delay <= max_delay_steps < 2**16:
            raise DescriptionError(
                "delays need 0 <= minimum_delay <= max_delay_steps",
                where=type(self).__name__,
                value=(minimum_delay, max_delay_steps),
                limit="whole steps below 65536",
            )
        self.max_delay_steps, self.minimum_delay = int(max_delay_steps), int(minimum_delay)
        drawn = self.minimum_delay + self._uniform("delay") * (self.max_delay_steps - self.minimum_delay)
        self.delay = torch.nn.Parameter(torch.from_numpy(drawn).to(self.weight.dtype))

    def extra_repr(self) -> str:
        """The layer's arguments, for ``repr``."""
        return f"{super().extra_repr()}, {self.max_delay_steps}, minimum_delay={self.minimum_delay}"

    def delay_steps(self) -> Tensor:
        """Delays ``[n_out, n_in]`` in steps, within the range, not necessarily whole."""
        return self.delay.clamp(self.minimum_delay, self.max_delay_steps)

    @torch.no_grad()
    def clamp_delays_(self) -> None:
        """Put delays that left the range back on its ends."""
        self.delay.clamp_(self.minimum_delay, self.max_delay_steps)

    def constrain_(self) -> None:
        """The same as `clamp_delays_`, the hook that every layer may have."""
        self.clamp_delays_()

    @torch.no_grad()
    def round_delays_(self) -> float:
        """Make every delay whole, floor(d + 1/2), and return the largest change in steps."""
        whole = (self.delay_steps() + 0.5).floor()
        change = float((whole - self.delay).abs().max())
        self.delay.copy_(whole)
        return change

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Arrivals ``[T, B, n_out]`` of ``x [T, B, n_in]``; the state is the last ``max_delay_steps`` inputs."""
        self._check(x)
        known = 0 if state is None else len(state)
        whole = x if state is None else torch.cat([state, x])
        # values within the range, gradients as if it had no ends: a delay on an end can come back
        delay = self.delay + (self.delay_steps() - self.delay).detach()
        arrivals = delayed_linear(whole, self.effective_weight(), delay, self.max_delay_steps)
        return arrivals[known:], whole[max(0, len(whole) - self.max_delay_steps) :]
