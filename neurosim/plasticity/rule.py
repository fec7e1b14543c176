"""What a plasticity rule is: frozen parameters that ride on a projection, and pure scalar functions of one synapse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from neurosim.errors import DescriptionError
from neurosim.parameters import Parameters, parameter
from neurosim.plasticity.options import DelaySite, Delivered, SameStep, WeightUpdate
from neurosim.plasticity.upkeep import Upkeep

__all__ = ["PlasticityRule"]


class PlasticityRule(Parameters):
    """Base of plasticity rules: what happens to a weight when spikes reach its synapse.

    A subclass declares

    - ``PRE_TRACES``, ``POST_TRACES``: names of the traces of its neurons. A trace decays by a factor a step and grows
      by one at a spike of its neuron (those that `restarting` names are set to one instead);
    - ``SYNAPSE``: names of what each synapse remembers besides its weight; it starts at zero and decays by a factor a
      step;
    - `decays`: those factors; `coefficients`: the numbers its functions take; ``OPTIONS``: its enum fields, compiled
      in;

    and static functions over plain numbers that Numba can compile, using only `math`, `IntEnum` classes and other such
    functions of their module::

        on_pre(weight, *synapse, *pre_traces, *post_traces, m, *coefficients, *options) -> weight
        on_post(weight, *synapse, *pre_traces, *post_traces, m, *coefficients, *options) -> weight
        modulate(weight, *synapse, m, *coefficients, *options) -> weight        (or None: there is none)

    With ``SYNAPSE`` the first two return ``(weight, *synapse)``. ``m`` is the modulator's value in this step
    (``modulators=`` of the run; ``MODULATOR`` where the run gives none). A spike's own traces are seen as they were
    before it. ``modulate`` is called for every synapse, at the end of each step in which m is not zero. Weights are
    clipped to [w_min, w_max] after every call.

    Attributes:
        w_min, w_max: bounds of the weight.
        delay_site, same_step, weight_update, delivered: conventions, see `neurosim.plasticity.options`; the defaults
            are Brian2's.
        upkeep: what is done to all synapses at an interval, in this order.

    Raises:
        DescriptionError: bounds that cross, or conventions that exclude each other: the weight after a spike cannot be
            delivered over an axonal delay unless the presynaptic side acts first.
    """

    w_min: float = parameter(default=float("-inf"), infinite=True)
    w_max: float = parameter(default=float("inf"), infinite=True)
    delay_site: DelaySite = DelaySite.AXONAL
    same_step: SameStep = SameStep.POTENTIATING
    weight_update: WeightUpdate = WeightUpdate.AT_EVENT
    delivered: Delivered = Delivered.BEFORE
    upkeep: tuple[Upkeep, ...] = ()

    PRE_TRACES: ClassVar[tuple[str, ...]] = ()
    POST_TRACES: ClassVar[tuple[str, ...]] = ()
    SYNAPSE: ClassVar[tuple[str, ...]] = ()
    OPTIONS: ClassVar[tuple[str, ...]] = ()
    MODULATOR: ClassVar[float] = 1.0

    on_pre: ClassVar[Callable[..., Any]]
    on_post: ClassVar[Callable[..., Any]]
    modulate: ClassVar[Callable[..., Any] | None] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        where = type(self).__name__
        if self.w_min > self.w_max:
            raise DescriptionError("w_min is above w_max", where=where, value=(self.w_min, self.w_max))
        if (
            self.delay_site is DelaySite.AXONAL
            and self.delivered is Delivered.AFTER
            and self.same_step is not SameStep.POTENTIATING
        ):
            raise DescriptionError(
                "a spike that arrives cannot be delivered with a weight that a postsynaptic spike of the step changes",
                where=where,
                value=self.same_step.name,
                limit=SameStep.POTENTIATING.name,
                remedy="Use Delivered.BEFORE, or DelaySite.DENDRITIC",
            )
        if not isinstance(self.upkeep, tuple):
            object.__setattr__(
                self, "upkeep", tuple(self.upkeep) if isinstance(self.upkeep, list) else (self.upkeep,)
            )
        for u in self.upkeep:
            if not isinstance(u, Upkeep):
                raise DescriptionError("is not an Upkeep", where=f"{where}.upkeep", value=repr(u))

    def decays(self, dt: float) -> Mapping[str, float]:
        """What is left after one step of every trace and of what a synapse remembers, by name."""
        return {}

    def restarting(self) -> frozenset[str]:
        """Traces that a spike sets to one, instead of adding one."""
        return frozenset()

    def coefficients(self, dt: float) -> Mapping[str, float]:
        """Numbers that the functions take, by name and in order."""
        return {}
