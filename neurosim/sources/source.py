"""What a source of spikes is: frozen parameters that ride on an input, and the spikes of any range of steps."""

from __future__ import annotations

from neurosim.parameters import Parameters
from neurosim.spikes import Spikes

__all__ = ["Source"]


class Source(Parameters):
    """Base of the sources an input can have: ``net.input("noise", 100, source=ns.PoissonSource(rate=20.0))``.

    A run that is given spikes for the input uses those instead.
    """

    def check(self, shape: tuple[int, ...], dt: float, where: str) -> None:
        """Raise `DescriptionError` if the parameters do not fit an input of this shape, or this time step."""

    def most(self, dt: float) -> int:
        """A bound for the spikes of one channel in one step; what counts them is made large enough."""
        raise NotImplementedError

    def spikes(
        self, shape: tuple[int, ...], dt: float, first: int, stop: int, samples: range, key: int
    ) -> Spikes:
        """The spikes of steps ``first`` to ``stop`` of the network's life and of some samples of the run.

        ``key`` (`neurosim.random.key`) names the random stream. A spike depends on (key, sample, step, neuron) alone,
        so any cutting into ranges gives the same train. The result has ``stop - first`` steps, its step 0 being
        ``first``, and ``len(samples)`` samples.
        """
        raise NotImplementedError
