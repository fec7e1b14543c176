"""The .nir file: nothing is lost in ours, and damaged, foreign and plain ones are told apart."""

import h5py
import nir
import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import DescriptionError, FileFormatError, LossError, UnsupportedError
from neurosim.interchange.nir import NirContent, read_nir, to_nir, write_nir
from neurosim.interchange.nir_dialects import DIALECTS
from neurosim.interchange.nir_file import graph_hash
from neurosim.loss_report import LossKind
from neurosim.neurons.options import Reset, SpikeWhen
from neurosim.sources import PoissonDrive, PoissonSource

DT = 1e-4
NEURON = nir.IF(r=np.ones(1), v_threshold=np.ones(1))


EVERYTHING = tuple(LossKind)


def rich_network():
    """One of everything that NIR has no word for."""
    net = ns.Network(dt=1e-3, seed=3)
    net.input("retina", (2, 4, 4))
    hard = {"refractory": 2e-3, "reset": Reset.BY_SUBTRACTION, "spike_when": SpikeWhen.REACHED}
    net.population("map", (3, 2, 2), ns.LIF(threshold=0.7, current=0.2, **hard))
    net.population("liquid", (2, 5), ns.CurrentLIF(tau_synapse=np.linspace(1e-3, 9e-3, 10).reshape(2, 5)))
    net.population("sum", 4, ns.LeakyIntegrator(v_init=0.3))
    net.connect("retina", "map", ns.Convolution2d(np.arange(54.0).reshape(3, 2, 3, 3) / 50), weight=0.5)
    net.connect(
        "map", "liquid", ns.FixedProbability(0.4), weight=ns.Normal(0.3, 0.1), delay=ns.Uniform(0, 9e-3)
    )
    net.connect("liquid", "liquid", ns.AllToAll(), weight=0.1, delay=3e-3, plasticity=ns.STDP())
    net.input("noise", 4, source=PoissonSource(rate=20.0))
    net.connect("noise", "sum", ns.OneToOne(), weight=0.5)
    net.drive("map", PoissonDrive(rate=100.0, weight=0.1))
    net.connect("liquid", "sum", ns.Sparse([0, 3, 9], [0, 1, 3]), weight=[1.0, 2.0, 3.0], name="read")
    net.output("sum")
    net.output("map")
    return net


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_file_of_ours_loses_nothing(tmp_path, dialect):
    net = rich_network()
    report = write_nir(net, tmp_path / "net.nir", dialect=dialect)
    again, lost = read_nir(tmp_path / "net.nir")
    assert again == net
    assert not lost
    said = str(report)
    for word in (
        "time step",
        "refractory",
        "plasticity",
        "PoissonSource",
        "PoissonDrive",
        "random connectivity",
        "initial potential",
        "shape",
    ):
        assert word in said
    if DIALECTS[dialect].reset is Reset.TO_VALUE:
        assert "reset by subtraction" in said
    if dialect != "continuous":
        assert ("delays" in said) == (dialect != "spyx")
    nir.read(tmp_path / "net.nir")  # nir itself reads it and its types agree
    assert [p.name for p in tmp_path.iterdir()] == ["net.nir"]


def test_what_a_file_carries_is_not_overruled(tmp_path):
    net = rich_network()
    write_nir(net, tmp_path / "net.nir")
    assert read_nir(tmp_path / "net.nir", dt=net.dt)[0] == net
    with pytest.raises(DescriptionError, match="another time step"):
        read_nir(tmp_path / "net.nir", dt=2 * net.dt)
    with pytest.raises(FileFormatError, match="read_nir"):
        ns.Network.load(tmp_path / "net.nir")


def test_a_plain_file_must_be_allowed_its_losses(tmp_path):
    path = tmp_path / "plain.nir"
    with pytest.raises(LossError) as caught:
        write_nir(rich_network(), path, content=NirContent.PLAIN)
    assert {loss.kind for loss in caught.value.report} >= {LossKind.DROPPED, LossKind.APPROXIMATED}
    assert not path.exists(), "nothing is written"
    with pytest.raises(LossError):
        to_nir(rich_network())
    write_nir(rich_network(), path, content=NirContent.PLAIN, allow=EVERYTHING)
    with h5py.File(path) as file:
        assert set(file) == {"node", "version"}


