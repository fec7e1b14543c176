from __future__ import annotations

import json
import subprocess
import sys

import h5py
import numpy as np
import pytest

from neurosim.connectivity.rules import AllToAll
from neurosim.errors import FileFormatError, NumericsError
from neurosim.hardware.compiler import compile_network
from neurosim.hardware.crossbar import Crossbar, load
from neurosim.hardware.emulator import Overflow
from neurosim.hardware.manifest import read_manifest
from neurosim.hardware.target import load as load_build
from neurosim.network import Network
from neurosim.neurons import IntegrateAndFire

EXACT = Crossbar(profile="ideal", adc_bits=24)
"""Float32 conductances and 24-bit converters: sums agree with float64 weights to about 1e-6 of the largest one."""


def test_clipping_is_an_event_and_an_error_on_request(tmp_path, opened):
    net = Network(dt=1e-3)
    net.input("in", 2)
    net.population("out", 1, IntegrateAndFire(threshold=1e9))
    net.connect("in", "out", AllToAll(), weight=np.array([[1.0], [0.5]]))
    device = opened(net, EXACT, tmp_path / "b")
    graded = {"in": np.full((2, 3, 2), 4)}  # four spikes at once; the range is set for one
    recording = device.emulate(graded, record={"out": "v"}, overflow=Overflow.AS_CHIP)
    assert {(e.kind, e.population, e.sample, e.count) for e in recording.events} == {
        ("saturation", "out", b, 2) for b in range(3)
    }
    np.testing.assert_allclose(recording["out"].v[0], 1.5, rtol=1e-5)
    with pytest.warns(RuntimeWarning, match="clipped"):
        device.emulate(graded)
    with pytest.raises(NumericsError, match="clipped"):
        device.emulate(graded, overflow=Overflow.RAISE)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"rows": 0}, "rows"),
        ({"adc_bits": 99}, "adc_bits"),
        ({"order": ["hidden"]}, "order"),
        ({"wire_ohm": -1}, "wire"),
        ({"compensation": 1}, "compensation"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(tmp_path, settings, says, layered):
    compile_network(layered(), Crossbar()).save(tmp_path / "b")
    path = tmp_path / "b" / "manifest.json"
    data = json.loads(path.read_text())
    data["settings"].update(settings)
    path.write_text(json.dumps(data))
    with pytest.raises(FileFormatError, match=says):
        load_build(tmp_path / "b")


def test_files_that_do_not_belong_together_are_refused(tmp_path, layered):
    compile_network(layered(), Crossbar()).save(tmp_path / "b")
    manifest = read_manifest(tmp_path / "b")
    with h5py.File(tmp_path / "b" / "neurons.h5", "r+") as f:
        f["neurosim"].attrs["dt"] = np.float64(2e-3)
    with pytest.raises(FileFormatError, match="changed since"):
        load_build(tmp_path / "b")
    with pytest.raises(FileFormatError, match="dt"):
        load(tmp_path / "b", manifest)


def test_emulating_leaves_torch_out():
    code = "import sys, neurosim.hardware.crossbar; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
