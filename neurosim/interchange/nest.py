"""Running a network in NEST: the same description, integrated and scheduled by another simulator.

NEST has one kernel a process. A run resets it before and after; a kernel in which there are nodes of somebody else is
left alone and the run refused.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim.engine.plan import Plan
from neurosim.engine.recording import PopulationRecording, Record, Recording
from neurosim.errors import DescriptionError, MissingExtraError
from neurosim.interchange.nest_network import NestNetwork
from neurosim.interchange.run_request import RunRequest, requested_run, spikes_of
from neurosim.network import Network
from neurosim.spikes import Spikes

__all__ = ["nest_kernel", "run_nest"]

_KEPT = (
    "resolution",
    "rng_seed",
    "local_num_threads",
    "print_time",
    "overwrite_files",
    "data_path",
    "data_prefix",
)
"""Settings of a kernel that a run puts back; resetting a kernel forgets all others, and copied models."""


def run_nest(
    net: Network | Plan,
    inputs: Mapping[str, Spikes | ArrayLike] | None = None,
    duration: float | None = None,
    record: Mapping[str, Record | str] | None = None,
    *,
    seed: int = 0,
    threads: int = 1,
) -> Recording:
    """Run a network in NEST. Arguments and recordings are those of `neurosim.simulate`; samples run one after another.

    Recordings hold no final state.

    Raises:
        UnsupportedError: what NEST cannot express: models, options, a delay below its shortest, a time step that is no
            whole number of microseconds; and a kernel that is in use.
        MissingExtraError: NEST cannot be imported.
    """
    request = requested_run(net, inputs, duration, record, seed)
    plastic = {p.name: p for p in request.plan.projections if p.plasticity is not None}
    with nest_kernel() as nest:
        done, weights = [], []
        for sample in range(request.samples):
            network = NestNetwork(nest, request, sample, threads)
            network.run()
            done.append(_read(network))
            weights.append({name: network.weights(p) for name, p in plastic.items()})
    final = {name: np.stack([w[name] for w in weights]) for name in plastic}
    return _recording(request, done, final)


@contextmanager
def nest_kernel() -> Iterator[Any]:
    """NEST, quiet, with an empty kernel, which is emptied again afterwards; some settings and the verbosity come back.

    Raises:
        DescriptionError: the kernel holds nodes already.
        MissingExtraError: NEST cannot be imported.
    """
    nest = _imported()
    if nest.network_size:
        raise DescriptionError(
            "NEST's kernel holds a network already, which this run would delete",
            where="backend 'nest'",
            value=f"{nest.network_size} nodes",
            remedy="Call nest.ResetKernel() first, or run in another process",
        )
    before = {name: getattr(nest, name) for name in (*_KEPT, "verbosity")}
    nest.verbosity = nest.VerbosityLevel.ERROR
    try:
        yield nest
    finally:
        nest.ResetKernel()
        for name, value in before.items():
            if getattr(nest, name) != value:
                setattr(nest, name, value)


def _imported() -> Any:
    """NEST, imported without its banner."""
    quiet = os.environ.get("PYNEST_QUIET")
    os.environ["PYNEST_QUIET"] = "1"
    try:
        import nest
    except ImportError as error:
        raise MissingExtraError("nest", "interop", error) from error
    finally:
        if quiet is None:
            del os.environ["PYNEST_QUIET"]
        else:
            os.environ["PYNEST_QUIET"] = quiet
    return nest


def _read(network: NestNetwork) -> dict[tuple[str, str], Any]:
    """What one sample left, by population and variable."""
    found: dict[tuple[str, str], Any] = {}
    for name, r in network.request.wanted.items():
        p = network.plan.populations[name]
        for variable in r.variables:
            found[name, variable] = network.spikes(p) if variable == "spikes" else network.trace(p, variable)
    return found


def _recording(
    request: RunRequest, done: list[dict[tuple[str, str], Any]], weights: dict[str, Any]
) -> Recording:
    populations = {}
    for name, r in request.wanted.items():
        p = request.plan.populations[name]
        spikes = None
        if "spikes" in r.variables:
            each = [found[name, "spikes"] for found in done]
            sample = np.repeat(np.arange(len(each)), [len(step) for step, _ in each])
            step, neuron = (
                np.concatenate([*parts, np.zeros(0, np.int64)]) for parts in zip(*each, strict=True)
            )
            spikes = spikes_of(p, request, sample, step, neuron)
        variables = {}
        for variable in (v for v in r.variables if v != "spikes"):
            values = np.stack([found[name, variable] for found in done], axis=1)
            variables[variable] = (
                values if r.neurons is not None else values.reshape(*values.shape[:2], *p.shape)
            )
        populations[name] = PopulationRecording(spikes, variables, r.stride(request.plan.dt), r.neurons)
    return Recording(populations, request.plan.dt, request.steps, request.samples, weights=weights)
