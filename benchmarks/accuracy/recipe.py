"""What a training is: the data and their time grid, the network, the optimisation. Plain values, to and from TOML."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Self

from neurosim.errors import FileFormatError

__all__ = [
    "Data",
    "Delays",
    "Kernel",
    "Network",
    "Objective",
    "Recipe",
    "Recurrence",
    "Training",
    "named",
    "names",
]


class Delays(Enum):
    """What delays the synapses have."""

    NONE = "none"
    FIXED = "fixed"
    """drawn at random, made whole, and left alone"""
    LEARNED = "learned"


class Kernel(Enum):
    """How a delay that is not whole acts while it is learned."""

    LINEAR = "linear"
    """shared between the two steps around it"""
    GAUSSIAN = "gaussian"
    """a normalised Gaussian over the steps, whose width shrinks during training"""


class Recurrence(Enum):
    """Whether hidden neurons drive one another."""

    NONE = "none"
    PLAIN = "plain"
    """one step after the spike"""
    DELAYED = "delayed"
    """with a learned delay for each synapse"""


class Objective(Enum):
    """What is taken of the readout's potential as the logit of a class."""

    MEAN = "mean"
    """its mean over time"""
    SOFTMAX_SUM = "softmax sum"
    """the sum over time of the softmax of each step"""


@dataclass(frozen=True, kw_only=True)
class Data:
    """The data set and its time grid.

    Attributes:
        name: one of `benchmarks.accuracy.data.SOURCES`.
        dt, steps: the time grid, s; later events are cut off.
        merge: neighbouring channels added up to one.
        counts: whether several events in a cell count; else they are one.
        held_out: share of the training set that is put aside for choosing hyper-parameters, where the data set has no
            validation set of its own.
    """

    name: str
    dt: float
    steps: int
    merge: int = 1
    counts: bool = False
    held_out: float = 0.1


@dataclass(frozen=True, kw_only=True)
class Network:
    """Hidden populations of LIF neurons, one after the other, and a readout that integrates and does not spike.

    Attributes:
        hidden: neurons of each hidden population.
        delays, max_delay: of all synapses between populations; the longest in steps.
        kernel: of learned delays.
        tau_membrane, tau_readout: s.
        threshold: of the hidden neurons, which are reset to 0.
        surrogate, sharpness: name of the surrogate in `neurosim.nn`, its width, alpha or beta; 0 leaves the default.
        gain: scale of the first weights.
        batch_norm: scale with which batch normalisation between synapses and hidden neurons starts; 0: there is none.
        dropout: of hidden neurons, for a whole sequence.
        recurrence: of the hidden populations.
        recurrent_delay, recurrent_gain: longest delay of the recurrent synapses in steps (the shortest is one), and the
            scale of their first weights.
    """

    hidden: tuple[int, ...]
    delays: Delays
    max_delay: int = 0
    kernel: Kernel = Kernel.LINEAR
    tau_membrane: float
    tau_readout: float
    threshold: float = 1.0
    surrogate: str = "Triangle"
    sharpness: float = 0.0
    gain: float = 1.0
    batch_norm: float = 0.0
    dropout: float = 0.0
    recurrence: Recurrence = Recurrence.NONE
    recurrent_delay: int = 1
    recurrent_gain: float = 0.3


@dataclass(frozen=True, kw_only=True)
class Training:
    """The optimisation: Adam, rates that change with the schedule, the weights after the last epoch.

    Attributes:
        objective: see `Objective`; always under a cross-entropy.
        rate, delay_rate: largest rates of weights, and of delays in steps.
        weight_decay: of the weights.
        warm_up: share of the training during which rates rise (half a cosine up, half a cosine down to zero).
        by_epoch: whether rates stay the same during an epoch.
        delays_follow: whether delays have the schedule of the weights; else half a cosine down from the start.
        sigma: width of the Gaussian at the start, steps; after a quarter of the training it is 0.23.
        whole_after: share of the training after which delays are whole and stay; in any case they are at its end.
        shift_steps, shift_channels: largest shift, either way, of a training sample in time and along the channels.
    """

    epochs: int
    batch: int
    objective: Objective
    rate: float
    delay_rate: float = 0.0
    weight_decay: float = 0.0
    warm_up: float = 0.3
    by_epoch: bool = False
    delays_follow: bool = True
    sigma: float = 0.0
    whole_after: float = 1.0
    shift_steps: int = 0
    shift_channels: int = 0


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A configuration.

    Attributes:
        about: what it is, and after whom.
        seeds: how many trainings count as a result.
        target: accuracy to compare with, and where it is from.
    """

    about: str
    data: Data
    network: Network
    training: Training
    seeds: int = 5
    target: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return _plain(dataclasses.asdict(self))

    @classmethod
    def from_toml(cls, file: Path) -> Self:
        """Read one.

        Raises:
            FileFormatError: not TOML, unknown or missing keys, values of another kind.
        """
        try:
            values = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
            raise FileFormatError(f"is not TOML: {wrong}", where=file.name) from None
        return cls.from_values(values, file.name)

    @classmethod
    def from_values(cls, values: Mapping[str, Any], where: str) -> Self:
        """The same of plain values, such as those of `to_json`."""
        return _made(cls, values, where)


_TABLES: dict[str, type[Any]] = {"data": Data, "network": Network, "training": Training}
_ENUMS: dict[str, type[Enum]] = {
    "delays": Delays, "kernel": Kernel, "recurrence": Recurrence, "objective": Objective,
}  # fmt: skip


def names() -> tuple[str, ...]:
    """The configurations that come with this package."""
    return tuple(sorted(file.stem for file in Path(__file__).parent.glob("*.toml")))


def named(name: str) -> Recipe:
    """One of them. Raises `KeyError` for another name."""
    if name not in names():
        raise KeyError(f"{name}; known: {', '.join(names())}")
    return Recipe.from_toml(Path(__file__).parent / f"{name}.toml")


def _made(kind: type[Any], values: Mapping[str, Any], where: str) -> Any:
    known = {f.name: f for f in dataclasses.fields(kind)}
    if unknown := sorted(set(values) - set(known)):
        raise FileFormatError("unknown keys", where=where, value=unknown, limit=sorted(known))
    out: dict[str, Any] = {}
    for name, value in values.items():
        if name in _TABLES:
            if not isinstance(value, dict):
                raise FileFormatError("is not a table", where=f"{where}, {name}", value=repr(value))
            out[name] = _made(_TABLES[name], value, f"{where}, [{name}]")
        elif name in _ENUMS:
            try:
                out[name] = _ENUMS[name](value)
            except ValueError:
                limit = ", ".join(str(m.value) for m in _ENUMS[name])
                raise FileFormatError(
                    "is not one of its options", where=f"{where}, {name}", value=repr(value), limit=limit
                ) from None
        else:
            out[name] = _value(value, str(known[name].type), f"{where}, {name}")
    try:
        return kind(**out)
    except TypeError as wrong:
        raise FileFormatError(f"lacks a key: {wrong}", where=where) from None


def _value(value: Any, kind: str, where: str) -> Any:
    if kind == "tuple[int, ...]" and isinstance(value, list) and all(type(v) is int and v > 0 for v in value):
        return tuple(value)
    if kind == "float" and type(value) in (int, float):
        return float(value)
    if kind in ("int", "bool", "str") and type(value).__name__ == kind:
        return value
    raise FileFormatError("is of another kind", where=where, value=repr(value), limit=kind)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, (tuple, list)) else value
