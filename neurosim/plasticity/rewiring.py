"""Structural plasticity: weak synapses go, new ones grow."""

from __future__ import annotations

from neurosim.errors import DescriptionError
from neurosim.parameters import parameter
from neurosim.plasticity.upkeep import Upkeep

__all__ = ["Rewiring"]


class Rewiring(Upkeep):
    """Pruning and regrowth under a limit of synapses per neuron.

    Every interval, synapses whose |w| is below ``below`` are removed; then each neuron with fewer than ``fan_in``
    synapses of the projection grows new ones, at most ``growth``, from presynaptic neurons drawn uniformly among
    those that have none onto it (not from itself, in a population that projects onto itself). What is drawn depends
    on the seed of the run, the projection and the step alone. A run with rewiring takes one sample: each would have a
    network of its own.

    Source: the rule of Bellec, Kappel, Maass and Legenstein, ICLR 2018 ("Deep Rewiring"), with the fan-in in place of
    the total kept below a limit.

    Attributes:
        every: interval, s.
        below: |w| under which a synapse is removed.
        fan_in: most synapses of the projection onto one neuron that growing leads to.
        growth: most new synapses of a neuron at a time.
        weight: of new synapses, within the bounds of the rule.
        delay: of new synapses, s; a delay that the projection has, or one between. None: the one all share.
    """

    below: float = parameter(default=0.0, minimum=0.0)
    fan_in: int = 100
    growth: int = 2**31 - 1
    weight: float = parameter(default=1.0)
    delay: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("fan_in", "growth"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 0:
                raise DescriptionError(
                    "is not a number of synapses", where=f"Rewiring.{name}", value=value, limit=">= 0"
                )
