"""docs/contracts.md, sections 9 to 12: every installed target keeps them, and so will the next one."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine import DeviceEvent, Recording
from neurosim.errors import CapacityError, DescriptionError, FileFormatError
from neurosim.hardware import (
    Crossbar,
    Device,
    Loihi1,
    Loihi2,
    Overflow,
    SpiNNaker,
    compile as compile_network,
    load,
    targets,
)
from neurosim.hardware.manifest import FORMAT, Manifest, read_manifest
from neurosim.hardware.target import Feature, Site, Support, Transport, Usage
from neurosim.loss_report import LossReport

TARGETS = [SpiNNaker(), Loihi1(), Loihi2(), Crossbar()]
every_target = pytest.mark.parametrize("target", TARGETS, ids=lambda t: t.name)


def network() -> ns.Network:
    """Two layers and a loop, with delays, so that every pass has something to do."""
    net = ns.Network(dt=1e-3, seed=3)
    net.input("in", (2, 4, 4))
    net.population("hidden", (3, 5), ns.LIF(tau_membrane=10e-3, threshold=1.0))
    net.population("out", 4, ns.CurrentLIF(threshold=0.3))
    net.connect("in", "hidden", ns.AllToAll(), weight=ns.Normal(0.2, 0.3), delay=ns.Uniform(0, 5e-3))
    net.connect("hidden", "hidden", ns.FixedProbability(0.3), weight=ns.Normal(0, 0.2), delay=3e-3)
    net.connect("hidden", "out", ns.AllToAll(), weight=ns.Normal(0.3, 0.3))
    net.output("out")
    return net


X = ns.Spikes.from_dense(np.random.default_rng(0).random((60, 4, 2, 4, 4)) < 0.1, dt=1e-3)


@pytest.fixture(scope="module", params=TARGETS, ids=lambda t: t.name)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, Path]:
    build = compile_network(network(), request.param, calibration={"in": X})
    folder = tmp_path_factory.mktemp("builds") / request.param.name
    build.save(folder)
    return request.param, build, folder


def test_entry_points_name_modules_with_load() -> None:
    assert {"spinnaker", "loihi", "crossbar"} <= set(targets())
    for entry in targets().values():
        assert callable(entry.load().load)


@every_target
def test_10_a_target_states_its_limits_features_and_transport(target: Any) -> None:
    assert isinstance(target.name, str)
    assert isinstance(target.limits, Mapping)
    assert target.limits
    assert isinstance(target.transport, Transport)
    assert all(isinstance(f, Feature) and isinstance(s, Support) for f, s in target.support.items())
    assert target == type(target)()  # a frozen value
    with pytest.raises(AttributeError):
        target.name = "other"


def test_10_a_build_can_be_inspected(built: tuple[Any, Any, Path]) -> None:
    target, build, _ = built
    assert isinstance(build.losses, LossReport)
    assert all(isinstance(u, Usage) for u in build.usage)
    assert all(isinstance(s, Site) and 0 <= s.load <= 1 for s in build.layout)
    assert build.usage
    assert build.layout
    assert set(build.weights) == {"in->hidden", "hidden->hidden", "hidden->out"}
    text = build.report()
    assert target.name in text
    assert all(u.resource in text for u in build.usage)


def test_10_amounts_in_the_report_are_written_out(built: tuple[Any, Any, Path]) -> None:
    usage = built[1].report().partition("\n\n")[0]
    assert "e+" not in usage


@pytest.mark.parametrize("target", ["loihi1", Loihi1])
def test_what_is_not_a_target_is_refused(target: Any) -> None:
    with pytest.raises(DescriptionError, match=r"hardware\.Loihi1\(\)"):
        compile_network(network(), target)


def test_11_the_manifest(built: tuple[Any, Any, Path]) -> None:
    _, build, folder = built
    data = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert data["format"] == FORMAT
    for name in ("target", "profile", "neurosim", "dt", "network", "inputs", "populations", "outputs"):
        assert data[name], name
    assert set(data["files"]) == set(build.files)
    assert isinstance(read_manifest(folder), Manifest)
    assert list(data) == sorted(data)
    for entry in data["populations"].values():
        assert set(entry) == {"shape", "lag", "states"}


def test_10_compiling_twice_gives_the_same_bytes(built: tuple[Any, Any, Path], tmp_path: Path) -> None:
    target, _, folder = built
    compile_network(network(), target, calibration={"in": X}).save(tmp_path / "again")
    first, again = read_manifest(folder).files, read_manifest(tmp_path / "again").files
    assert {n: e["sha256"] for n, e in first.items()} == {n: e["sha256"] for n, e in again.items()}


def test_9_emulators_return_the_engines_recording_in_network_time(built: tuple[Any, Any, Path]) -> None:
    _, _, folder = built
    wanted = {"hidden": ns.Record("spikes", "v"), "out": ns.Record("spikes", "v", every=5e-3, neurons=[1, 3])}
    device = load(folder)
    assert isinstance(device, Device)
    r = device.emulate({"in": X}, record=wanted, overflow=Overflow.AS_CHIP)
    assert isinstance(r, Recording)
    assert (r.steps, r.samples, r.dt) == (60, 4, 1e-3)
    assert r["hidden"].v.shape == (60, 4, 3, 5)
    assert r["out"].v.shape == (12, 4, 2)
    assert r["hidden"].spikes.shape == (3, 5)  # type: ignore[union-attr]
    assert all(isinstance(e, DeviceEvent) for e in r.events)
    engine = ns.simulate(network(), {"in": X}, record=wanted)
    # same units and the same clock: a shift by one step or a wrong scale would part them at once
    for k in range(1, 20):
        if not np.array_equal(r["hidden"].spikes.dense()[:k], engine["hidden"].spikes.dense()[:k]):  # type: ignore[union-attr]
            break
        assert np.abs(r["hidden"].v[:k] - engine["hidden"].v[:k]).max() < 0.4
    rate_device, rate_engine = (len(a["hidden"].spikes) for a in (r, engine))  # type: ignore[arg-type]
    assert abs(rate_device - rate_engine) < 0.25 * rate_engine


def test_9_a_bad_record_is_refused_before_the_run(built: tuple[Any, Any, Path]) -> None:
    device = load(built[2])
    for record in (
        {"nobody": "spikes"},
        {"out": ns.Record("v", neurons=[4])},
        {"out": ns.Record("v", every=3e-4)},
    ):
        with pytest.raises(DescriptionError, match=r"record|Record"):
            device.emulate({}, 0.01, record=record)
    assert not device.emulate({}, 0.01, record={})


@pytest.mark.parametrize(("steps", "samples"), [(10, 0), (0, 2)])
def test_10_an_empty_batch_and_an_empty_run(built: tuple[Any, Any, Path], steps: int, samples: int) -> None:
    _, _, folder = built
    r = load(folder).emulate(
        {"in": np.zeros((steps, samples, 2, 4, 4))}, record={"out": ns.Record("spikes", "v")}
    )
    assert r["out"].v.shape == (steps, samples, 4)
    assert len(r["out"].spikes) == 0  # type: ignore[arg-type]


def test_10_raw_is_machine_time(built: tuple[Any, Any, Path]) -> None:
    _, _, folder = built
    device = load(folder)
    raw = device.emulate({"in": X}, raw=True, overflow=Overflow.AS_CHIP)
    cooked = device.emulate({"in": X}, overflow=Overflow.AS_CHIP)
    assert raw.steps == 60 + device.manifest.max_lag
    lag = device.manifest.populations["out"].lag
    assert raw["out"].spikes.shift(-lag).resize(60) == cooked["out"].spikes  # type: ignore[union-attr]


def test_10_the_same_seed_gives_the_same_device(
    built: tuple[Any, Any, Path],
) -> None:
    _, _, folder = built
    every = load(folder).emulate({"in": X}, seed=5, overflow=Overflow.AS_CHIP)["out"].spikes
    again = load(folder).emulate({"in": X}, seed=5, overflow=Overflow.AS_CHIP)["out"].spikes
    assert every == again


def test_10_the_emulator_reads_the_folder_and_nothing_else(
    built: tuple[Any, Any, Path], tmp_path: Path
) -> None:
    """A fresh process that has never seen the network, and never imports PyTorch."""
    _, _, folder = built
    ns_file = tmp_path / "x.npy"
    np.save(ns_file, X.dense(np.int32))
    code = (
        "import sys, numpy as np; from neurosim.hardware import load, Overflow;"
        f"r = load({str(folder)!r}).emulate({{'in': np.load({str(ns_file)!r})}}, overflow=Overflow.AS_CHIP);"
        "print(r['out'].spikes.counts().tolist()); assert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    here = load(folder).emulate({"in": X}, overflow=Overflow.AS_CHIP)["out"].spikes
    assert done.stdout.strip() == str(here.counts().tolist())  # type: ignore[union-attr]


def test_a_damaged_file_is_found(built: tuple[Any, Any, Path], tmp_path: Path) -> None:
    target, _, _ = built
    compile_network(network(), target, calibration={"in": X}).save(tmp_path / "b")
    for name in read_manifest(tmp_path / "b").files:
        file = tmp_path / "b" / name
        content = file.read_bytes()
        file.write_bytes(content[: len(content) // 2])
        with pytest.raises(FileFormatError, match=file.name):
            load(tmp_path / "b")
        file.write_bytes(content)


@every_target
def test_a_network_too_large_is_refused_by_name_and_nothing_is_written(target: Any, tmp_path: Path) -> None:
    """More neurons than any of these machines holds, almost without synapses: the machine's limit must stop it."""
    net = ns.Network(dt=1e-3)
    net.input("in", 1)
    net.population("huge", 1_100_000, ns.LIF())
    net.connect("in", "huge", ns.Sparse([0] * 4, [0, 1, 2, 3]))
    if target.name == "crossbar":
        net.input("wide", 3000)
        net.population("tall", 3000, ns.LIF())
        net.connect("wide", "tall", ns.Sparse(np.arange(3000), np.arange(3000)), delay=np.arange(3000) * 1e-3)
    with pytest.raises(CapacityError) as caught:
        compile_network(net, target).save(tmp_path / "b")
    assert caught.value.limit is not None
    assert caught.value.remedy
    assert not (tmp_path / "b").exists()


