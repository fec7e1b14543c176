"""The PyNN script: its arrays encode to the words of the build, and sPyNNaker itself makes the same memory of them."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec

import numpy as np
import pytest

from neurosim import hardware
from neurosim.connectivity import AllToAll
from neurosim.hardware.spinnaker import PyNNNetwork, PyNNPopulation, PyNNProjection
from neurosim.hardware.spinnaker.image.machine_image import VertexKind, read_image
from neurosim.hardware.spinnaker.image.row_blocks import DelayedRows
from neurosim.hardware.spinnaker.long_delays import LongDelays
from neurosim.hardware.spinnaker.numerics.arithmetic import accum
from neurosim.hardware.spinnaker.pynn.conversion import CONDUCTANCE_SCALE, raw_weights
from neurosim.hardware.spinnaker.pynn.host_network import device_network
from neurosim.hardware.spinnaker.pynn.left_shift import shift_for
from neurosim.hardware.spinnaker.quantise.quantised_plan import from_plan
from neurosim.hardware.spinnaker.scripts.pynn_script import misplaced, write_script
from neurosim.loss_report import LossKind
from neurosim.network import Network
from neurosim.neurons import LIF, ConductanceLIF, CurrentLIF
from neurosim.plasticity import STDP, DelaySite, Delivered, SameStep, WeightUpdate

SIZE = 150
MODELS = {
    "a": LIF(refractory=2e-3, current=0.1),
    "b": CurrentLIF(tau_synapse=np.linspace(2e-3, 9e-3, SIZE), v_init=0.2, i_init=-0.1),
    "c": ConductanceLIF(),
    "d": LIF(),
}
RULE = STDP(
    tau_plus=15e-3, tau_minus=25e-3, w_min=0.0, w_max=0.5, delay_site=DelaySite.DENDRITIC,
    same_step=SameStep.DEPRESSING, weight_update=WeightUpdate.AT_PRESYNAPTIC, delivered=Delivered.AFTER,
)  # fmt: skip
DEVICE = hardware.SpiNNaker(atoms_per_core=64, long_delays=LongDelays.EXTEND)


@pytest.fixture
def net():
    """Populations of several cores: both signs, delays of which some need delay cores, conductances, STDP."""
    rng = np.random.default_rng(7)
    net = Network(dt=1e-3, seed=1)
    net.input("in", 40)
    for name, model in MODELS.items():
        net.population(name, SIZE, model)
    for pre, post, mean, longest, options in (
        ("in", "a", 0.3, 9, {}),
        ("in", "a", -0.1, 5, {}),
        ("a", "b", 0.1, 9, {}),
        ("b", "a", -0.1, 200, {}),
        ("b", "b", 0.02, 9, {}),
        ("in", "c", 0.02, 9, {"receptor": "excitatory"}),
        ("a", "c", 0.02, 9, {"receptor": "inhibitory"}),
        ("in", "d", 0.2, 8, {"plasticity": RULE}),
    ):
        n = 40 if pre == "in" else SIZE
        weight = rng.normal(mean, abs(mean) / 3, (n, SIZE)) * (rng.random((n, SIZE)) < 0.2)
        if options:
            weight = np.abs(weight)
        delay = rng.integers(1, longest, (n, SIZE)) * 1e-3
        net.connect(pre, post, AllToAll(), weight=weight, delay=delay, **options)
    net.output("a")
    return net


@pytest.fixture
def folder(net, tmp_path):
    build = hardware.compile(net, DEVICE, allow=tuple(LossKind))
    build.save(tmp_path / "b")
    return tmp_path / "b"


def test_the_script_holds_what_the_build_holds(net, folder):
    """Weights, parameters and sums, encoded as the host does, are the raw weights, words and shifts of the build."""
    from neurosim.engine.lower import lower

    script = (folder / "run.py").read_text()
    compile(script, "run.py", "exec")
    shifts = json.loads((folder / "manifest.json").read_text())["settings"]["left_shift"]
    calls = re.findall(r"population\('(\w)'.*(\[[\d., ]+\])\)", script)
    assert [name for name, _ in calls] == list(MODELS)
    for name, sums in calls:
        scale = CONDUCTANCE_SCALE if name == "c" else 1.0
        assert [shift_for(s * scale) for s in json.loads(sums)] == shifts[name]
    device = from_plan(lower(net), {}, None, DEVICE).network
    with np.load(folder / "pynn.npz") as arrays:
        for q in device.projections:
            list_ = arrays[q.name]
            scale = CONDUCTANCE_SCALE if q.post == "c" else 1.0
            raw = raw_weights(list_[:, 2], shifts[q.post][q.receptor], scale)
            np.testing.assert_array_equal(raw, q.raw)
            np.testing.assert_array_equal(list_[:, 0], q.sources())
            np.testing.assert_array_equal(list_[:, 3], q.delay)
        for name in MODELS:
            cells = accum(arrays[f"cells {name}"])
            np.testing.assert_array_equal(cells[:, 6], device.populations[name].threshold)
            np.testing.assert_array_equal(
                accum(arrays[f"state {name}"][:, 0]), device.populations[name].neuron[:, 0]
            )


@pytest.mark.slow
@pytest.mark.skipif(find_spec("spynnaker") is None, reason="sPyNNaker is not installed (extra 'spinnaker')")
def test_spynnaker_writes_the_same_memory(folder, script_image, same_words):
    """Parameters, tables, rows, keys and rules are equal word by word, and so are those of delay cores."""
    image = read_image(folder)
    assert sum(v.kind is VertexKind.DELAY for v in image.vertices) == 3
    assert same_words(script_image(folder), image) > 50000


def extended(pre_atoms, post_atoms, longest, size=100):
    """A population that reaches another over delays up to ``longest`` steps."""
    delays = np.arange(size * 5) % longest + 1.0
    table = np.stack(
        [np.arange(size * 5) % size, np.arange(size * 5) * 7 % size, delays * 0 + 1.0, delays], axis=1
    )
    populations = [
        PyNNPopulation(name=name, size=size, atoms_per_core=n)
        for name, n in (("a", pre_atoms), ("b", post_atoms))
    ]
    list_ = PyNNProjection(pre="a", post="b", connections=table)
    return device_network(PyNNNetwork(populations=populations, projections=[list_]))


@pytest.mark.parametrize(
    ("pre", "post", "longest", "wrong"),
    [
        (50, 50, 128, False),
        (50, 50, 500, False),
        (64, 64, 200, False),
        (64, 64, 500, True),
        (64, 50, 200, False),
        (50, 40, 500, True),
    ],
)
def test_a_script_that_the_host_gets_wrong_says_so(pre, post, longest, wrong):
    """128 slots: up to 128 steps need no extension, up to 256 one stage, whose rows are numbered like neurons whatever
    the atoms; the last of two cores of 64 has 36 neurons, so its second stage is sent with other keys than the host
    counts with."""
    network = extended(pre, post, longest)
    assert misplaced(network) == (["a->b excitatory"] if wrong else [])
    assert ("does NOT give" in write_script(network, 1)["run.py"]) is wrong
    assert "does NOT give" not in write_script(network, 1, DelayedRows.HOST)["run.py"]
