from __future__ import annotations

import numpy as np
import pytest

from neurosim.connectivity.rules import AllToAll
from neurosim.engine.lower import lower
from neurosim.errors import CapacityError, DescriptionError, UnsupportedError
from neurosim.hardware.compiler import compile_network
from neurosim.hardware.crossbar import Crossbar
from neurosim.hardware.manifest import read_manifest
from neurosim.hardware.target import Feature, SupportKind
from neurosim.network import Network
from neurosim.neurons import LIF


def test_a_build_is_a_function_of_the_network(tmp_path, layered):
    for name in ("a", "b"):
        compile_network(layered(), Crossbar()).save(tmp_path / name)
    one, two = (read_manifest(tmp_path / name) for name in ("a", "b"))
    assert one.files == two.files  # HDF5 included: no times are kept in it


def test_the_build_says_which_weights_it_holds(layered):
    plan = lower(layered())
    build = compile_network(layered(), Crossbar())
    assert set(build.weights) == {p.name for p in plan.projections}
    for p in plan.projections:
        np.testing.assert_allclose(build.weights[p.name], p.weight, rtol=1e-4, atol=1e-6)


def test_plastic_synapses_are_refused(layered):
    assert Crossbar().support[Feature.PLASTICITY].kind is SupportKind.REFUSED
    from neurosim.plasticity import STDP

    net = layered()
    net.connect("hidden", "out", AllToAll(), weight=0.1, plasticity=STDP(), name="plastic")
    with pytest.raises(UnsupportedError, match="freeze"):
        compile_network(net, Crossbar())


def test_what_does_not_fit_is_refused(layered):
    net = Network(dt=1e-3)
    net.input("in", 300)
    net.population("out", 300, LIF())
    net.connect("in", "out", AllToAll(), weight=1.0)
    with pytest.raises(CapacityError, match="tiles"):
        compile_network(net, Crossbar(rows=1, columns=2))
    late = layered()
    late.connect("in", "out", AllToAll(), weight=1.0, delay=np.linspace(0, 0.3, 150).round(3).reshape(30, 5))
    with pytest.raises(CapacityError, match="span"):
        compile_network(late, Crossbar())


@pytest.mark.parametrize(
    "options",
    [
        {"rows": 0},
        {"columns": 3},
        {"rows": 4096},
        {"adc_bits": 1},
        {"adc_bits": 64},
        {"rows": 1.5},
        {"wire_resistance": -1.0},
        {"profile": "unobtainium"},
        {"scaling": "column"},
        {"age": -1.0},
        {"compensation": True},
    ],
)
def test_bad_options_are_refused(options):
    with pytest.raises(DescriptionError):
        Crossbar(**options)