@every_target
def test_12_training_with_a_targets_numbers(target: Any) -> None:
    """`hardware/<target>/training.py`, where it exists, gives objects that keep the protocols."""
    import importlib.util

    package = type(target).__module__.rsplit(".", 1)[0]
    if importlib.util.find_spec(f"{package}.training") is None:
        pytest.skip(f"{package} has no training.py")
    torch = pytest.importorskip("torch")
    from neurosim import neurons
    from neurosim.nn import DeviceRules, NoiseModel

    training = importlib.import_module(f"{package}.training")
    found = [getattr(training, name) for name in training.__all__]
    assert found
    weight = torch.linspace(-1, 1, 24).reshape(4, 6).requires_grad_()
    for make in found:
        thing = make()
        if isinstance(thing, NoiseModel) and "oise" in type(thing).__name__:
            out = thing(weight, seed=0, index=1)
            assert torch.equal(out, thing(weight, seed=0, index=1))
            assert not torch.equal(out, thing(weight, seed=0, index=2))
            assert out.shape == weight.shape
            (gradient,) = torch.autograd.grad(out.sum(), weight)
            assert (gradient != 0).any()  # straight through
            continue
        assert isinstance(thing, DeviceRules)
        assert 0 <= thing.minimum_delay <= thing.max_delay_steps
        assert thing.noise is None or isinstance(thing.noise, NoiseModel)
        exact = weight.detach().double().numpy()
        once = thing.held(neurons.LIF(), (4,), [exact], dt=1e-3)
        twice = thing.held(once.model, (4,), once.weights, dt=1e-3)
        assert np.allclose(once.weights[0], exact, atol=0.02)
        assert np.allclose(once.weights[0], twice.weights[0], rtol=1e-12)
        assert twice.model.threshold == pytest.approx(once.model.threshold, rel=1e-12)
