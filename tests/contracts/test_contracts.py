"""docs/contracts.md, section by section. What later work builds on changes here and there together."""

import importlib
import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import neurosim as ns
from neurosim import errors, neurons, random
from neurosim.engine import Plan, PlanProjection, Stage, lower
from neurosim.engine.learning.walk import TABLE
from neurosim.engine.ops import drive_kernels
from neurosim.engine.ops.delivery_op import BIT_TABLE, DELIVERY_TABLE
from neurosim.engine.ops.native import OP
from neurosim.engine.ops.spike_list import list_of_population
from neurosim.loss_report import Loss, LossKind, LossReport
from neurosim.neurons import NeuronModel
from neurosim.plasticity import PlasticityRule
from neurosim.sources import Drive, Source

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "contracts.md").read_text(encoding="utf-8")


def section(number: int) -> str:
    return re.split(r"^## ", PAGE, flags=re.MULTILINE)[number]


def test_1_the_exception_tree_is_the_table() -> None:
    table = dict(re.findall(r"^\| `(\w+)` \| `(\w+)` \|", section(1), flags=re.MULTILINE))
    assert set(table) == set(errors.__all__)
    for name, base in table.items():
        bases = {c.__name__ for c in getattr(errors, name).__mro__}
        assert base in bases, name
        assert "NeurosimError" in bases, name


def test_2_losses() -> None:
    assert set(re.findall(r"`([A-Z]+)`", section(2))) == {kind.name for kind in LossKind}
    loss = Loss(kind=LossKind.ROUNDED, where="a", what="b")
    assert list(LossReport([loss])) == [loss]


def test_3_spikes_are_sorted_int32_and_dense_views_are_time_major() -> None:
    spikes = ns.Spikes([0, 0, 1], [1, 1, 0], [0, 3, 2], [2, 1, 1], shape=(2, 2), dt=1e-3, steps=3, samples=2)
    for name in ("sample", "step", "neuron", "count"):
        assert getattr(spikes, name).dtype == np.int32
        assert not getattr(spikes, name).flags.writeable
    assert spikes.dense().shape == (3, 2, 2, 2)
    assert spikes.dense()[1, 0, 1, 1] == 1
    assert spikes.counts().dtype == np.int64


def test_4_every_name_of_the_description_exists() -> None:
    for name in re.findall(r"`(\w+)\(", section(4)):
        assert hasattr(ns, name) or hasattr(ns.Network, name), name
    assert list(inspect.signature(ns.Network.connect).parameters) == [
        "self", "pre", "post", "rule", "weight", "delay", "delay_rounding", "plasticity", "receptor", "name",
    ]  # fmt: skip


MODELS = [
    ns.LIF(), ns.CurrentLIF(), ns.IntegrateAndFire(), ns.LeakyIntegrator(), ns.AdaptiveLIF(), ns.AdEx(),
    ns.AlphaCurrentLIF(), ns.AlphaConductanceLIF(), ns.ConductanceLIF(), ns.DualCurrentLIF(), ns.Izhikevich(),
    ns.Relay(),
]  # fmt: skip


def test_5_names_every_model_and_its_receptors() -> None:
    named = set(re.findall(r"`(\w+)`", section(5)))
    assert {type(m).__name__ for m in MODELS} | {r for m in MODELS for r in m.RECEPTORS} <= named
    public = [getattr(neurons, name) for name in neurons.__all__]
    models = {c for c in public if issubclass(c, NeuronModel)} - {NeuronModel}
    assert {type(m) for m in MODELS} == models


@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
def test_5_neuron_models(model: NeuronModel) -> None:
    names = list(inspect.signature(type(model).step).parameters)
    assert names == [*model.STATE, *model.RECEPTORS, *model.coefficients(1e-3), *model.OPTIONS]
    assert model.CURRENT is None or model.CURRENT in model.coefficients(1e-3)
    assert list(model.initial(1e-3)) == list(model.STATE)
    out = type(model).step(
        *model.initial(1e-3).values(),
        *(0.5 for _ in model.RECEPTORS),
        *model.coefficients(1e-3).values(),
        *(getattr(model, o) for o in model.OPTIONS),
    )
    assert len(out) == len(model.STATE) + 1
    assert type(model).__doc__ is not None
    assert "One step" in type(model).__doc__


def test_6_plan_arrays() -> None:
    net = ns.Network(dt=1e-3, seed=1)
    net.input("in", 9)
    net.population("p", (2, 4), ns.LIF())
    net.connect("in", "p", ns.FixedProbability(0.6), weight=ns.Normal(0, 1), delay=ns.Uniform(0, 5e-3))
    net.connect("p", "p", ns.AllToAll(), weight=np.ones((8, 8), np.float32), delay=2e-3)
    plan = lower(net)
    named = r"Plan\(dt, seed, inputs.*?\)\n"
    assert re.search(named, section(6), flags=re.DOTALL)
    assert list(Plan.__dataclass_fields__) == [
        "dt",
        "seed",
        "inputs",
        "populations",
        "projections",
        "outputs",
        "stages",
        "drives",
        "sources",
    ]
    assert list(PlanProjection.__dataclass_fields__) == [
        "name",
        "pre",
        "post",
        "rows",
        "receptor",
        "plasticity",
    ]
    assert list(Stage.__dataclass_fields__) == ["levels", "block"]
    drawn, given = plan.projections
    assert (drawn.row_start.dtype, drawn.target.dtype, drawn.weight.dtype, drawn.delay.dtype) == (
        "i8",
        "i4",
        "f4",
        "i4",
    )
    assert given.weight.dtype == np.float32
    assert np.array_equal(
        np.lexsort((drawn.target, drawn.delay, drawn.pre_index)), np.arange(drawn.n_synapses)
    )
    assert [(s.populations, s.block) for s in plan.stages] == [(("p",), 2)]


