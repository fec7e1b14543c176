"""The systems that are measured: for each a module with ``build(case, options)``, which a worker calls.

Nothing here or in the modules of the peers imports `neurosim`, so that a peer can run under an interpreter of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["SYSTEMS", "System", "chosen"]

RECURRENT = frozenset({"cuba", "coba", "brunel"})
EVERYTHING = RECURRENT | {"liquid", "stdp"}
DELAYS = frozenset({"delays", "delays-recurrent"})
TRAINING = frozenset({"training", "training-recurrent"})


@dataclass(frozen=True, kw_only=True)
class System:
    """One way to run a network.

    Attributes:
        name: as it stands in rows and after ``--peers``.
        module: has ``build(case, options) -> Runner`` (`benchmarks.worker`).
        kinds: the networks that it can run.
        precision: of state and arithmetic.
        threads: numbers of threads worth measuring.
        options: what ``build`` is given beside the case.
    """

    name: str
    module: str
    kinds: frozenset[str]
    precision: str = "double"
    threads: tuple[int, ...] = (1, 2)
    options: Mapping[str, Any] = field(default_factory=dict)


def _brian2(name: str, device: str, precision: str, threads: tuple[int, ...]) -> System:
    options = {"device": device, "precision": precision}
    return System(
        name=name,
        module="benchmarks.systems.brian2",
        kinds=EVERYTHING,
        precision=precision,
        threads=threads,
        options=options,
    )


def _torch(implementation: str) -> System:
    return System(
        name=f"torch-{implementation}",
        module="benchmarks.systems.torch",
        kinds=frozenset({"liquid"}),
        precision="single",
        options={"implementation": implementation},
    )


def _training(
    name: str, kinds: frozenset[str], implementation: str = "", module: str = "training_torch"
) -> System:
    return System(
        name=name,
        module=f"benchmarks.systems.{module}",
        kinds=kinds,
        precision="single",
        options={"implementation": implementation or name},
    )


_ALL = (
    System(
        name="neurosim",
        module="benchmarks.systems.ours",
        kinds=EVERYTHING | {"large"},
        options={"precision": "double"},
    ),
    System(
        name="neurosim-f32",
        module="benchmarks.systems.ours",
        kinds=EVERYTHING | {"large"},
        precision="single",
        options={"precision": "single"},
    ),
    _brian2("brian2-cpp", "cpp", "double", (1, 2)),
    _brian2("brian2-cpp-f32", "cpp", "single", (1, 2)),
    _brian2("brian2-cython", "cython", "double", (1,)),
    System(name="nest", module="benchmarks.systems.nest", kinds=EVERYTHING),
    System(
        name="brainpy",
        module="benchmarks.systems.brainpy",
        kinds=RECURRENT,
        precision="single",
        threads=(1,),
    ),
    System(
        name="nengo-loihi",
        module="benchmarks.systems.nengo_loihi",
        kinds=frozenset({"loihi"}),
        precision="integer",
        threads=(1,),
    ),
    *map(_torch, ("dense", "sparse", "snntorch", "spikingjelly", "norse")),
    _training("neurosim-nn", TRAINING | DELAYS, module="training_ours"),
    _training("snntorch", TRAINING),
    _training("spikingjelly", frozenset({"training"})),
    _training("norse", frozenset({"training"})),
    _training("torch-loop", TRAINING, "loop"),
    _training("torch-compile", TRAINING, "compile"),
    _training("torch-no-delays", DELAYS, "compile"),
    _training("torch-conv1d", DELAYS, "conv1d", "delays_torch"),
    _training("dcls", frozenset({"delays"}), module="delays_torch"),
)

SYSTEMS: dict[str, System] = {system.name: system for system in _ALL}


def chosen(peers: tuple[str, ...] | None) -> tuple[System, ...]:
    """Ours, and the peers asked for (None: all). A name also stands for its family: ``torch`` for every ``torch-*``.

    Raises:
        KeyError: a name that is no system's and no family's.
    """
    for peer in peers or ():
        if not any(_is(system, peer) for system in _ALL):
            raise KeyError(peer)
    return tuple(
        system
        for system in _ALL
        if _is(system, "neurosim") or peers is None or any(_is(system, peer) for peer in peers)
    )


def _is(system: System, name: str) -> bool:
    return system.name == name or system.name.startswith(f"{name}-")
