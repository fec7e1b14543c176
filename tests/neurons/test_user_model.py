"""A model that a user writes into one file of their own: it runs like those of the package, and mistakes are named."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine.plain_neurons import check_step, initial_state, update_reference
from neurosim.errors import DescriptionError

SOURCE = '''
import math
from enum import IntEnum

from neurosim.neurons import NeuronModel
from neurosim.parameters import Value, parameter


class Gate(IntEnum):
    SHUT = 0
    HALF = 1


def closed(gate, share):
    return gate * (1.0 - share * 0.5)


class Gated(NeuronModel):
    """What arrives at "signal" is weighed by a gate, which what arrives at "gate" opens."""

    STATE = ("v", "open")
    RECEPTORS = ("signal", "gate")
    CURRENT = "push"
    OPTIONS = ("shut",)

    tau: Value = parameter(default=10e-3, unit="s", above=0.0)
    threshold: Value = parameter(default=1.0, unit="v")
    shut: Gate = Gate.SHUT

    def initial(self, dt):
        return {"v": 0.0, "open": 0.0}

    def coefficients(self, dt):
        return {"decay": math.exp(-dt / self.tau), "threshold": self.threshold, "push": 0.0}

    def current_gain(self, dt):
        return dt

    @staticmethod
    def step(v, open, signal, gate, decay, threshold, push, shut):
        open = closed(open, 1.0) + gate
        v = decay * v + push + signal * min(open, 1.0)
        if shut == Gate.HALF:
            v += 0.5 * signal * max(1.0 - open, 0.0)
        spike = v >= threshold
        if spike:
            v = 0.0
        return v, open, spike
'''


@pytest.fixture
def gated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    (tmp_path / "gated_neuron.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("gated_neuron")
    sys.modules.pop("gated_neuron")


def test_it_steps_as_written(gated: ModuleType) -> None:
    for shut, expected in ((gated.Gate.SHUT, [0.0, 0.8, 0.4]), (gated.Gate.HALF, [0.4, 0.8, 0.6])):
        model = gated.Gated(tau=1e9, shut=shut, threshold=9.0)
        check_step(model, 1e-3)
        state = initial_state(model, 1e-3, 1, 1)[:, 0]
        for x, gain in zip(((0.8, 0.0), (0.8, 1.0), (0.8, 0.0)), expected, strict=True):
            before = state[0, 0]
            update_reference(model, 1e-3, state, np.array(x))
            assert state[0, 0] - before == pytest.approx(gain)


def test_it_runs_compiled_in_a_network_with_both_receptors(gated: ModuleType) -> None:
    model = gated.Gated(threshold=np.array([1.0, 1.5, 2.0]), shut=gated.Gate.HALF)
    net = ns.Network(dt=1e-3)
    net.input("signal", 2)
    net.input("gate", 1)
    net.output(net.population("p", 3, model))
    net.connect("signal", "p", ns.AllToAll(), weight=0.6)
    net.connect("gate", "p", ns.AllToAll(), weight=1.0, receptor="gate")
    rng = np.random.default_rng(0)
    signal, gate = rng.random((60, 1, 2)) < 0.5, rng.random((60, 1, 1)) < 0.3
    r = ns.simulate(net, {"signal": signal, "gate": gate}, record={"p": ns.Record("v", "open", "spikes")})[
        "p"
    ]
    state = initial_state(model, 1e-3, 1, 3)[:, 0]
    raster = np.zeros((60, 3), bool)
    for k in range(60):
        arrivals = np.array([[0.6 * signal[k].sum()] * 3, [1.0 * gate[k].sum()] * 3])
        raster[k] = update_reference(model, 1e-3, state, arrivals)
        np.testing.assert_allclose(r.v[k, 0], state[0], rtol=0, atol=1e-14)
        np.testing.assert_allclose(r.open[k, 0], state[1], rtol=0, atol=1e-14)
    assert np.array_equal(r.spikes.dense()[:, 0].astype(bool), raster)
    assert raster.any(0).all()


@pytest.mark.parametrize(
    ("written", "instead", "message"),
    [
        ("signal, gate, decay", "gate, signal, decay", r"step takes other arguments.*signal"),
        ("signal, gate, decay", "x, decay", r"step takes other arguments.*gate"),
        ("return v, open, spike", "return v, spike", r"must return the new state.*open, spike"),
        ('{"v": 0.0, "open": 0.0}', '{"v": 0.0}', r"initial gives other states.*open"),
    ],
)
def test_a_step_that_is_not_as_declared_is_refused_with_what_was_expected(
    written: str, instead: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert written in SOURCE
    (tmp_path / "wrong_neuron.py").write_text(SOURCE.replace(written, instead), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "wrong_neuron", raising=False)
    importlib.invalidate_caches()
    module = importlib.import_module("wrong_neuron")
    with pytest.raises((DescriptionError, NameError), match=message):
        check_step(module.Gated(), 1e-3)
