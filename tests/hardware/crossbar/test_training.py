"""The noise drawn in training against that of emulated devices."""

from __future__ import annotations

import numpy as np
import pytest

from neurosim import hardware, neurons
from neurosim.connectivity.rules import AllToAll
from neurosim.engine.lower import lower
from neurosim.errors import UnsupportedError
from neurosim.hardware import Crossbar
from neurosim.hardware.crossbar.cells import read_conductances
from neurosim.hardware.crossbar.mapping import Scaling, TileShape, map_projection
from neurosim.hardware.crossbar.profile import read_profile
from neurosim.network import Network
from neurosim.neurons import LIF
from neurosim.random import key, normal

torch = pytest.importorskip("torch")
from neurosim import nn  # noqa: E402
from neurosim.hardware.crossbar.training import DeviceNoise, Quantisation  # noqa: E402
from neurosim.nn.protocols import NoiseModel  # noqa: E402

WEIGHT = torch.from_numpy(normal(key(0, "weight", "training"), np.arange(64 * 300)).reshape(64, 300))


def test_it_is_a_noise_model_with_a_straight_through_gradient() -> None:
    noise = DeviceNoise()
    assert isinstance(noise, NoiseModel)
    weight = WEIGHT.clone().requires_grad_()
    noise(weight, seed=0, index=3).sum().backward()
    assert torch.equal(weight.grad, torch.ones_like(weight))


def test_the_draw_depends_on_seed_and_index_alone() -> None:
    noise = DeviceNoise()
    first = noise(WEIGHT, seed=1, index=2)
    noise(WEIGHT, seed=5, index=5)
    assert torch.equal(first, noise(WEIGHT, seed=1, index=2))
    assert not torch.equal(first, noise(WEIGHT, seed=1, index=3))
    assert not torch.equal(first, noise(WEIGHT, seed=2, index=2))


def test_ideal_cells_change_nothing() -> None:
    held = DeviceNoise(profile=read_profile("ideal"))(WEIGHT, seed=0, index=0)
    assert torch.allclose(held, WEIGHT, rtol=1e-12, atol=1e-12)
    assert torch.equal(DeviceNoise(factor=0.0)(WEIGHT, seed=0, index=0), WEIGHT)


def test_errors_are_those_of_programmed_devices() -> None:
    """Programming error alone: the standard deviation in bins of the weight is that of the emulator's cells."""
    cell = read_profile("rram-wan-1d")
    quiet = cell.replace(read_noise=cell.read_noise.replace(additive=0.0))
    net = Network(dt=1e-3)
    net.connect(
        net.input("in", 300), net.population("out", 64, LIF()), AllToAll(), weight=WEIGHT.T.numpy().copy()
    )
    (block,) = map_projection(
        lower(net).projections[0], TileShape(512, 512), quiet, Scaling.COLUMN, first_tile=0
    )
    g, _ = read_conductances(block, TileShape(512, 512), quiet, seed=3)
    emulated = ((g[:, 0::2] - g[:, 1::2]) / block.scale - block.weights()).T.reshape(-1)
    trained = (DeviceNoise(profile=quiet)(WEIGHT, seed=0, index=0) - WEIGHT).numpy()[block.neuron].reshape(-1)
    size = np.abs(
        WEIGHT.numpy()[block.neuron] / np.abs(WEIGHT.numpy()[block.neuron]).max(1, keepdims=True)
    ).reshape(-1)
    for low, high in ((0.0, 0.05), (0.1, 0.2), (0.3, 0.5), (0.5, 0.8)):
        chosen = (size >= low) & (size < high)
        assert chosen.sum() > 800  # the ratio of two such deviations has a standard error of 3.5 %
        assert trained[chosen].std() == pytest.approx(emulated[chosen].std(), rel=0.14)


@pytest.mark.parametrize("scaling", Scaling)
@pytest.mark.parametrize("levels", [2, 8])
def test_module_holds_the_levels_of_the_files(scaling, levels):
    """Target conductances of the build are equally spaced, and stand for the module's weights."""
    target = Crossbar(profile="ideal", levels=levels, scaling=scaling)
    module = nn.Sequential(nn.Linear(30, 9, seed=3), nn.LIF(neurons.LIF(), 9, dt=1e-3))
    nn.quantise(module, Quantisation(target)).eval()
    net, _ = nn.to_network(module)
    build = hardware.compile(net, target)
    weight = lower(net).projections[0].weight
    assert np.allclose(build.weights["input->output"], weight, rtol=1e-6, atol=1e-7 * np.abs(weight).max())
    effective = module.layers[0].effective_weight().detach().double().numpy()
    top = np.abs(effective).max(1, keepdims=True) if scaling is Scaling.COLUMN else np.abs(effective).max()
    level = np.abs(effective) / top * (levels - 1)
    assert np.allclose(level, np.rint(level), atol=1e-6)
    assert set(np.rint(level).astype(int).reshape(-1)) == set(range(levels))


def test_compiling_for_levels_says_what_they_lose():
    net = Network(dt=1e-3)
    net.connect(
        net.input("in", 300), net.population("out", 64, LIF()), AllToAll(), weight=WEIGHT.T.numpy().copy()
    )
    few, many = (hardware.compile(net, Crossbar(profile="ideal", levels=n)) for n in (4, 64))
    (a,), (b,) = ([x.amount for x in build.losses if "weights rounded" in x.what] for build in (few, many))
    assert a == pytest.approx(21 * b, rel=0.1)  # steps of 1/3 and 1/63; small weights round to zero alike


def test_missing_synapses_have_no_noise():
    weight = WEIGHT.clone()
    weight[:, ::3] = 0.0
    error = DeviceNoise()(weight, seed=0, index=0) - weight
    unformed = read_profile("rram-wan-1d").g_unformed is not None
    assert bool((error[:, ::3] == 0).all()) == unformed
    assert (error[:, 1::3] != 0).all()


def test_noise_is_that_of_the_target():
    rules = Quantisation(Crossbar(scaling=Scaling.PROJECTION), factor=2.0)
    assert rules.noise == DeviceNoise(profile=rules.target.cell, factor=2.0, scaling=Scaling.PROJECTION)
    assert Quantisation(factor=0.0).noise is None


def test_levels_of_columns_need_weights_that_are_not_shared():
    rules = Quantisation(Crossbar(levels=8))
    with pytest.raises(UnsupportedError, match="share weights"):
        rules.held(LIF(), (4, 5, 5), [np.ones((4, 2, 3, 3))], dt=1e-3)
