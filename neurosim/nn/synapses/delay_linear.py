"""Synapses that learn a delay each."""

from __future__ import annotations

from torch import Tensor

from neurosim.nn.ops.delays import delayed_linear
from neurosim.nn.synapses.delayed import DelayedSynapses, DelayGrid

__all__ = ["DelayLinear"]


class DelayLinear(DelayedSynapses):
    """All-to-all synapses with a learnable weight and a learnable delay each.

    While training a delay is a real number of steps, shared between the two whole ones around it (linear
    interpolation, as in Hammouamri, Khalfaoui-Hassani and Masquelier, ICLR 2024, in the limit of narrow kernels);
    `round_delays_` ends that, and ``grid=DelayGrid.WHOLE`` learns with whole delays from the start. The first delays
    are uniform over the range. Arguments: see `DelayedSynapses`.

    Attributes:
        weight, delay: parameters ``[n_out, n_in]``; delays in steps.
    """

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Arrivals ``[T, B, n_out]`` of ``x [T, B, n_in]``; the state is the last ``max_delay_steps`` inputs."""
        self._check(x)
        inputs, known, after = self._with_past(x, state, self.max_delay_steps)
        arrivals = delayed_linear(
            inputs, self.effective_weight(), self._learnt(), self.max_delay_steps,
            skip=known, whole=self.grid is DelayGrid.WHOLE,
        )  # fmt: skip
        return arrivals, after
