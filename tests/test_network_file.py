"""The on-disk format: exact round trips, hashes, and every kind of file that must be refused."""

import contextlib
import importlib
import os
import pkgutil
import stat
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import neurosim.connectivity
import neurosim.neurons
import neurosim.plasticity
from neurosim.connectivity import (
    AllToAll,
    Autapses,
    Convolution2d,
    DistanceDependent,
    Ends,
    FixedInDegree,
    FixedOutDegree,
    FixedProbability,
    LogNormal,
    Multapses,
    Normal,
    OneToOne,
    Placement,
    Rounding,
    SmallWorld,
    Sparse,
    Uniform,
)
from neurosim.errors import DescriptionError, FileFormatError
from neurosim.network import Network
from neurosim.network_file import GROUP, network_hash, read_network, write_network
from neurosim.network_tree import CLASSES, register
from neurosim.neurons.current_lif import CurrentLIF
from neurosim.neurons.integrate_and_fire import IntegrateAndFire
from neurosim.neurons.leaky_integrator import LeakyIntegrator
from neurosim.neurons.lif import LIF
from neurosim.neurons.options import RefractoryInput, Reset, ResetTiming, SpikeWhen
from neurosim.parameters import Parameters
from neurosim.plasticity import STDP

POSITIVE = st.floats(1e-6, 1e6)
NUMBER = st.floats(-1e300, 1e300)


def vector(elements, n):
    return st.lists(elements, min_size=n, max_size=n).map(np.array)


@st.composite
def models(draw, n):
    value = st.one_of(NUMBER, vector(NUMBER, n))
    tau = st.one_of(POSITIVE, vector(POSITIVE, n))
    fields = {
        "resistance": value,
        "current": value,
        "v_init": value,
    }
    kind = draw(st.sampled_from([LIF, CurrentLIF, IntegrateAndFire, LeakyIntegrator]))
    if kind is not IntegrateAndFire:
        fields |= {
            "tau_membrane": tau,
            "v_rest": value,
            "discretisation": st.sampled_from(LIF.DISCRETISATIONS),
        }
        fields["v_init"] = st.one_of(st.none(), value)
    if kind is not LeakyIntegrator:
        fields |= {
            "threshold": value,
            "v_reset": value,
            "reset": st.sampled_from(Reset),
            "spike_when": st.sampled_from(SpikeWhen),
            "reset_timing": st.sampled_from(ResetTiming),
            "refractory_input": st.sampled_from(RefractoryInput),
        }
    if kind is CurrentLIF:
        fields["tau_synapse"] = tau
    return kind(**draw(st.fixed_dictionaries({}, optional=fields)))


@st.composite
def networks(draw):
    dt = draw(st.sampled_from([1e-4, 1e-3, 0.3e-3]))
    net = Network(dt=dt, seed=draw(st.integers(0, 2**63 - 1)))
    text = st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters="/"),
        min_size=1,
        max_size=8,
    )
    names = draw(
        st.lists(text.filter(lambda s: s == s.strip() and "->" not in s), min_size=2, max_size=4, unique=True)
    )
    sizes = [draw(st.integers(1, 4)) for _ in names]
    net.input(names[0], sizes[0])
    for name, n in zip(names[1:], sizes[1:], strict=True):
        net.population(name, n, draw(models(n)))
    for _ in range(draw(st.integers(0, 4))):
        i, j = draw(st.integers(0, len(names) - 1)), draw(st.integers(1, len(names) - 1))
        rule = draw(
            st.sampled_from(
                [
                    AllToAll(),
                    FixedProbability(0.3),
                    OneToOne(),
                    Sparse([0, 0], [0, sizes[j] - 1]),
                    Sparse([], []),
                    AllToAll(autapses=Autapses.FORBIDDEN),
                    FixedInDegree(1, multapses=Multapses.FORBIDDEN),
                    FixedOutDegree(7),
                    SmallWorld(0, 0.3),
                    DistanceDependent(grid=(2, 2), length=1.5, probability=0.1, placement=Placement.SHUFFLED),
                ]
            )
        )
        if isinstance(rule, (OneToOne, SmallWorld)) and sizes[i] != sizes[j]:
            continue
        weights = [NUMBER, st.just(Normal(0.3, 0.1)), st.just(LogNormal(0.3, 2.0))]
        delays = [
            st.integers(0, 9).map(lambda k: k * dt),
            st.just(Uniform(0.0, 3e-3)),
            st.just(Normal(0.0, dt, low=0.0)),
        ]
        shape = rule.values_shape(Ends((sizes[i],), (sizes[j],)))
        if shape is not None:
            n = int(np.prod(shape))
            weights.append(vector(NUMBER, n).map(lambda a, s=shape: a.reshape(s)))
            weights.append(
                vector(st.floats(-9, 9, width=32), n).map(lambda a, s=shape: a.reshape(s).astype(np.float32))
            )
            delays.append(vector(st.integers(0, 9), n).map(lambda a, s=shape: a.reshape(s) * dt))
        net.connect(
            names[i],
            names[j],
            rule,
            weight=draw(st.one_of(weights)),
            delay=draw(st.one_of(delays)),
            delay_rounding=draw(st.sampled_from([None, *Rounding])),
            plasticity=draw(st.sampled_from([None, STDP(), STDP(w_min=0.0, a_plus=0.1 + 0.2)])),
        )
    for name in names[1 : draw(st.integers(1, len(names)))]:
        net.output(name)
    return net


