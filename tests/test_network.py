import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import DescriptionError, ShapeError, TimeGridError


def small() -> ns.Network:
    net = ns.Network(dt=1e-3, seed=1)
    a = net.input("in", (2, 3, 3))
    b = net.population("hidden", 5, ns.LIF(threshold=np.arange(1.0, 6.0)))
    net.connect(a, b, ns.AllToAll(), weight=np.ones((18, 5)), delay=ns.Uniform(0, 5e-3))
    net.connect(b, b, ns.FixedProbability(0.5), weight=ns.Normal(0, 1), delay=1e-3, plasticity=ns.STDP())
    net.output(b)
    return net


def test_compares_by_value() -> None:
    assert small() == small()
    other = small()
    other.population("more", 1, ns.LIF())
    assert other != small()


def test_only_grows_and_parts_are_read_only() -> None:
    net = small()
    with pytest.raises(TypeError):
        net.populations["x"] = None  # type: ignore[index]
    with pytest.raises(AttributeError):
        net.populations["hidden"].shape = (6,)  # type: ignore[misc]
    with pytest.raises(AttributeError):
        net.dt = 2.0  # type: ignore[misc]


def test_names_identify_things() -> None:
    net = small()
    assert list(net.projections) == ["in->hidden", "hidden->hidden"]
    again = net.connect("in", "hidden", ns.AllToAll())
    assert again.name == "in->hidden#2"
    for add in (
        lambda: net.input("hidden", 1),
        lambda: net.population("in", 1, ns.LIF()),
        lambda: net.connect("in", "hidden", ns.AllToAll(), name="in->hidden"),
    ):
        with pytest.raises(DescriptionError, match="taken"):
            add()


def test_arrays_are_copied() -> None:
    net = ns.Network(dt=1e-3)
    net.input("in", 2)
    net.population("p", 2, ns.LIF())
    w = np.ones((2, 2), np.float32)
    p = net.connect("in", "p", ns.AllToAll(), weight=w)
    w[0, 0] = 9
    assert p.weight[0, 0] == 1  # type: ignore[index]
    assert p.weight.dtype == np.float32  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"weight": float("nan")}, DescriptionError, "NaN"),
        ({"weight": np.full((18, 5), np.inf)}, DescriptionError, "90 values"),
        ({"weight": np.ones((5, 18))}, ShapeError, r"\(5, 18\).*\(18, 5\)"),
        ({"weight": "strong"}, DescriptionError, "weight"),
        ({"delay": -1e-3}, DescriptionError, "negative"),
        ({"delay": float("nan")}, DescriptionError, "NaN"),
        ({"delay": 1.5e-3}, TimeGridError, "delay_rounding"),
        ({"rule": ns.OneToOne()}, ShapeError, "equal size"),
        ({"rule": "all"}, DescriptionError, "connection rule"),
        ({"rule": ns.FixedProbability(0.1), "weight": np.ones((1, 4))}, ShapeError, r"\(1, 4\).*\(18, 5\)"),
        ({"rule": ns.Sparse([18], [0])}, ShapeError, "0 to 17"),
        ({"pre": "retina"}, DescriptionError, "retina"),
        ({"post": "in"}, DescriptionError, "postsynaptic"),
        ({"weight": [[1.0], [2.0, 3.0]]}, DescriptionError, "weight"),
        ({"delay": 1.5e-3, "delay_rounding": "nearest"}, DescriptionError, "not a Rounding"),
        ({"plasticity": "stdp"}, DescriptionError, "not a PlasticityRule"),
        ({"name": ""}, DescriptionError, "non-empty string"),
        ({"name": 5}, DescriptionError, "non-empty string"),
    ],
)
def test_bad_projections_are_refused_where_they_are_made(
    change: dict[str, object], error: type[Exception], says: str
) -> None:
    net = small()
    before = dict(net.projections)
    arguments = {"pre": "in", "post": "hidden", "rule": ns.AllToAll(), **change}
    with pytest.raises(error, match=says):
        net.connect(arguments.pop("pre"), arguments.pop("post"), arguments.pop("rule"), **arguments)  # type: ignore[arg-type]
    assert dict(net.projections) == before


@pytest.mark.parametrize("dt", [0, -1e-3, float("nan"), float("inf"), "1ms"])
def test_bad_time_steps_are_refused(dt: object) -> None:
    with pytest.raises(DescriptionError, match="time step"):
        ns.Network(dt=dt)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [-1, 1.5, float("nan"), "1", None])
def test_bad_seeds_are_refused(seed: object) -> None:
    with pytest.raises(DescriptionError, match="seed"):
        ns.Network(dt=1e-3, seed=seed)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", " a", "a/b", "a->b", "a\nb", "a\0b", "\ud800", None])
def test_names_that_files_cannot_hold_are_refused(name: object) -> None:
    with pytest.raises(DescriptionError, match="a name is"):
        ns.Network(dt=1e-3).input(name, 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [0, -1, (2, 0), (), (2**20, 2**20), 3.5, "ab", None, (float("nan"),)])
def test_bad_shapes_are_refused(shape: object) -> None:
    with pytest.raises(ShapeError):
        ns.Network(dt=1e-3).population("p", shape, ns.LIF())  # type: ignore[arg-type]


def test_model_arrays_must_have_the_populations_shape() -> None:
    with pytest.raises(DescriptionError, match=r"LIF\.threshold"):
        ns.Network(dt=1e-3).population("p", (2, 2), ns.LIF(threshold=np.ones(4)))


def test_a_part_of_another_network_is_not_taken_for_ours() -> None:
    other = ns.Network(dt=1e-3)
    stranger = other.population("hidden", 7, ns.LIF())
    with pytest.raises(DescriptionError, match="unknown"):
        small().connect("in", stranger, ns.AllToAll())
