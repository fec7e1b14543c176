"""The numbers of a module on the machine's grid against what compiling holds and the core derives."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neurosim import hardware, neurons, nn, simulate  # noqa: E402
from neurosim.engine.lower import lower  # noqa: E402
from neurosim.engine.recording import Record  # noqa: E402
from neurosim.hardware import SpiNNaker  # noqa: E402
from neurosim.hardware.spinnaker.numerics.arithmetic import ONE  # noqa: E402
from neurosim.hardware.spinnaker.numerics.derived_constants import derive  # noqa: E402
from neurosim.hardware.spinnaker.quantise.activity import safe_activity  # noqa: E402
from neurosim.hardware.spinnaker.quantise.neuron_program import program  # noqa: E402
from neurosim.hardware.spinnaker.training import Quantisation  # noqa: E402
from neurosim.neurons import SpikeWhen  # noqa: E402
from neurosim.spikes import Spikes  # noqa: E402

DT = 1e-3
MODELS = {
    "leaky": neurons.LIF(tau_membrane=13.7e-3, threshold=0.93, refractory=2e-3),
    "exceeded": neurons.LIF(tau_membrane=9e-3, spike_when=SpikeWhen.EXCEEDED),
    "driven": neurons.LIF(v_rest=-0.2, v_reset=-0.3, current=0.0131),
    "current": neurons.CurrentLIF(tau_membrane=21e-3, tau_synapse=4.1e-3, threshold=0.3),
    "no leak": neurons.IntegrateAndFire(threshold=1.3),
}


@pytest.mark.parametrize("model", MODELS)
def test_module_holds_what_the_core_derives(model):
    """16-bit weights, s16.15 membrane decays, u0.32 synaptic decays, threshold words."""
    layer = nn.neuron_layer(MODELS[model], 7, dt=DT)
    module = nn.quantise(nn.Sequential(nn.Linear(11, 7, seed=3), layer), Quantisation()).eval()
    net, _ = nn.to_network(module)
    plan = lower(net)
    population = plan.populations["output"]
    words = program(population, DT, safe_activity(plan, population))
    constants, _ = derive(words.model, words.neuron, words.inputs, words.threshold, words.synapse)
    c = layer.described_model().coefficients(DT)
    if model != "no leak":
        assert np.allclose(constants.exp_tc / ONE, c["decay"], rtol=1e-12)
    if model == "current":
        assert np.allclose(constants.decay_exc / 2**32, c["decay_synapse"], rtol=1e-12)
    scale, offset = words.states["v"]
    threshold = (np.asarray(c["threshold"]) - offset) * scale * ONE
    assert np.allclose(threshold, np.rint(threshold), atol=1e-6)
    # a threshold to be exceeded is higher by what rounding may add, see `SUPPORT`
    above = 1 + (1e-5 * threshold if model == "exceeded" else 0)
    assert np.all((words.threshold - above <= threshold + 1e-6) & (threshold <= words.threshold + 1e-6))
    weight = module.layers[0].effective_weight().detach().double().numpy()
    shift = np.where(weight < 0, *words.shifts[::-1])
    raw = weight * words.factor[:, None] * 2.0 ** (15 - shift)
    assert np.abs(raw - np.rint(raw)).max() < 65536 * 1e-7  # float32
    assert 2**6 < np.abs(raw).max() < 2**16


def _units(build):
    """Largest unit of a weight."""
    scale, _ = build.manifest.populations["output"].states["v"]
    return 2.0 ** max(build.manifest.settings["left_shift"]["output"]) / scale


def test_calibration_holds_the_same_numbers_in_finer_units(tmp_path):
    module = nn.Sequential(nn.Linear(200, 7, seed=3, gain=2.0), nn.neuron_layer(MODELS["leaky"], 7, dt=DT))
    net, _ = nn.to_network(nn.quantise(module, Quantisation()).eval())
    x = Spikes.from_dense((np.random.default_rng(0).random((80, 4, 200)) < 0.01).astype(np.uint8), dt=DT)
    plain = hardware.compile(net, SpiNNaker())
    fine = hardware.compile(net, SpiNNaker(), calibration={"input": x})
    assert _units(fine) < _units(plain)
    record = {"output": Record("spikes", "v")}
    engine = simulate(net, {"input": x}, record=record)["output"]
    for name, build in (("plain", plain), ("fine", fine)):
        assert np.array_equal(build.weights["input->output"], lower(net).projections[0].weight)
        build.save(tmp_path / name)
        machine = hardware.load(tmp_path / name).emulate({"input": x}, record=record)["output"]
        assert len(machine.spikes) > 20
        assert machine.spikes == engine.spikes
        scale, _ = build.manifest.populations["output"].states["v"]
        keep = float(module.layers[1].described_model().coefficients(DT)["decay"])
        # two products round down in a step, each by less than a word
        assert np.abs(machine.v - engine.v).max() <= 2 / (1 - keep) / scale / ONE


def test_delays_are_those_of_the_machine():
    rules = Quantisation()
    assert (rules.minimum_delay, rules.max_delay_steps) == (1, SpiNNaker().limits["delay_slots"])