def small():
    net = Network(dt=1e-3, seed=7)
    net.input("retina", (2, 5, 5))
    net.population("map", (3, 3, 3), LIF(threshold=np.full((3, 3, 3), 0.5), refractory=2e-3))
    net.population("readout", 4, LeakyIntegrator())
    net.connect(
        "retina", "map", Convolution2d(np.arange(54.0).reshape(3, 2, 3, 3), stride=1, padding=0), name="conv"
    )
    net.connect("map", "readout", AllToAll(), weight=np.eye(27, 4, dtype=np.float32), delay=2e-3)
    net.output("readout")
    return net


@given(net=networks())
@settings(max_examples=60, deadline=None)
def test_round_trip_is_exact(net):
    with h5py.File("memory", "w", driver="core", backing_store=False) as file:
        group = file.create_group(GROUP, track_order=True)
        write_network(group, net)
        again = read_network(group)
    assert again == net
    assert network_hash(again) == network_hash(net)
    assert repr(again) == repr(net)


def test_save_and_load(tmp_path):
    net = small()
    net.save(tmp_path / "net.h5")
    assert Network.load(tmp_path / "net.h5") == net
    assert [p.name for p in tmp_path.iterdir()] == ["net.h5"], "no temporary file is left"
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((tmp_path / "net.h5").stat().st_mode) == 0o666 & ~umask


def test_hash_sees_every_part():
    base = network_hash(small())
    assert base == network_hash(small())
    changed = small()
    changed.population("more", 1, LIF())
    other_seed = Network(dt=1e-3, seed=8)
    assert (
        len({base, network_hash(changed), network_hash(other_seed), network_hash(Network(dt=1e-3, seed=7))})
        == 4
    )
    kinds = set()
    alike = (LIF(), LIF(reset=Reset.BY_SUBTRACTION), LIF(threshold=np.array([1.0])), LIF(v_init=0.0))
    for model in (*alike, IntegrateAndFire()):
        net = Network(dt=1e-3)
        net.population("a", 1, model)
        kinds.add(network_hash(net))
    assert len(kinds) == 5


def test_failed_save_leaves_the_old_file(tmp_path):
    class Private(LIF):
        """A model that files do not know."""

    path = tmp_path / "net.h5"
    small().save(path)
    before = path.read_bytes()
    net = small()
    net.population("odd", 1, Private())
    with pytest.raises(DescriptionError, match="register"):
        net.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["net.h5"]


def test_registered_class_round_trips(tmp_path):
    @register
    class RegisteredForThisTest(LIF):
        """A user's own model."""

    net = Network(dt=1e-3)
    net.population("own", 2, RegisteredForThisTest(threshold=3.0))
    net.save(tmp_path / "own.h5")
    assert Network.load(tmp_path / "own.h5") == net
    with pytest.raises(DescriptionError, match="known already"):
        register(type("LIF", (LIF,), {}))


def test_every_part_of_a_description_is_known():
    found = {}
    for package in (neurosim.connectivity, neurosim.neurons, neurosim.plasticity):
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            for name, value in vars(importlib.import_module(module.name)).items():
                if (
                    isinstance(value, type)
                    and issubclass(value, Parameters)
                    and value.__module__ == module.name
                ):
                    found[name] = value
    bases = {
        "NeuronModel", "LeakyMembrane", "ConductanceMembrane", "PlasticityRule", "Rule", "RandomRule", "_FixedDegree",
        "Distribution", "Upkeep", "Scaling",
    }  # fmt: skip
    concrete = {name: cls.__module__ for name, cls in found.items() if name not in bases}
    assert {n: CLASSES.get(n) for n in concrete} == concrete, (
        "add new classes to neurosim.network_tree.CLASSES"
    )
    for name, module in CLASSES.items():
        assert getattr(importlib.import_module(module), name).__name__ == name


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "net.h5"
    small().save(path)
    return path


