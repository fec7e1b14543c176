"""Lowering: from the description to the plan. Draws connectivity, weights and delays; orders the populations."""

from __future__ import annotations

from neurosim.connectivity.drawing import draw_rows
from neurosim.connectivity.rule import Ends
from neurosim.engine.plan import Plan, PlanDrive, PlanPopulation, PlanProjection
from neurosim.engine.stages import stages_of
from neurosim.errors import DescriptionError
from neurosim.network import Network, Projection

__all__ = ["lower"]


def lower(net: Network) -> Plan:
    """The plan of a network, drawn from its seed.

    Raises:
        CycleError: a cycle of zero delays, named.
        DescriptionError: a distribution that drew negative delays.
    """
    if not net.populations:
        raise DescriptionError(
            "the network has no population", where="Network", remedy="Add one with net.population(...)"
        )
    projections = tuple(_lower_projection(net, p) for p in net.projections.values())
    populations = {p.name: PlanPopulation(p.name, p.shape, p.model) for p in net.populations.values()}
    return Plan(
        dt=net.dt,
        seed=net.seed,
        inputs={p.name: p.shape for p in net.inputs.values()},
        populations=populations,
        projections=projections,
        outputs=net.outputs,
        stages=stages_of(populations, projections),
        drives=tuple(
            PlanDrive(d.name, d.population, d.drive, _receptor(net, d.population, d.receptor))
            for d in net.drives.values()
        ),
        sources={p.name: p.source for p in net.inputs.values() if p.source is not None},
    )


def _receptor(net: Network, population: str, name: str | None) -> int:
    return 0 if name is None else net.populations[population].model.RECEPTORS.index(name)


def _lower_projection(net: Network, p: Projection) -> PlanProjection:
    source = net.inputs[p.pre] if p.pre in net.inputs else net.populations[p.pre]
    rows = draw_rows(
        p.rule,
        Ends(source.shape, net.populations[p.post].shape, p.pre == p.post, net.seed),
        weight=p.weight,
        delay=p.delay,
        rounding=p.delay_rounding,
        keep_zeros=p.plasticity is not None,
        dt=net.dt,
        name=p.name,
    )
    return PlanProjection(p.name, p.pre, p.post, rows, _receptor(net, p.post, p.receptor), p.plasticity)
