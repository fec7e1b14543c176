"""The py-spinnaker2 script: against the trace that py-spinnaker2's own software twin left with the NIR paper, and run
on a stand-in for the package (neither the chip nor the package is at hand)."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from neurosim.connectivity import AllToAll
from neurosim.engine.recording import Record
from neurosim.engine.simulate import simulate
from neurosim.errors import CapacityError, LossError, UnsupportedError
from neurosim.hardware.spinnaker import spinnaker2_script
from neurosim.loss_report import LossKind
from neurosim.network import Network
from neurosim.neurons import LIF, CurrentLIF, Discretisation, IntegrateAndFire, Izhikevich, Reset, SpikeWhen
from neurosim.spikes import Spikes

STAND_IN = '''
"""The few classes of py-spinnaker2 that a script uses, in float32: see the rule in `spinnaker2_script`."""
import numpy as np


class Population:
    def __init__(self, size, neuron_model, params, name, record=()):
        self.size, self.model, self.params, self.name = size, neuron_model, params, name

    def set_max_atoms_per_core(self, n):
        assert 1 <= n <= 250

    def get_spikes(self):
        return self.spikes


class Projection:
    def __init__(self, pre, post, connections):
        most, longest = (15, 7) if post.model == "lif" else (127, 0)
        for i, j, w, d in connections:
            assert type(w) is int and abs(w) <= most and 0 <= d <= longest and i < pre.size and j < post.size
        self.pre, self.post, self.connections = pre, post, connections


class Network:
    def __init__(self, name):
        self.parts = []

    def add(self, *parts):
        self.parts += parts


class SpiNNaker2Chip:
    def __init__(self, eth_ip=None):
        pass

    def run(self, net, steps):
        f = np.float32
        populations = [p for p in net.parts if isinstance(p, Population)]
        projections = [p for p in net.parts if isinstance(p, Projection)]
        arriving = {id(p): np.zeros((steps + 9, 2, p.size), f) for p in populations}
        state = {id(p): [np.zeros(p.size, f) for _ in range(3)] for p in populations}
        for p in populations:
            p.spikes = {i: [] for i in range(p.size)}
        for t in range(steps):
            for p in populations:
                if p.model == "spike_list":
                    fired = [i for i, ticks in p.params.items() for tick in ticks if tick == t]
                else:
                    x, k = arriving[id(p)][t], p.params
                    v, exc, inh = state[id(p)]
                    if p.model == "lif_curr_exp_no_delay":
                        exc[:] = exc * f(k["exc_decay"]) + x[0]
                        inh[:] = inh * f(k["inh_decay"]) + x[1]
                        x = exc, inh
                    v[:] = v * np.asarray(k["alpha_decay"], f) + (x[0] - x[1]) + np.asarray(k["i_offset"], f)
                    over = v > np.asarray(k["threshold"], f)
                    fired = np.flatnonzero(over).tolist()
                    reset = np.asarray(k["v_reset"], f)
                    v[over] = (v - np.asarray(k["threshold"], f) if "sub" in k["reset"] else reset + 0 * v)[over]
                for i in fired:
                    p.spikes[i].append(t)
                for q in projections:
                    if q.pre is p:
                        for i in fired:
                            for pre, post, w, d in q.connections:
                                if pre == i:
                                    arriving[id(q.post)][t + d + 1, int(w < 0), post] += abs(w)
'''


@pytest.mark.reference("nir_paper/01_lif_all.npz")
def test_the_trace_of_the_nir_paper(reference_file):
    """One LIF, tau 2.5 ms, at 0.1 ms by forward Euler, driven through a weight of one; the paper scaled weights by
    102.02. Its twin works in float64 with the decay rounded to float32, and lets an input act in its own step."""
    with np.load(reference_file) as file:
        inputs, voltage, spikes = (file[f"spinnaker2_{name}"] for name in ("input", "voltage", "spikes"))
    net = Network(dt=1e-4)
    net.input("in", 1)
    model = LIF(
        tau_membrane=2.5e-3, threshold=0.1, discretisation=Discretisation.EULER, spike_when=SpikeWhen.EXCEEDED
    )
    net.population("lif", 1, model)
    net.connect("in", "lif", AllToAll(), weight=1e-4 / 2.5e-3)  # of an input current of one, R = 1
    script = spinnaker2_script(net, scale={"lif": 102.02 * 25})
    made = script.populations["lif"]
    assert made.model == "lif_no_delay"
    assert made.params["threshold"] == pytest.approx(255.05)
    (weight,) = np.rint(np.array([0.04]) * made.scale)
    assert weight == 102
    v, decay, fired, trace = 0.0, float(np.float32(made.params["alpha_decay"])), [], []
    for s in inputs:
        v = decay * v + weight * s
        fired.append(v > made.params["threshold"])
        v = 0.0 if fired[-1] else v
        trace.append(v / 102.02)
    assert np.flatnonzero(fired).tolist() == np.flatnonzero(spikes).tolist() == [460, 510, 710, 760]
    np.testing.assert_allclose(trace, voltage, atol=1e-12)


def run_script(script, inputs, steps, folder):
    """Spikes [k, 2] (step, neuron) of each population, from the script on the stand-in."""
    package = folder / "packages" / "spinnaker2"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "snn.py").write_text(STAND_IN)
    (package / "hardware.py").write_text("from spinnaker2.snn import SpiNNaker2Chip")
    script.save(folder / "script")
    np.savez(folder / "inputs.npz", **inputs)
    command = [
        sys.executable,
        folder / "script" / "run.py",
        folder / "inputs.npz",
        folder / "spikes.npz",
        str(steps),
    ]
    done = subprocess.run(
        command, env={"PYTHONPATH": str(package.parent)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with np.load(folder / "spikes.npz") as file:
        return dict(file)


def two_populations(model, delays, dt=1e-3, n=12):
    """Weights are multiples of the unit of the program, so that nothing is lost."""
    most = 127 if max(delays) == 1 else 15
    rng = np.random.default_rng(3)
    net = Network(dt=dt)
    net.input("in", 8)
    net.population("a", n, model)
    net.population("b", n, model)
    for pre, post, size in (("in", "a", 8), ("a", "b", n), ("b", "a", n)):
        weight = rng.integers(-most // 3, most + 1, (size, n)) / most
        weight[0, 0] = 1.0
        delay = rng.choice(delays, (size, n)) * dt
        net.connect(pre, post, AllToAll(), weight=weight, delay=delay)
    net.output("b")
    return net


@pytest.mark.parametrize(
    ("model", "delays", "program"),
    [
        (
            LIF(tau_membrane=10e-3, threshold=1.51, v_rest=-1.0, v_reset=-1.5, current=0.3),
            [1],
            "lif_no_delay",
        ),
        (LIF(tau_membrane=10e-3, threshold=2.51), [1, 2, 5, 8], "lif"),
        (IntegrateAndFire(threshold=5.5, reset=Reset.BY_SUBTRACTION), [1, 3], "lif"),
        (CurrentLIF(tau_membrane=10e-3, tau_synapse=4e-3, threshold=0.77), [1], "lif_curr_exp_no_delay"),
    ],
)
def test_the_script_gives_the_spikes_of_the_description(model, delays, program, tmp_path):
    """On the stand-in, whose arithmetic is float32; thresholds lie between the values that weights can reach."""
    net, steps = two_populations(model, delays), 120
    script = spinnaker2_script(net)
    assert {p.model for p in script.populations.values()} == {program}
    given = np.random.default_rng(1).random((steps, 8)) < 0.1
    found = run_script(script, {"in": np.argwhere(given)}, steps, tmp_path)
    inputs = {"in": Spikes.from_dense(given[:, None].astype(np.float32), dt=net.dt)}
    wanted = simulate(net, inputs, record={name: Record("spikes") for name in "ab"})
    for name in "ab":
        spikes = np.zeros((steps, 12))
        np.add.at(spikes, tuple(found[name].T), 1)
        np.testing.assert_array_equal(spikes, wanted[name].spikes.dense()[:, 0])
        assert 20 < spikes.sum() < 1000


def test_rounding_is_reported():
    net = Network(dt=1e-3)
    net.input("in", 2)
    net.population("a", 1, LIF())
    net.connect("in", "a", AllToAll(), weight=np.array([[1.0], [0.3]]), delay=1e-3)
    (loss,) = spinnaker2_script(net).losses
    held = np.array([1.0, 38 / 127])
    expected = np.sqrt(np.mean((held - [1.0, 0.3]) ** 2)) / np.sqrt(np.mean(np.square([1.0, 0.3])))
    assert loss.kind is LossKind.ROUNDED
    assert loss.amount == pytest.approx(expected)
    with pytest.raises(LossError):
        spinnaker2_script(net, allow=())
    with pytest.raises(CapacityError, match=r"'a'.*lif_no_delay"):
        spinnaker2_script(net, scale={"a": 200.0})


@pytest.mark.parametrize(
    ("model", "delays", "error", "message"),
    [
        (Izhikevich(), [1], UnsupportedError, "'a': SpiNNaker2 has no program"),
        (LIF(reset=Reset.NONE), [1], UnsupportedError, "reset with the spike"),
        (LIF(refractory=2e-3), [1], UnsupportedError, "refractory"),
        (LIF(v_init=0.5), [1], UnsupportedError, "at rest"),
        (CurrentLIF(), [1, 2], UnsupportedError, "no delays"),
        (LIF(), [1, 9], CapacityError, "9"),
    ],
)
def test_what_cannot_be_written(model, delays, error, message):
    with pytest.raises(error, match=message):
        spinnaker2_script(two_populations(model, delays))


def test_too_many_neurons():
    net = Network(dt=1e-3)
    net.input("in", 2)
    net.population("a", 250 * 152, LIF())
    with pytest.raises(CapacityError, match=r"'a'.*153 cores.*152"):
        spinnaker2_script(net)
