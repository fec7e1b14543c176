"""The description of a spiking network: inputs, populations, projections, outputs. Nothing runs here.

A `Network` only grows; its parts are frozen and compare by value. Rules, distributions and models stay
symbolic until the network is lowered to flat arrays.
"""

from __future__ import annotations

import math
import os
import unicodedata
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.connectivity.delay_rounding import Rounding, delay_steps
from neurosim.connectivity.distributions import Distribution
from neurosim.connectivity.rule import Ends, Rule
from neurosim.errors import DescriptionError, ShapeError
from neurosim.neurons.model import NeuronModel
from neurosim.parameters import Parameters
from neurosim.plasticity.rule import PlasticityRule
from neurosim.sources.drive import Drive
from neurosim.sources.source import Source

__all__ = ["DrivenPopulation", "Input", "Network", "Population", "Projection"]

Values = float | NDArray[Any] | Distribution


class Input(Parameters):
    """Channels whose spikes the run provides, or ``source`` draws. Sensor shapes are (polarity, y, x)."""

    name: str
    shape: tuple[int, ...]
    source: Source | None = None

    @property
    def size(self) -> int:
        """Number of channels."""
        return math.prod(self.shape)


class Population(Parameters):
    """Neurons of one model."""

    name: str
    shape: tuple[int, ...]
    model: NeuronModel

    @property
    def size(self) -> int:
        """Number of neurons."""
        return math.prod(self.shape)


class Projection(Parameters):
    """Synapses from one input or population to a population.

    Attributes:
        weight: number, `Distribution` or array. A jump of what the receptor has: v, a current, a conductance. For most
            rules an array is ``[n_pre, n_post]``, one entry a pair; an axis of length 1 stands for all. See
            `Rule.values_shape`.
        delay: the same, in seconds.
        delay_rounding: what to do with numbers and arrays that are not on the grid; None refuses them.
        receptor: which of the postsynaptic model's ``RECEPTORS`` the weights act on; None is the first.
    """

    name: str
    pre: str
    post: str
    rule: Rule
    weight: Values = 1.0
    delay: Values = 0.0
    delay_rounding: Rounding | None = None
    plasticity: PlasticityRule | None = None
    receptor: str | None = None


class DrivenPopulation(Parameters):
    """A drive that acts on a population; ``receptor`` None is the first, and is not used by drives of current."""

    name: str
    population: str
    drive: Drive
    receptor: str | None = None