class Order(PlasticityRule):
    """Writes the order of what happens to it into the digits of the weight."""

    def coefficients(self, dt: float) -> Mapping[str, float]:
        return {"base": 10.0}

    @staticmethod
    def on_pre(weight: Any, m: Any, base: Any) -> Any:
        return base * weight + 1.0

    @staticmethod
    def on_post(weight: Any, m: Any, base: Any) -> Any:
        return base * weight + 2.0

    @staticmethod
    def modulate(weight: Any, m: Any, base: Any) -> Any:
        return base * weight + 3.0


def test_7_and_8_pre_then_post_then_modulator_and_the_arrival_uses_the_old_weight() -> None:
    net = ns.Network(dt=1e-3)
    net.input("in", 1)
    net.population("p", 1, ns.LIF(threshold=5.0))
    net.connect("in", "p", ns.OneToOne(), weight=5.0, plasticity=Order(), name="w")
    x = np.zeros((3, 1, 1))
    x[1] = 1
    r = ns.simulate(net, {"in": x}, record={"p": ns.Record("spikes")}, modulators={"w": [1.0, 1.0, 0.0]})
    assert r["p"].spikes.step.tolist() == [1]
    # step 0: modulator (5 -> 53); step 1: arrival delivered with 53, then pre, post, modulator; step 2: nothing, m is 0
    assert r.weights["w"][0, 0] == 53123


def test_13_purposes_of_random_streams_are_the_list() -> None:
    listed = section(13).split("Purposes in use:")[1]
    assert set(re.findall(r"`([a-z.]+)`", listed)) == random.PURPOSES


def resolve(entry: str) -> object:
    module, _, attribute = entry.partition(":")
    found = importlib.import_module(module)
    return getattr(found, attribute) if attribute else found


class TestRegistries:
    PLACES: ClassVar[dict[str, str]] = {"PANELS": "neurosim.analysis.report", "VERBS": "neurosim.cli"}

    @pytest.mark.parametrize("name", sorted(PLACES))
    def test_14_every_entry_can_be_imported(self, name: str) -> None:
        registry = getattr(importlib.import_module(self.PLACES[name]), name)
        assert registry
        for entry in registry.values():
            entry = entry if isinstance(entry, str) else entry.module
            if "panel" not in entry:  # panels draw with an extra and are covered by their own tests
                assert resolve(entry)


def subclasses(base: type) -> set[type]:
    return {cls for cls in base.__subclasses__() if cls.__module__.startswith("neurosim.")}


def test_15_every_drive_has_a_kernel_and_every_source_the_methods() -> None:
    importlib.import_module("neurosim.sources")
    drives, sources = subclasses(Drive), subclasses(Source)
    assert drives == set(drive_kernels._PREPARE)
    assert len(sources) >= 4
    for source in sources:
        assert {"check", "most", "spikes"} <= set(vars(source))
    for kind in drives | sources:
        assert getattr(ns, kind.__name__) is kind
    arguments = ["x", "low", "high", "step", "sample"]
    for name in ("add_poisson", "add_poissons", "add_noise", "add_values", "add_sine"):
        kernel = getattr(drive_kernels, name).py_func
        assert list(inspect.signature(kernel).parameters)[:5] == arguments


def test_16_an_op_takes_six_integers_and_tables_that_read_spikes_begin_with_the_list() -> None:
    assert str(OP) == "(" + ", ".join(["int64"] * 6) + ") -> none"
    assert re.findall(r"`void\((.*?)\)`", section(16)) == ["table, sample, low, high, step, scratch"]
    entries = list_of_population(np.array([0, 64, 100], np.int64)).entries()
    first = DELIVERY_TABLE[: len(entries)]
    assert all(name.startswith("list_") for name in first)
    assert BIT_TABLE[: len(first)] == TABLE[: len(first)] == first
    assert len(entries) == 7
    assert {f"Precision.{p.name}" for p in ns.Precision} == {"Precision.DOUBLE", "Precision.SINGLE"}


def test_16_recorded_variables_have_the_precision_of_the_run() -> None:
    net = ns.Network(dt=1e-3)
    net.population("p", 3, ns.LIF(current=0.5))
    for precision in ns.Precision:
        r = ns.simulate(net, duration=5e-3, record={"p": "v"}, precision=precision)
        assert r["p"].v.dtype == precision.dtype
        assert r.final_state.variables["p"]["v"].dtype == precision.dtype
        assert r.final_state.step == 5
