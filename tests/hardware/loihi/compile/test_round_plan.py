from __future__ import annotations

import numpy as np
import pytest

from neurosim import hardware
from neurosim.connectivity.rules import AllToAll
from neurosim.engine.lower import lower
from neurosim.errors import CapacityError
from neurosim.hardware.loihi import Loihi1, Loihi2, Signs
from neurosim.hardware.loihi.compile.round_plan import HALF, SUFFERS, round_plan
from neurosim.network import Network
from neurosim.neurons import LIF
from neurosim.spikes import Spikes

LAG = {"in": 0, "p": 0}


def plan(weight, **model):
    net = Network(dt=1e-3)
    net.input("in", shape=(len(weight),))
    net.population("p", weight.shape[1], LIF(**model))
    net.connect("in", "p", AllToAll(), weight=weight, delay=1e-3)
    return lower(net)


def events(n, rate=0.2, seed=0):
    return Spikes.from_dense(
        (np.random.default_rng(seed).random((60, 8, n)) < rate).astype(np.uint8), dt=1e-3
    )


def exponents(rounded):
    return {
        e for s in rounded.network.synapses.values() for e in np.unique(s.exponent[s.weight != 0]).tolist()
    }


def test_lava_dl_s_file_is_there_where_calibration_needs_no_exponents():
    rounded = round_plan(
        plan(np.random.default_rng(0).normal(0.1, 0.1, (30, 8))), LAG, Loihi2(), {"in": events(30)}
    )
    assert exponents(rounded) == {0}
    assert "network.net" in rounded.files
    assert rounded.calibration.populations["p"].given_after < SUFFERS


def test_the_file_is_given_up_where_a_population_suffers():
    """Weights of few bits that span two orders of magnitude, as a cube of normal ones does."""
    weight = np.random.default_rng(0).normal(0.2, 0.5, (60, 8)) ** 3
    target = Loihi2(weight_bits=4)
    rounded = round_plan(plan(weight, threshold=10.0), LAG, target, {"in": events(60)})
    assert not rounded.files
    assert len(exponents(rounded)) > 1
    assert "without weight exponents the mismatch would be" in rounded.notes[0]
    free = rounded.calibration.populations["p"]
    assert free.given_after < HALF * free.given_before


def test_several_exponents_give_way_to_one_where_they_do_not_fit(tmp_path):
    """A chip with two synapse formats a core: one for each sign."""
    weight = np.random.default_rng(0).normal(0.2, 0.5, (60, 8)) ** 3
    net = Network(dt=1e-3)
    net.input("in", shape=(60,))
    net.population("p", 8, LIF())
    net.connect("in", "p", AllToAll(), weight=weight, delay=1e-3)
    free = hardware.compile(net, Loihi1(), calibration={"in": events(60)})
    assert "percentile" in free.details
    chip = tmp_path / "chip.toml"
    chip.write_text(
        '[chip]\nbase = "loihi1"\nname = "narrow"\n\n'
        '[limits]\nsynapse_formats = { value = 2, source = "a test" }\n'
    )
    narrow = hardware.compile(net, Loihi1(chip_file=str(chip)), calibration={"in": events(60)})
    assert "percentile" not in narrow.details
    assert "calibration on 8 samples" in narrow.details


@pytest.mark.parametrize("bits", [1, 2, 3, 5, 8])
def test_fewer_bits_are_the_low_ones_of_every_weight(bits):
    weight = np.random.default_rng(0).normal(0.1, 0.2, (40, 8))
    rounded = round_plan(plan(weight), LAG, Loihi1(weight_bits=bits), {"in": events(40)})
    (s,) = rounded.network.synapses.values()
    assert not np.any(s.weight % (1 << (8 - bits)))
    assert np.abs(s.weight).max() <= 255


def test_a_population_without_excitation_is_named_without_inputs():
    weight = np.full((20, 3), 1e-3)
    weight[0] = -40.0
    with pytest.raises(CapacityError, match=r"population 'p': is silent for ever"):
        round_plan(plan(weight, threshold=5e-3), LAG, Loihi1(signs=Signs.MIXED), None)


def test_a_population_that_saturates_is_named():
    """A drive in every step that many weak synapses hold back: weights of one bit have no room for both."""
    weight = np.full((501, 3), -0.004)
    weight[0] = 1.2
    x = events(501, 0.5).dense(np.uint8)
    x[:, :, 0] = 1
    with pytest.raises(CapacityError, match=r"population 'p': saturates on the calibration inputs"):
        round_plan(plan(weight), LAG, Loihi1(weight_bits=1), {"in": Spikes.from_dense(x, dt=1e-3)})