def test_dt_and_dialect_of_a_plain_file_are_never_guessed(tmp_path):
    nir.write(tmp_path / "plain.nir", nir.NIRGraph.from_list(nir.Linear(weight=np.ones((1, 1))), NEURON))
    with pytest.raises(DescriptionError, match="dt is needed"):
        read_nir(tmp_path / "plain.nir", dialect="norse")
    with pytest.raises(DescriptionError, match="dialect is needed"):
        read_nir(tmp_path / "plain.nir", dt=DT)
    with pytest.raises(DescriptionError, match="unknown dialect"):
        read_nir(tmp_path / "plain.nir", dt=DT, dialect="klingon")


def test_a_changed_nir_part_wins_with_a_warning(tmp_path):
    path = tmp_path / "net.nir"
    net = ns.Network(dt=1e-3)
    net.input("i", 2)
    net.output(net.population("n", 2, ns.LIF(refractory=5e-3)))
    net.connect("i", "n", ns.AllToAll(), weight=0.25, name="w")
    write_nir(net, path, dialect="norse")
    with h5py.File(path, "r+") as file:
        file["node/nodes/w/weight"][0, 1] += 1.0
    with pytest.warns(UserWarning, match="changed after neurosim wrote it"):
        changed, report = read_nir(path)
    assert changed.dt == 1e-3
    assert changed.populations["n"].model.refractory == 0.0
    assert changed.projections["w"].weight[1, 0] > net.projections["w"].weight
    assert report
    graph = nir.read(path)
    nir.write(path, graph)  # another tool writes it again: the group is gone
    with pytest.raises(DescriptionError):
        read_nir(path)


def test_the_hash_ignores_how_a_file_is_held_and_sees_every_number(tmp_path):
    graph, _ = to_nir(rich_network(), allow=EVERYTHING)
    base = graph_hash(graph)
    nir.write(tmp_path / "a.nir", graph, compression="lzf")
    assert graph_hash(nir.read(tmp_path / "a.nir")) == base
    graph.nodes["map"].tau[0] *= 1 + 1e-15
    assert graph_hash(graph) != base


def test_old_versions_of_nir_get_no_v_reset(tmp_path):
    net = ns.Network(dt=1e-3)
    net.population("n", 1, ns.LIF())
    write_nir(net, tmp_path / "old.nir", nir_compat="1.0.4")
    with h5py.File(tmp_path / "old.nir") as file:
        assert "v_reset" not in file["node/nodes/n"]
    assert read_nir(tmp_path / "old.nir")[0] == net
    other = ns.Network(dt=1e-3)
    other.population("n", 1, ns.LIF(v_reset=-1.0))
    with pytest.raises(UnsupportedError, match="v_reset"):
        write_nir(other, tmp_path / "other.nir", nir_compat="1.0.4")
    assert not (tmp_path / "other.nir").exists()


@pytest.fixture
def written(tmp_path):
    write_nir(rich_network(), tmp_path / "net.nir")
    return tmp_path / "net.nir"


def test_truncated_and_foreign_files(written, tmp_path):
    content = written.read_bytes()
    for n in np.linspace(0, len(content) - 1, 25).astype(int):
        (tmp_path / "cut.nir").write_bytes(content[:n])
        with pytest.raises(FileFormatError):
            read_nir(tmp_path / "cut.nir")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(FileFormatError, match="not a NIR file"):
        read_nir(tmp_path / "other.h5")
    with pytest.raises(FileFormatError, match="no such file"):
        read_nir(tmp_path / "none.nir")


def _declare_too_much(file):
    node = file["node/nodes/read"]
    del node["weight"]
    node.create_dataset("weight", shape=(2**17, 2**12), dtype="f4", chunks=(2**10, 2**10))


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (_declare_too_much, FileFormatError, "more than the file holds"),
        (lambda f: f["neurosim"].attrs.create("format", 99), FileFormatError, "newer format"),
        (lambda f: f["neurosim"].__delitem__("nir_dialect"), FileFormatError, "states no dialect"),
        (lambda f: f["node/nodes"].__setitem__("odd/type", "Resonator"), UnsupportedError, "Resonator"),
        (lambda f: f["node/nodes/map"].__setitem__("extra", 1.0), FileFormatError, "cannot read it"),
        (lambda f: f["node/nodes/map"].__delitem__("tau"), FileFormatError, "cannot read it"),
        (
            lambda f: f["node/nodes"].__setitem__("far", h5py.ExternalLink("/etc/hosts", "/")),
            FileFormatError,
            "links",
        ),
    ],
)
def test_tampered_files_are_refused(written, change, error, match):
    with h5py.File(written, "r+") as file:
        change(file)
    with pytest.raises(error, match=match):
        read_nir(written)
