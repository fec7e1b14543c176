"""What all emulators share: a device that cannot go on from a state says so."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.engine.recording import PopulationRecording, Recording, State
from neurosim.errors import UnsupportedError
from neurosim.hardware.emulator import Device
from neurosim.hardware.manifest import Manifest, PopulationEntry
from neurosim.spikes import Spikes


class Silent(Device):
    """A device whose neurons never spike."""

    def run(self, inputs, steps, record, seed, overflow):
        samples = next(s.samples for s in inputs.values())
        spikes = Spikes([], [], [], shape=(3,), dt=1e-3, steps=steps, samples=samples)
        return Recording({name: PopulationRecording(spikes) for name in record}, 1e-3, steps, samples)


@pytest.fixture
def device():
    entries = {
        "inputs": {"in": PopulationEntry(shape=(2,))},
        "populations": {"a": PopulationEntry(shape=(3,))},
    }
    return Silent(Manifest(target="silent", profile="x", dt=1e-3, outputs=("a",), **entries))


def test_a_state_is_refused_where_a_device_cannot_go_on(device):
    assert device.emulate({"in": np.zeros((4, 1, 2))})["a"].spikes.steps == 4
    with pytest.raises(UnsupportedError, match="go on from a state"):
        device.emulate({}, 4e-3, state=State({}, {}))