class Network:
    """A spiking network, made for one time step.

    Args:
        dt: time step, s.
        seed: draws connectivity, weights and delays.
    """

    def __init__(self, *, dt: float, seed: int = 0) -> None:
        if not (isinstance(dt, (int, float, np.floating)) and dt > 0 and math.isfinite(dt)):
            raise DescriptionError(
                "the time step must be a positive number", where="Network.dt", value=dt, limit="> 0 s"
            )
        if not isinstance(seed, (int, np.integer)) or seed < 0:
            raise DescriptionError(
                "the seed must be a whole number", where="Network.seed", value=seed, limit=">= 0"
            )
        self._dt, self._seed = float(dt), int(seed)
        self._inputs: dict[str, Input] = {}
        self._populations: dict[str, Population] = {}
        self._projections: dict[str, Projection] = {}
        self._drives: dict[str, DrivenPopulation] = {}
        self._outputs: list[str] = []

    dt = property(lambda self: self._dt, doc="Time step, s.")
    seed = property(lambda self: self._seed, doc="Seed of connectivity, weights and delays.")
    inputs: Mapping[str, Input] = property(lambda self: MappingProxyType(self._inputs))  # type: ignore[assignment]
    populations: Mapping[str, Population] = property(lambda self: MappingProxyType(self._populations))  # type: ignore[assignment]
    projections: Mapping[str, Projection] = property(lambda self: MappingProxyType(self._projections))  # type: ignore[assignment]
    drives: Mapping[str, DrivenPopulation] = property(lambda self: MappingProxyType(self._drives))  # type: ignore[assignment]
    outputs: tuple[str, ...] = property(lambda self: tuple(self._outputs))  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Network):
            return NotImplemented
        return (self.dt, self.seed, self.outputs) == (other.dt, other.seed, other.outputs) and all(
            list(mine.items()) == list(theirs.items())
            for mine, theirs in (
                (self._inputs, other._inputs),
                (self._populations, other._populations),
                (self._projections, other._projections),
                (self._drives, other._drives),
            )
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return (
            f"Network(dt={self.dt:g}, seed={self.seed}: {len(self._inputs)} inputs, "
            f"{len(self._populations)} populations, {len(self._projections)} projections)"
        )

    def input(self, name: str, shape: int | Sequence[int], *, source: Source | None = None) -> Input:
        """Add channels of spikes: given by the run, or drawn by ``source``."""
        where = f"input {name!r}"
        part = Input(name=self._new_name(name), shape=_shape(shape, where), source=source)
        if source is not None:
            if not isinstance(source, Source):
                raise DescriptionError("is not a source of spikes", where=where, value=repr(source))
            source.check(part.shape, self.dt, where)
        self._inputs[name] = part
        return part

    def population(self, name: str, shape: int | Sequence[int], model: NeuronModel) -> Population:
        """Add neurons of one model; array parameters must have the population's shape."""
        where = f"population {name!r}"
        if not isinstance(model, NeuronModel):
            raise DescriptionError(
                "needs a neuron model", where=where, value=repr(model), remedy="Pass e.g. ns.LIF()"
            )
        part = Population(name=self._new_name(name), shape=_shape(shape, where), model=model)
        model.check(part.shape, where)
        self._populations[name] = part
        return part

    def connect(
        self,
        pre: Input | Population | str,
        post: Population | str,
        rule: Rule,
        *,
        weight: ArrayLike | Distribution = 1.0,
        delay: ArrayLike | Distribution = 0.0,
        delay_rounding: Rounding | None = None,
        plasticity: PlasticityRule | None = None,
        receptor: str | None = None,
        name: str | None = None,
    ) -> Projection:
        """Add synapses. Names default to ``"pre->post"``, then ``"pre->post#2"``, ...

        ``receptor`` is one of the postsynaptic model's ``RECEPTORS``; None is its first.

        Raises:
            DescriptionError: unknown ends, NaN weights, negative delays.
            ShapeError: arrays or populations that do not fit the rule.
            TimeGridError: delays that are not on the grid, without ``delay_rounding``.
        """
        source = self._find(pre, (self._inputs, self._populations), "presynaptic")
        target = self._find(post, (self._populations,), "postsynaptic")
        if name is None:
            base = f"{source.name}->{target.name}"
            taken = sum(
                1 for p in self._projections.values() if (p.pre, p.post) == (source.name, target.name)
            )
            name = base if not taken else f"{base}#{taken + 1}"
        where = f"projection {name!r}"
        if not isinstance(name, str) or not name or not _printable(name):
            raise DescriptionError("a name is a non-empty string without control characters", where=where)
        if name in self._projections:
            raise DescriptionError(
                "this name is taken", where=where, remedy="Names identify things; choose another"
            )
        if not isinstance(rule, Rule):
            raise DescriptionError(
                "needs a connection rule", where=where, value=repr(rule), remedy="Pass e.g. ns.AllToAll()"
            )
        for option, kind, what in (
            (delay_rounding, Rounding, "delay_rounding"),
            (plasticity, PlasticityRule, "plasticity"),
        ):
            if option is not None and not isinstance(option, kind):
                raise DescriptionError(f"{what} is not a {kind.__name__}", where=where, value=repr(option))
        _check_receptor(target.model, receptor, where)
        ends = Ends(source.shape, target.shape, source.name == target.name, self._seed)
        rule.check(ends, where)
        shape = rule.values_shape(ends)
        part = Projection(
            name=name,
            pre=source.name,
            post=target.name,
            rule=rule,
            weight=_values(weight, shape, "weight", where),
            delay=_values(delay, shape, "delay", where),
            delay_rounding=delay_rounding,
            plasticity=plasticity,
            receptor=receptor,
        )
        if not isinstance(part.delay, Distribution):
            delay_steps(part.delay, self.dt, delay_rounding, where)
        self._projections[name] = part
        return part

    def drive(
        self,
        population: Population | str,
        drive: Drive,
        *,
        receptor: str | None = None,
        name: str | None = None,
    ) -> DrivenPopulation:
        """Let something act on every neuron of a population without synapses: background noise, an injected current.

        Names default to ``"drive->population"``, then ``"drive->population#2"``, ...

        Raises:
            DescriptionError: an unknown population or receptor, parameters that do not fit.
        """
        target = self._find(population, (self._populations,), "driven")
        base = f"drive->{target.name}"
        taken = sum(1 for d in self._drives.values() if d.population == target.name)
        name = name or (base if not taken else f"{base}#{taken + 1}")
        where = f"drive {name!r}"
        if not isinstance(name, str) or not _printable(name) or name in self._drives:
            raise DescriptionError("this name is taken or not printable", where=where)
        if not isinstance(drive, Drive):
            raise DescriptionError("is not a drive", where=where, value=repr(drive))
        if drive.CURRENT and target.model.CURRENT is None:
            raise DescriptionError(
                "the model takes no external current", where=where, value=type(target.model).__name__
            )
        _check_receptor(target.model, receptor, where)
        drive.check(target.shape, self.dt, where)
        part = DrivenPopulation(name=name, population=target.name, drive=drive, receptor=receptor)
        self._drives[name] = part
        return part

    def output(self, population: Population | str) -> None:
        """Mark a population as an output: what is recorded, emitted and compared by default."""
        name = self._find(population, (self._populations,), "output").name
        if name not in self._outputs:
            self._outputs.append(name)

    def size_of(self, name: str) -> int:
        """Neurons of an input or population."""
        return self._find(name, (self._inputs, self._populations), "named").size

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the HDF5 file of one network, whole or not at all."""
        from neurosim.network_file import save_network

        save_network(self, path)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Network:
        """Read a file that `save` wrote. Raises `FileFormatError` for anything else."""
        from neurosim.network_file import load_network

        return load_network(path)

    def _new_name(self, name: str) -> str:
        if (
            not isinstance(name, str)
            or not name
            or name != name.strip()
            or "/" in name
            or "->" in name
            or not _printable(name)
        ):
            raise DescriptionError(
                "a name is a non-empty string without '/', '->', control characters or spaces around it",
                value=repr(name),
            )
        if name in self._inputs or name in self._populations:
            raise DescriptionError(
                "this name is taken", where=repr(name), remedy="Names identify things; choose another"
            )
        return name

    def _find(self, part: Any, places: tuple[Mapping[str, Any], ...], role: str) -> Any:
        name = part if isinstance(part, str) else getattr(part, "name", None)
        for place in places:
            found = place.get(name) if isinstance(name, str) else None
            if found is not None and (isinstance(part, str) or found == part):
                return found
        known = sorted(n for place in places for n in place)
        raise DescriptionError(
            f"unknown {role} part of this network", value=repr(name or part), limit=f"one of {known}"
        )


def _check_receptor(model: NeuronModel, receptor: str | None, where: str) -> None:
    if receptor is not None and receptor not in model.RECEPTORS:
        raise DescriptionError(
            f"{type(model).__name__} has no such receptor", where=where, value=receptor, limit=model.RECEPTORS
        )


def _shape(shape: int | Sequence[int], where: str) -> tuple[int, ...]:
    sizes = tuple(shape) if isinstance(shape, (Sequence, np.ndarray)) else (shape,)
    if not sizes or any(not isinstance(n, (int, np.integer)) or n < 1 for n in sizes):
        raise ShapeError("a shape is one or more positive whole numbers", where=where, value=shape)
    if math.prod(sizes) > 2**31 - 1:
        raise ShapeError(
            "too many neurons for 32-bit indices", where=where, value=math.prod(sizes), limit=2**31 - 1
        )
    return tuple(int(n) for n in sizes)


def _printable(name: str) -> bool:
    """Whether a name can be written to files and shown: no control characters, no lone surrogates."""
    return not any(unicodedata.category(character) in ("Cc", "Cs") for character in name)


def _values(values: Any, shape: tuple[int, ...] | None, what: str, where: str) -> Values:
    """A number, a distribution or an array of the rule's shape; NaN and infinity are refused."""
    if isinstance(values, Distribution):
        return values
    try:
        array = np.asarray(values)
    except ValueError:
        array = np.array(None)  # ragged
    if array.dtype.kind not in "iufb":
        raise DescriptionError(
            f"{what} is not a number, array or distribution", where=where, value=repr(values)
        )
    array = np.array(array, np.float32 if array.dtype == np.float32 else np.float64)
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        raise DescriptionError(
            f"{what} holds {bad} values that are NaN or infinite", where=where, limit="finite numbers"
        )
    if array.ndim == 0:
        return float(array)
    if shape is None:
        raise ShapeError(
            f"this rule takes a number or a distribution as {what}", where=where, value=array.shape
        )
    fits = array.ndim == len(shape) and all(
        a in (b, 1) if len(shape) == 2 else a == b for a, b in zip(array.shape, shape, strict=True)
    )
    if not fits:
        raise ShapeError(f"{what} has the wrong shape", where=where, value=array.shape, limit=shape)
    return array