def test_missing_and_foreign_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        small().save(tmp_path / "nowhere" / "net.h5")
    with pytest.raises(FileFormatError, match="no such file"):
        Network.load(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("not a network")
    with pytest.raises(FileFormatError, match="truncated or foreign"):
        Network.load(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["weights"] = [1.0]
    with pytest.raises(FileFormatError, match="no group"):
        Network.load(tmp_path / "other.h5")


def test_every_truncation_is_refused(saved, tmp_path):
    content = saved.read_bytes()
    for n in range(0, len(content) - 1, max(1, len(content) // 60)):
        (tmp_path / "cut.h5").write_bytes(content[:n])
        with pytest.raises(FileFormatError):
            Network.load(tmp_path / "cut.h5")


def test_flipped_bytes_load_the_same_or_raise_a_format_error(saved, tmp_path):
    """Damage may hit bytes that say nothing; it must never crash or raise anything but FileFormatError."""
    content = bytearray(saved.read_bytes())
    rng = np.random.default_rng(0)
    for at in rng.integers(0, len(content), 150):
        damaged = content.copy()
        damaged[at] ^= 1 << int(rng.integers(8))
        (tmp_path / "bad.h5").write_bytes(damaged)
        with contextlib.suppress(FileFormatError):
            Network.load(tmp_path / "bad.h5")


def _tamper(change, match):
    def run(path):
        with h5py.File(path, "r+") as file:
            change(file[GROUP])
        with pytest.raises(FileFormatError, match=match):
            Network.load(path)

    return run


def _huge(group):
    rule = group["projections/1"]
    del rule["weight"]
    rule.create_dataset(
        "weight", shape=(2**20, 2**12), dtype="f4", chunks=(2**10, 2**10)
    )  # chunks are not allocated


def _move_out(group):
    rule = group["projections/1"]
    del rule["weight"]
    rule["weight"] = h5py.ExternalLink("/etc/passwd", "/weight")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda g: g.attrs.create("format", 3), "newer format"),
        (lambda g: g.attrs.create("format", np.bytes_(b"one")), "no format version"),
        (lambda g: g.attrs.__delitem__("format"), "no format version"),
        (lambda g: g.attrs.__delitem__("dt"), "lacks a part"),
        (lambda g: g.attrs.create("dt", -1.0), "positive"),
        (lambda g: g.attrs.create("seed", 1.5), "lacks a part"),
        (lambda g: g.__delitem__("populations"), "lacks a part"),
        (lambda g: g.__delitem__("populations/0"), "gaps"),
        (lambda g: g["populations/0/model"].attrs.create("class", np.bytes_(b"os.system")), "unknown class"),
        (lambda g: g["populations/0/model"].attrs.create("class", np.bytes_(b"Reset")), "unknown class"),
        (lambda g: g["populations/0/model"].attrs.create("class", np.bytes_(b"STDP")), "no such field"),
        (lambda g: g["populations/0/model"].attrs.create("tau_membrane", -1.0), "out of range"),
        (lambda g: g["populations/0/model"].attrs.create("tau_membrane", float("nan")), "out of range"),
        (
            lambda g: g["populations/0/model"].attrs.create("reset", np.bytes_(b"@Reset.SIDEWAYS")),
            "unknown option",
        ),
        (
            lambda g: g["populations/0/model"].attrs.create("reset", np.bytes_(b"TO_VALUE")),
            "not one of its options",
        ),
        (lambda g: g["populations/0/model"].attrs.create("extra", 1.0), "no such field"),
        (lambda g: g["populations/0/model"].attrs.create("v_rest", [1.0, 2.0]), "single value"),
        (lambda g: g["populations/0"].attrs.create("name", np.bytes_(b"readout")), "taken"),
        (lambda g: g["projections/0"].attrs.create("pre", np.bytes_(b"nobody")), "unknown presynaptic"),
        (lambda g: g["projections/1"].attrs.create("delay", 0.5e-3), "not multiples"),
        (lambda g: g["projections/1"].attrs.create("plasticity", 3.0), "not a plasticity rule"),
        (lambda g: g["projections/0/rule"]["weights"].write_direct(np.full((3, 2, 3, 3), np.nan)), "finite"),
        (_huge, "more than the file holds"),
        (_move_out, "links are not allowed"),
    ],
)
def test_tampered_files_are_refused(saved, change, match):
    _tamper(change, match)(saved)


def test_reading_does_not_allocate_what_a_file_merely_declares(saved):
    """The refused data set claims 16 GiB; the process must not grow by it."""
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    _tamper(_huge, "more than the file holds|too large")(saved)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


def test_text_of_variable_length_is_not_read(tmp_path: Path) -> None:
    """HDF5 keeps it in a heap, and reading a damaged heap may never end."""
    path = tmp_path / "net.h5"
    net = Network(dt=1e-3)
    net.population("p", 1, LIF())
    net.save(path)
    with h5py.File(path, "r+") as file:
        file["neurosim"].attrs["writer"] = "somebody"
        part = file["neurosim"]
        found = []
        part.visititems(lambda name, item: found.append(name) if "class" in item.attrs else None)
        part[found[0]].attrs["class"] = "LIF"
    with pytest.raises(FileFormatError, match="variable length"):
        Network.load(path)
