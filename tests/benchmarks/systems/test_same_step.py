"""The same training step in ours and in every peer, on small layers: spikes, loss and gradients.

Single precision: a neuron within 1e-6 of the threshold may decide otherwise, but among these few none does.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.case import Case
from benchmarks.networks.layered import layered

torch = pytest.importorskip("torch")

from benchmarks.systems import delays_torch, training_ours, training_torch  # noqa: E402
from benchmarks.systems.step import StepRunner  # noqa: E402

SMALL: dict[str, Any] = {"sizes": (40, 24, 16, 5), "steps": 20, "samples": 3, "density": 0.1}
MODULES = {
    "loop": "",
    "compile": "",
    "snntorch": "snntorch",
    "spikingjelly": "spikingjelly",
    "norse": "norse",
}

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.networks.arrays_file.cache_folder", lambda: tmp_path)
    monkeypatch.setattr(torch, "compile", lambda cell, **_: cell)  # what it compiles is what is tested here


def built(module: Any, case: Case, implementation: str = "") -> StepRunner:
    runner: StepRunner = module.build(case, {"threads": 1, "implementation": implementation})
    return runner


def gradients(runner: StepRunner) -> list[Any]:
    """Of the weights, then the delays."""
    counts = runner.net.forward(runner.input.detach())
    torch.nn.functional.cross_entropy(counts, runner.labels).backward()
    return [p.grad.reshape(s.shape) for p, s in zip(runner.parameters, runner.start, strict=True)]


def assert_same(runner: StepRunner, ours: StepRunner, *, same_gradients: bool = True) -> None:
    theirs, mine = runner.finish(), ours.finish()
    assert min(mine["layer_spikes"]) > 0
    assert theirs["layer_spikes"] == mine["layer_spikes"]
    assert theirs["work"] == mine["work"]
    assert theirs["density"] == mine["density"]
    assert runner.synapses == ours.synapses
    assert [p.numel() for p in runner.parameters] == [p.numel() for p in ours.parameters]
    if same_gradients:  # sums of some hundred float32 numbers in another order
        for a, b in zip(gradients(runner), gradients(ours), strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-4 * float(b.abs().max()))


@pytest.mark.parametrize("implementation", MODULES)
def test_libraries(implementation: str) -> None:
    if MODULES[implementation]:
        pytest.importorskip(MODULES[implementation])
    case = layered("x", **SMALL)
    theirs = built(training_torch, case, implementation)
    assert_same(theirs, built(training_ours, case), same_gradients=implementation != "norse")


@pytest.mark.parametrize("implementation", ["loop", "snntorch", "spikingjelly"])
def test_triangles(implementation: str) -> None:
    if MODULES[implementation]:
        pytest.importorskip(MODULES[implementation])
    case = layered("x", **SMALL, surrogate="triangle")
    assert_same(built(training_torch, case, implementation), built(training_ours, case))


@pytest.mark.parametrize("implementation", ["loop", "snntorch"])
def test_recurrent(implementation: str) -> None:
    if MODULES[implementation]:
        pytest.importorskip(MODULES[implementation])
    case = layered("x", **SMALL, recurrent=True)
    # snnTorch lets gradients through the reset of recurrent neurons
    theirs = built(training_torch, case, implementation)
    assert_same(theirs, built(training_ours, case), same_gradients=implementation == "loop")


@pytest.mark.parametrize("neurons", ["spikingjelly", "loop"])
def test_convolution(neurons: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if neurons == "loop":
        monkeypatch.setitem(__import__("sys").modules, "spikingjelly.activation_based", None)
    else:
        pytest.importorskip(neurons)
    case = layered("x", **SMALL, delays=7)
    assert_same(built(delays_torch, case, "conv1d"), built(training_ours, case))


def test_recurrent_delays() -> None:
    case = layered("x", **SMALL, delays=7, recurrent=True)
    assert_same(built(delays_torch, case, "conv1d"), built(training_ours, case))


def test_dcls_has_our_delays() -> None:
    """What a spike of every input causes lies about its delay, and adds up to the weight."""
    pytest.importorskip("DCLS")
    case = layered("x", **SMALL, delays=15)
    theirs, ours = built(delays_torch, case, "dcls"), built(training_ours, case)
    weight, delay = (layers[0].detach().numpy() for layers in (ours.net.weights, ours.net.delays))
    x = torch.zeros(40, 40, 14 + 15)  # one sample for each input
    x[range(40), range(40), 14] = 1.0
    with torch.no_grad():
        out = theirs.net.delayed(0, x).numpy().transpose(1, 0, 2)  # type: ignore[attr-defined]
    assert out.shape == (24, 40, 15)
    inside = (delay > 2) & (delay < 12)
    np.testing.assert_allclose(out.sum(2), weight, rtol=1e-4, atol=1e-6)
    centre = (out * np.arange(15)).sum(2) / weight
    # a Gaussian that is sampled at whole steps lies up to 0.023 steps beside its centre
    np.testing.assert_allclose(centre[inside], delay[inside], rtol=0, atol=0.03)
    assert theirs.finish()["differs"]
    assert theirs.synapses == ours.synapses


def test_a_step_is_always_the_first() -> None:
    """Weights start anew, parts add up, and our twin without delays runs in turn."""
    case = layered("x", **SMALL, delays=7)
    ours = built(training_ours, case)
    before = [p.detach().clone() for p in ours.parameters]
    spikes = ours.finish()["layer_spikes"]
    done = ours.run()
    assert set(done.parts) == {"forward", "backward", "optimiser"}
    assert 0 < sum(done.parts.values()) == pytest.approx(done.seconds, rel=0.5)
    assert any(bool((p != b).any()) for p, b in zip(ours.parameters, before, strict=True))  # it has trained
    found = ours.finish()
    assert found["layer_spikes"] == spikes
    assert found["growth"] >= 0
    assert found["without_delays_seconds"] > 0
    assert found["without_delays_bound"] > 1
    assert found["dense_seconds"] > found["least_seconds"] > 0


def test_the_peers_without_delays_say_so() -> None:
    case = layered("x", **SMALL, delays=7)
    assert built(training_torch, case, "loop").finish()["differs"] == "no delays"


def test_spikingjelly_on_a_gpu_names_its_kernel() -> None:
    """There is none here: only that the note is made from what the library answers, in its versions old and new."""
    make = training_torch._SpikingJelly._kernel
    new = SimpleNamespace(neuron_implementation=lambda name, device: {"implementation": "triton"})
    device = SimpleNamespace(device=str)
    assert make(SimpleNamespace(functional=new, torch=device)) == "kernel: triton"  # type: ignore[arg-type]
    asked: list[str] = []

    def set_backend(cells: Any, backend: str) -> None:
        asked.append(backend)
        if backend == "triton":
            raise ValueError(backend)

    old = SimpleNamespace(functional=SimpleNamespace(set_backend=set_backend), torch=device, cells=())
    assert make(old) == "kernel: cupy"  # type: ignore[arg-type]
    assert asked == ["triton", "cupy"]
