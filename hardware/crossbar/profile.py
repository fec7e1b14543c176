"""Device profiles: named, versioned parameter sets of a memory cell, read from TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import field
from enum import Enum
from importlib import resources
from pathlib import Path
from typing import Any

from neurosim.errors import DescriptionError, FileFormatError
from neurosim.parameters import Parameters, parameter

__all__ = [
    "KEYS",
    "Drift",
    "Faults",
    "Profile",
    "ProgrammingError",
    "ReadNoise",
    "ReadNoiseModel",
    "profile_names",
    "read_profile",
]


class ReadNoiseModel(Enum):
    """How a read differs from the conductance."""

    NONE = "none"
    ADDITIVE = "additive"
    """the same Gaussian for every programmed cell, in fractions of the largest weight"""
    FLICKER = "flicker"
    """1/f noise that grows with the conductance and with the logarithm of the age"""


class ProgrammingError(Parameters):
    """Gaussian with sigma(G) = sum_i c_i (G / reference)^i, the result clamped at 0.

    Attributes:
        sigma: the coefficients c_i in S; empty: cells hold their target exactly.
        reference: conductance of the fit's upper end in S.
    """

    sigma: tuple[float, ...] = ()
    reference: float = parameter(default=1.0, unit="S", above=0.0)


class Drift(Parameters):
    """G(t) = G_P ((t + t0)/t0)^-nu with nu = |mu + s xi|, xi standard normal, drawn once a cell.

    Attributes:
        age: t, time between programming and reading in s.
        t0: time of the first read after programming in s; infinite: no drift.
        nu_mean, nu_spread: (slope, offset, low, high) of mu and s = clip(slope ln g + offset, low, high),
            g = target / g_max.
    """

    age: float = parameter(default=0.0, unit="s", minimum=0.0)
    t0: float = parameter(default=float("inf"), unit="s", above=0.0, infinite=True)
    nu_mean: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
    nu_spread: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("nu_mean", "nu_spread"):
            if len(getattr(self, name)) != 4:
                limit = "slope, offset, low, high"
                raise DescriptionError(
                    "needs four numbers", where=f"Drift.{name}", value=getattr(self, name), limit=limit
                )


class ReadNoise(Parameters):
    """Noise of one read.

    Attributes:
        model: which of the two below, or none.
        additive: standard deviation of a weight (a pair of cells) over the largest weight.
        q_scale, q_exponent, q_limit: Q = min(q_scale / max(g^q_exponent, 1e-3), q_limit), g = G_P / g_max.
        t_read: length of a read in s.
    """

    model: ReadNoiseModel = ReadNoiseModel.NONE
    additive: float = parameter(default=0.0, minimum=0.0)
    q_scale: float = parameter(default=0.0, minimum=0.0)
    q_exponent: float = parameter(default=0.0)
    q_limit: float = parameter(default=0.0, minimum=0.0)
    t_read: float = parameter(default=1e-6, unit="s", above=0.0)


class Faults(Parameters):
    """Probabilities that a cell is stuck at its lowest or highest conductance, whatever is programmed."""

    stuck_low: float = parameter(default=0.0, minimum=0.0, maximum=1.0)
    stuck_high: float = parameter(default=0.0, minimum=0.0, maximum=1.0)


class Profile(Parameters):
    """A memory cell.

    Attributes:
        name, description: what it stands for.
        g_min, g_max: range of targets in S.
        g_unformed: conductance of a cell that is never programmed in S. It has no programming error and no
            read noise. None: there is no such state; unused cells are programmed to g_min.
        read_voltage: voltage of an active word line in V.
        acceptance: half width of the window within which programming stops, in S.
        programming, drift, read_noise, faults: the device effects.
        pulse: settings handed to the programmer, not used in emulation.
        sources: dotted key -> source of the number.
    """

    name: str
    description: str = ""
    g_min: float = parameter(unit="S", minimum=0.0)
    g_max: float = parameter(unit="S", above=0.0)
    g_unformed: float | None = None
    read_voltage: float = parameter(unit="V", above=0.0)
    acceptance: float = parameter(default=0.0, unit="S", minimum=0.0)
    programming: ProgrammingError = field(default_factory=ProgrammingError)
    drift: Drift = field(default_factory=Drift)
    read_noise: ReadNoise = field(default_factory=ReadNoise)
    faults: Faults = field(default_factory=Faults)
    pulse: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.g_max <= self.g_min:
            raise DescriptionError(
                "g_max must exceed g_min",
                where=f"profile {self.name!r}",
                value=self.g_max,
                limit=f"> {self.g_min} S",
            )
        if self.g_unformed is not None and not 0.0 <= self.g_unformed < self.g_max:
            raise DescriptionError(
                "is out of range",
                where=f"profile {self.name!r}, g_unformed",
                value=self.g_unformed,
                limit="0 to g_max",
            )
        if self.faults.stuck_low + self.faults.stuck_high > 1:
            total = self.faults.stuck_low + self.faults.stuck_high
            raise DescriptionError(
                "stuck probabilities exceed 1", where=f"profile {self.name!r}", value=total, limit="<= 1"
            )

    def __hash__(self) -> int:
        return hash(
            (self.name, self.g_min, self.g_max, self.programming, self.drift, self.read_noise, self.faults)
        )

    @property
    def span(self) -> float:
        """g_max - g_min in S: the conductance of the largest weight."""
        return self.g_max - self.g_min


KEYS = {
    "cell": {
        "g_min_S": "g_min",
        "g_max_S": "g_max",
        "g_unformed_S": "g_unformed",
        "read_voltage_V": "read_voltage",
        "acceptance_S": "acceptance",
    },
    "programming": {"sigma_uS": "sigma", "reference_S": "reference"},
    "drift": {"age_s": "age", "t0_s": "t0", "nu_mean": "nu_mean", "nu_spread": "nu_spread"},
    "read_noise": {
        "model": "model",
        "additive": "additive",
        "q_scale": "q_scale",
        "q_exponent": "q_exponent",
        "q_limit": "q_limit",
        "t_read_s": "t_read",
    },
    "faults": {"stuck_low": "stuck_low", "stuck_high": "stuck_high"},
}
_NOT_PROFILES = {"limits"}
_LARGEST_FILE = 1 << 20


def profile_names() -> tuple[str, ...]:
    """Names of the profiles that come with the package."""
    files = resources.files(__package__).iterdir()
    names = (Path(f.name).stem for f in files if f.name.endswith(".toml"))
    return tuple(sorted(n for n in names if n not in _NOT_PROFILES))


def read_profile(name: str | Path) -> Profile:
    """The profile of that name, or of a TOML file.

    Raises:
        DescriptionError: no such profile, or a number out of range.
        FileFormatError: not a profile; unknown or missing keys, a number without its source.
    """
    tree = _tree(name, ())
    where = f"profile {tree.get('name', str(name))!r}"
    unknown = set(tree) - set(KEYS) - {"name", "description", "pulse"}
    if unknown:
        raise FileFormatError("unknown keys", where=where, value=sorted(unknown), limit=sorted(KEYS))
    sources: dict[str, str] = {}
    parts = {section: _section(tree.get(section, {}), section, where, sources) for section in KEYS}
    missing = {"g_min", "g_max", "read_voltage"} - set(parts["cell"])
    if missing or not isinstance(tree.get("name"), str):
        raise FileFormatError("keys are missing", where=where, value=sorted(missing) or "name")
    programming = parts["programming"]
    if "sigma" in programming:
        programming["sigma"] = tuple(c * 1e-6 for c in programming["sigma"])
    if "model" in parts["read_noise"]:
        try:
            parts["read_noise"]["model"] = ReadNoiseModel(parts["read_noise"]["model"])
        except ValueError:
            names = [m.value for m in ReadNoiseModel]
            raise FileFormatError(
                "unknown read noise", where=where, value=parts["read_noise"]["model"], limit=names
            ) from None
    return Profile(
        name=tree["name"],
        description=str(tree.get("description", "")),
        programming=ProgrammingError(**programming),
        drift=Drift(**parts["drift"]),
        read_noise=ReadNoise(**parts["read_noise"]),
        faults=Faults(**parts["faults"]),
        pulse=tree.get("pulse", {}),
        sources=sources,
        **parts["cell"],
    )


def read_table(file: Any, what: str) -> dict[str, Any]:
    """A TOML file of bounded size as a dictionary. ``file`` is a path or a package resource."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise DescriptionError(f"no such {what}", value=str(file), remedy=f"({error})") from error
    if len(data) > _LARGEST_FILE:
        raise FileFormatError(
            f"the {what} is too large", where=str(file), value=len(data), limit=f"{_LARGEST_FILE} bytes"
        )
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileFormatError(f"the {what} is not TOML: {error}", where=str(file)) from error


