"""The table of offsets against networks written by hand: one spike over one synapse, in our steps and in theirs."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurosim as ns
from neurosim.interchange.engine_offsets import OFFSETS, engine_offset

DT = 0.5e-3
STEPS = 30
SENT, DELAY = 4, 3
"""Our spike is sent in this step, over this delay."""

COMMON: dict[str, Any] = {"tau_membrane": 10e-3, "threshold": 1.0, "refractory": 2e-3}
MODELS: dict[str, tuple[ns.NeuronModel, float]] = {
    "LIF": (ns.LIF(**COMMON), 1.3),
    "CurrentLIF": (ns.CurrentLIF(tau_synapse=4e-3, resistance=2.0, **COMMON), 3.0),
    "DualCurrentLIF": (ns.DualCurrentLIF(tau_excitatory=4e-3, resistance=2.0, **COMMON), 3.0),
    "AlphaCurrentLIF": (ns.AlphaCurrentLIF(tau_excitatory=3e-3, resistance=2.0, **COMMON), 6.0),
}


def stepped(model: ns.NeuronModel, weight: float) -> tuple[dict[str, np.ndarray], list[int]]:
    """State of every step, and steps of spikes, by the model's own step function."""
    state = [float(v) for v in model.initial(DT).values()]
    constants = [*model.coefficients(DT).values(), *(getattr(model, name) for name in model.OPTIONS)]
    rows, spikes = [], []
    for k in range(STEPS):
        arrivals = [0.0] * len(model.RECEPTORS)
        arrivals[0] = weight if k == SENT + DELAY else 0.0
        *state, spike = model.step(*state, *arrivals, *constants)
        rows.append(state)
        if spike:
            spikes.append(k)
    return dict(zip(model.STATE, np.array(rows).T, strict=True)), spikes


def synapse_of(model: ns.NeuronModel) -> str:
    return next(name for name in model.STATE if name.startswith("i"))


@pytest.mark.parametrize("name", MODELS)
def test_nest_as_the_table_says(name: str) -> None:
    nest = pytest.importorskip("nest", reason="NEST is not installed (extra 'interop')")
    row = engine_offset("nest", name)
    model, weight = MODELS[name]
    ours, spikes = stepped(model, weight)
    parameters = {"tau_m": 10.0, "E_L": 0.0, "V_m": 0.0, "V_reset": 0.0, "V_th": 1.0, "t_ref": 2.0}
    resistance = getattr(model, "resistance", 1.0)
    parameters["C_m"] = 10.0 / resistance
    if row.synapse is not None:
        parameters["tau_syn_ex"] = getattr(model, "tau_excitatory", 4e-3) * 1e3
    factor = math.exp(-1.0) if row.weight.startswith("1/e") else 1.0
    nest.ResetKernel()
    nest.resolution = DT * 1e3
    try:
        # a spike of our step j is one at time (j + row.spike) dt there
        source = nest.Create("spike_generator", params={"spike_times": [(SENT + row.spike) * DT * 1e3]})
        neuron = nest.Create(row.theirs, params=parameters)
        synapse = {"weight": factor * weight, "delay": (DELAY + row.delay) * DT * 1e3}
        nest.Connect(source, neuron, syn_spec=synapse)
        names = ["V_m"] if row.synapse is None else ["V_m", "I_syn_ex"]
        meter = nest.Create("multimeter", params={"record_from": names, "interval": DT * 1e3})
        recorder = nest.Create("spike_recorder")
        nest.Connect(meter, neuron)
        nest.Connect(neuron, recorder)
        nest.Simulate(STEPS * DT * 1e3)
        times = np.rint(np.array(meter.events["times"]) / (DT * 1e3)).astype(int)
        v = dict(zip(times, meter.events["V_m"], strict=True))
        i = dict(zip(times, meter.events[names[-1]], strict=True))
        found = np.rint(np.array(recorder.events["times"]) / (DT * 1e3)).astype(int)
    finally:
        nest.ResetKernel()
    for j in range(1, STEPS - 2):
        assert v[j + row.potential] == pytest.approx(ours["v"][j], abs=1e-13), j
        if row.synapse is not None:
            assert i[j + row.synapse] == pytest.approx(ours[synapse_of(model)][j], abs=1e-13), j
    assert [t - row.spike for t in found] == spikes
    assert spikes


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("name", ["LIF", "CurrentLIF"])
def test_brian2_as_the_table_says(name: str) -> None:
    b2 = pytest.importorskip("brian2")
    row = engine_offset("brian2", name)
    model, weight = MODELS[name]
    ours, spikes = stepped(model, weight)
    before = b2.prefs.codegen.target
    b2.prefs.codegen.target = "numpy"
    try:
        clock = b2.Clock(dt=DT * b2.second)
        equations = {
            "LIF": "dv/dt = -v/(10*ms) : 1 (unless refractory)",
            "CurrentLIF": "dv/dt = (2*i_syn - v)/(10*ms) : 1 (unless refractory)\ndi_syn/dt = -i_syn/(4*ms) : 1",
        }[name]
        factor = math.exp(DT / model.tau_membrane) if row.weight.startswith("exp") else 1.0
        neuron = b2.NeuronGroup(
            1, equations, threshold="v >= 1", reset="v = 0", clock=clock, method="exact",
            refractory=(round(model.refractory / DT) + row.refractory) * DT * b2.second,
        )  # fmt: skip
        source = b2.SpikeGeneratorGroup(1, [0], [(SENT + row.spike) * DT] * b2.second, clock=clock)
        code = row.theirs.replace("i_post", "i_syn_post").replace("w", str(factor * weight))
        synapse = b2.Synapses(source, neuron, on_pre=code, clock=clock)
        synapse.connect()
        synapse.delay = (DELAY + row.delay) * DT * b2.second
        states = b2.StateMonitor(neuron, True, record=True, clock=clock)
        recorder = b2.SpikeMonitor(neuron)
        network = b2.Network(neuron, source, synapse, states, recorder)
        network.run((STEPS + 1) * DT * b2.second)
    finally:
        b2.prefs.codegen.target = before
    v = np.asarray(states.v[0])
    for j in range(STEPS):
        # a jump that waits for its decay is seen a step early in the standard schedule: compare after it
        if row.synapse is None and j == SENT + DELAY - 1:
            continue
        assert v[j + row.potential] == pytest.approx(ours["v"][j], abs=1e-13), j
        if row.synapse is not None:
            i = np.asarray(states.i_syn[0])
            assert i[j + row.synapse] == pytest.approx(ours["i"][j], abs=1e-13), j
    assert (np.rint(np.asarray(recorder.t_) / DT).astype(int) - row.spike).tolist() == spikes
    assert spikes


def test_every_translation_to_nest_has_its_row() -> None:
    from neurosim.interchange.nest_models import NEST_MODELS

    assert {row.model for row in OFFSETS if row.engine == "nest"} == {m.__name__ for m in NEST_MODELS}
    with pytest.raises(KeyError):
        engine_offset("nest", "AdaptiveLIF")


def test_the_page_has_the_table() -> None:
    page = (Path(__file__).parents[2] / "docs" / "interchange.md").read_text(encoding="utf-8")
    for row in OFFSETS:
        synapse = "" if row.synapse is None else f"{row.synapse:+d}"
        line = (
            f"| {row.engine} | `{row.model}` | `{row.theirs}` | {row.delay:+d} | {row.shortest} | {row.weight} "
            f"| {row.spike:+d} | {row.potential:+d} | {synapse} | {row.refractory:+d} |"
        )
        assert line in page, line
