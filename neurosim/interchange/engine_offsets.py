"""How the steps of other simulators lie against those of this one, as data: what the backends use, and what a network
written by hand for another simulator has to reckon with to give the same spikes.

Rows of ``nest`` hold for NEST 3; rows of ``brian2`` for Brian2's standard schedule (state update, thresholds, synapses,
resets), a `StateMonitor` as it comes, and delta or exponential synapses written in the usual way. ``backend="brian2"``
arranges the schedule so that none of these offsets is left.
"""

from __future__ import annotations

from neurosim.parameters import Parameters

__all__ = ["OFFSETS", "EngineOffset", "engine_offset"]


class EngineOffset(Parameters):
    """One model in one simulator. Steps are of ``dt``.

    Attributes:
        engine: ``"nest"`` or ``"brian2"``.
        model: the model here.
        theirs: its counterpart there.
        delay: what is added to a delay of ours to get theirs.
        shortest: our shortest delay between populations that they can hold.
        weight: what a weight is multiplied by, in terms of our parameters (their unit in brackets).
        spike: a spike of our step j is recorded there at time (j + spike) dt.
        potential: v of our step j is recorded there at time (j + potential) dt.
        synapse: the same for synaptic currents and conductances; None where there are none.
        refractory: what is added to a refractory period in steps.
    """

    engine: str
    model: str
    theirs: str
    delay: int
    shortest: int
    weight: str
    spike: int
    potential: int
    synapse: int | None = None
    refractory: int = 0


def _nest(model: str, theirs: str, weight: str, *, lead: int) -> EngineOffset:
    """NEST's time is that of the end of a step, and its shortest delay one step; arrivals at a current or conductance
    come at the end of a step, so the potential sees them in the next."""
    return EngineOffset(
        engine="nest",
        model=model,
        theirs=theirs,
        delay=-lead,
        shortest=1 + lead,
        weight=weight,
        spike=1,
        potential=1,
        synapse=0 if lead else None,
    )


def _brian2(model: str, weight: str, *, synapse: int | None) -> EngineOffset:
    """Brian2's time is that of the start of a step; arrivals come after the thresholds, so the potential sees them in
    the next step (and a jump of the potential decays in it before it is compared)."""
    return EngineOffset(
        engine="brian2",
        model=model,
        theirs="v_post += w" if synapse is None else "i_post += w",
        delay=-1,
        shortest=1,
        weight=weight,
        spike=0,
        potential=1,
        synapse=synapse,
        refractory=1,
    )


OFFSETS = (
    _nest("LIF", "iaf_psc_delta", "1 (mV)", lead=0),
    _nest("LeakyIntegrator", "iaf_psc_delta", "1 (mV)", lead=0),
    _nest("IntegrateAndFire", "iaf_psc_delta", "1 (mV)", lead=0),
    _nest("CurrentLIF", "iaf_psc_exp", "1 (pA; C_m = tau_membrane/resistance)", lead=1),
    _nest("DualCurrentLIF", "iaf_psc_exp", "1 (pA; C_m = tau_membrane/resistance)", lead=1),
    _nest("AlphaCurrentLIF", "iaf_psc_alpha", "1/e (pA; C_m = tau_membrane/resistance)", lead=1),
    _nest("ConductanceLIF", "iaf_cond_exp", "1, inhibitory -1 (nS; g_L = 1/resistance)", lead=1),
    _nest("AlphaConductanceLIF", "iaf_cond_alpha", "1/e, inhibitory -1/e (nS; g_L = 1/resistance)", lead=1),
    _nest("AdEx", "aeif_psc_exp", "1 (pA; C_m = tau_membrane/resistance)", lead=1),
    _nest("Izhikevich", "izhikevich", "1 (mV; TWO_HALF_STEPS: 1/dt in ms)", lead=0),
    _nest("Relay", "parrot_neuron", "1", lead=0),
    _brian2("LIF", "exp(dt/tau_membrane)", synapse=None),
    _brian2("CurrentLIF", "1", synapse=0),
    _brian2("DualCurrentLIF", "1", synapse=0),
)
"""All rows; `engine_offset` finds one."""


def engine_offset(engine: str, model: str) -> EngineOffset:
    """The row of a model in a simulator. Raises `KeyError` where there is none."""
    for row in OFFSETS:
        if (row.engine, row.model) == (engine, model):
            return row
    raise KeyError((engine, model))
