"""A description as a plain tree of names, numbers and arrays: what a file holds and what a hash is taken of.

Classes are found through `CLASSES` (and `register` for a user's own): a file can name a class, it cannot cause an
import.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import struct
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

import numpy as np

from neurosim.errors import DescriptionError, FileFormatError, NeurosimError
from neurosim.parameters import Parameters

__all__ = ["CLASSES", "Node", "Option", "digest", "from_tree", "register", "to_tree"]

_MODULES: dict[str, tuple[str, ...]] = {
    "neurosim.network": ("DrivenPopulation", "Input", "Population", "Projection"),
    "neurosim.neurons.lif": ("LIF",),
    "neurosim.neurons.current_lif": ("CurrentLIF",),
    "neurosim.neurons.integrate_and_fire": ("IntegrateAndFire",),
    "neurosim.neurons.leaky_integrator": ("LeakyIntegrator",),
    "neurosim.neurons.adaptive_lif": ("AdaptiveLIF",),
    "neurosim.neurons.adex": ("AdEx",),
    "neurosim.neurons.alpha_conductance_lif": ("AlphaConductanceLIF",),
    "neurosim.neurons.alpha_current_lif": ("AlphaCurrentLIF",),
    "neurosim.neurons.conductance_lif": ("ConductanceLIF",),
    "neurosim.neurons.dual_current_lif": ("DualCurrentLIF",),
    "neurosim.neurons.izhikevich": ("Izhikevich",),
    "neurosim.neurons.relay": ("Relay",),
    "neurosim.neurons.options": ("Discretisation", "RefractoryInput", "Reset", "ResetTiming", "SpikeWhen"),
    "neurosim.connectivity.rules": ("AllToAll", "OneToOne", "Sparse"),
    "neurosim.connectivity.random_rules": (
        "Autapses",
        "FixedInDegree",
        "FixedOutDegree",
        "FixedProbability",
        "Multapses",
    ),
    "neurosim.connectivity.distance": ("DistanceDependent", "Placement"),
    "neurosim.connectivity.small_world": ("SmallWorld",),
    "neurosim.connectivity.convolution": ("Convolution2d",),
    "neurosim.connectivity.distributions": ("LogNormal", "Normal", "Uniform"),
    "neurosim.connectivity.delay_rounding": ("Rounding",),
    "neurosim.sources.current_drive": ("CurrentDrive", "Ending", "StepCurrent"),
    "neurosim.sources.noise_current": ("NoiseCurrent",),
    "neurosim.sources.noise_drive": ("NoiseDrive",),
    "neurosim.sources.poisson_drive": ("PoissonDrive",),
    "neurosim.sources.poisson_source": ("PoissonSource", "RateSchedule"),
    "neurosim.sources.sine_current": ("SineCurrent",),
    "neurosim.sources.spike_times": ("RegularSource", "SpikeTimes"),
    "neurosim.spikes": ("Binning",),
    "neurosim.plasticity.stdp": ("STDP",),
    "neurosim.plasticity.triplet": ("TripletSTDP",),
    "neurosim.plasticity.calcium": ("CalciumSTDP",),
    "neurosim.plasticity.inhibitory": ("MirroredSTDP", "SymmetricSTDP"),
    "neurosim.plasticity.reward": ("RewardSTDP",),
    "neurosim.plasticity.fixed_weights": ("FixedWeights",),
    "neurosim.plasticity.scaling": ("RateScaling", "SumScaling"),
    "neurosim.plasticity.rewiring": ("Rewiring",),
    "neurosim.plasticity.options": (
        "Axis",
        "DelaySite",
        "Delivered",
        "Dependence",
        "Pairing",
        "SameStep",
        "WeightUpdate",
    ),
    "neurosim.interchange.nir_dialects": ("Arrival", "DelayNodes", "Dialect", "Start", "WrittenR"),
}

CLASSES: dict[str, str] = {name: module for module, names in _MODULES.items() for name in names}
"""Class name -> module of every part of a description: models, rules, distributions, plasticity and their options."""

_REGISTERED: dict[str, type] = {}
_DEPTH = 32
"""How deep parts may nest; a description needs four or five levels."""

C = TypeVar("C", bound=type)


@dataclasses.dataclass(frozen=True)
class Node:
    """A part with named items. ``kind`` is the name of its class, or ``"tuple"``."""

    kind: str
    items: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Option:
    """A member of an enum by name, e.g. ``Reset.BY_SUBTRACTION``."""

    name: str


def register(cls: C) -> C:
    """Allow a class of your own (a `Parameters` subclass or an enum) in files; usable as a decorator."""
    if not issubclass(cls, (Parameters, Enum)):
        raise DescriptionError("only Parameters classes and enums can be registered", where=cls.__name__)
    if cls.__name__ in CLASSES or _REGISTERED.get(cls.__name__, cls) is not cls:
        raise DescriptionError("another class of this name is known already", where=cls.__name__)
    _REGISTERED[cls.__name__] = cls
    return cls


def _class(name: str) -> type | None:
    if name in CLASSES:
        found: type = getattr(importlib.import_module(CLASSES[name]), name)
        return found
    return _REGISTERED.get(name)


def to_tree(value: Any, where: str = "network") -> Any:
    """The tree of a value: None, bool, int, float, str, `Option`, an array, or a `Node`.

    Raises:
        DescriptionError: a value of a type that has no place in a file, or of a class that is not registered.
    """
    if isinstance(value, Enum):
        _require_known(type(value), where)
        return Option(f"{type(value).__name__}.{value.name}")
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, np.generic):
        value = np.asarray(value)
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "biuf":
            raise DescriptionError(
                "an array of this type cannot be saved", where=where, value=str(value.dtype), limit="numbers"
            )
        return value
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise DescriptionError(
                "an integer cannot be saved", where=where, value=value, limit="64 bits with sign"
            )
        return value
    if isinstance(value, float):
        return value
    if isinstance(value, tuple):
        return Node("tuple", {str(i): to_tree(item, f"{where}[{i}]") for i, item in enumerate(value)})
    if isinstance(value, Parameters):
        _require_known(type(value), where)
        fields = [f.name for f in dataclasses.fields(value) if f.init]  # type: ignore[arg-type]
        return Node(
            type(value).__name__,
            {name: to_tree(getattr(value, name), f"{where}.{name}") for name in sorted(fields)},
        )
    raise DescriptionError("a value of this type cannot be saved", where=where, value=type(value).__name__)


def _require_known(cls: type, where: str) -> None:
    if _class(cls.__name__) is not cls:
        raise DescriptionError(
            "a class that files do not know",
            where=where,
            value=f"{cls.__module__}.{cls.__qualname__}",
            remedy="Call neurosim.network_tree.register on it, when writing and when reading",
        )


def from_tree(tree: Any, where: str = "network", depth: int = 0) -> Any:
    """The value of a tree. Raises `FileFormatError` for what no description can have been written as."""
    if depth > _DEPTH:
        raise FileFormatError("parts nest too deeply", where=where, limit=_DEPTH)
    if isinstance(tree, Option):
        owner, _, member = tree.name.partition(".")
        cls = _class(owner)
        if cls is None or not issubclass(cls, Enum) or member not in cls.__members__:
            raise FileFormatError("an unknown option", where=where, value=tree.name)
        return cls[member]
    if not isinstance(tree, Node):
        return tree[()] if isinstance(tree, np.ndarray) and tree.ndim == 0 else tree
    if tree.kind == "tuple":
        expected = [str(i) for i in range(len(tree.items))]
        if set(tree.items) != set(expected):
            raise FileFormatError("a list with gaps", where=where, value=sorted(tree.items)[:8])
        return tuple(from_tree(tree.items[i], f"{where}[{i}]", depth + 1) for i in expected)
    cls = _class(tree.kind)
    if cls is None or not issubclass(cls, Parameters):
        raise FileFormatError(
            "an unknown class",
            where=where,
            value=tree.kind,
            remedy="If it is your own, call neurosim.network_tree.register on it before reading; on the command "
            "line, --import the module that does",
        )
    known = {f.name for f in dataclasses.fields(cls) if f.init}  # type: ignore[arg-type]
    if unknown := set(tree.items) - known:
        raise FileFormatError(f"{tree.kind} has no such field", where=where, value=sorted(unknown)[:8])
    fields = {name: from_tree(item, f"{where}.{name}", depth + 1) for name, item in tree.items.items()}
    try:
        return cls(**fields)
    except (NeurosimError, TypeError, ValueError, ArithmeticError, AttributeError, IndexError) as error:
        raise FileFormatError(f"holds an invalid {tree.kind}: {error}", where=where) from error


def digest(tree: Any) -> str:
    """SHA-256 of a tree in a canonical form: the same on every machine, sensitive to every value and type."""
    sha = hashlib.sha256()

    def feed(tag: bytes, content: bytes) -> None:
        sha.update(tag + struct.pack("<Q", len(content)))
        sha.update(content)

    def walk(value: Any) -> None:
        match value:
            case None:
                feed(b"0", b"")
            case bool():
                feed(b"b", bytes([value]))
            case int():
                feed(b"i", struct.pack("<q", value))
            case float():
                feed(b"f", struct.pack("<d", value))
            case str():
                feed(b"s", value.encode())
            case Option():
                feed(b"o", value.name.encode())
            case np.ndarray():
                little = value.astype(value.dtype.newbyteorder("<"), order="C", copy=False)
                feed(b"a", f"{little.dtype.str}{value.shape}".encode())
                feed(b"d", little.tobytes())
            case Node():
                feed(b"n", value.kind.encode() + struct.pack("<Q", len(value.items)))
                for name in sorted(value.items):
                    feed(b"k", name.encode())
                    walk(value.items[name])
            case _:
                raise TypeError(type(value).__name__)

    walk(tree)
    return sha.hexdigest()