def _tree(name: str | Path, seen: tuple[str, ...]) -> dict[str, Any]:
    """The file with what it extends merged under it."""
    if isinstance(name, str) and not name.endswith(".toml"):
        if name not in profile_names():
            raise DescriptionError(
                "no such profile",
                value=name,
                limit=profile_names(),
                remedy="Give the path of a .toml file for your own",
            )
        file: Any = resources.files(__package__) / f"{name}.toml"
    else:
        file = Path(name)
    if str(file) in seen:
        raise FileFormatError("the profile extends itself", where=str(file))
    tree = read_table(file, "profile")
    base = tree.pop("extends", None)
    return tree if base is None else _merged(_tree(str(base), (*seen, str(file))), tree)


def _merged(base: dict[str, Any], top: dict[str, Any]) -> dict[str, Any]:
    out = dict(base)
    for key, value in top.items():
        deep = isinstance(value, dict) and "value" not in value and isinstance(base.get(key), dict)
        out[key] = _merged(base[key], value) if deep else value
    return out


def _section(table: Any, section: str, where: str, sources: dict[str, str]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, entry in table.items() if isinstance(table, dict) else ():
        attribute = KEYS[section].get(key)
        if attribute is None:
            raise FileFormatError(
                "unknown key", where=f"{where}, [{section}]", value=key, limit=sorted(KEYS[section])
            )
        if attribute == "model":
            out[attribute] = entry
            continue
        if not isinstance(entry, dict) or set(entry) != {"value", "source"} or not entry["source"]:
            raise FileFormatError(
                "a number stands with its source",
                where=f"{where}, [{section}] {key}",
                remedy='Write { value = ..., source = "..." }',
            )
        value = entry["value"]
        numbers = value if isinstance(value, list) else [value]
        if not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in numbers):
            raise FileFormatError("is not a number", where=f"{where}, [{section}] {key}", value=repr(value))
        out[attribute] = tuple(map(float, value)) if isinstance(value, list) else float(value)
        sources[f"{section}.{key}"] = entry["source"]
    return out
