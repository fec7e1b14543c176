"""Running a network in NEST: the same description, integrated and scheduled by another simulator.

NEST has one kernel a process. A run resets it before and after; a kernel in which there are nodes of somebody else is
left alone and the run refused.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from numpy.typing import ArrayLike

from neurosim.engine.plan import Plan
from neurosim.engine.recording import Record, Recording
from neurosim.errors import DescriptionError, MissingExtraError
from neurosim.interchange.nest_network import NestNetwork
from neurosim.interchange.nest_recording import NestPart, recording_of
from neurosim.interchange.run_request import RunRequest, requested_run
from neurosim.network import Network
from neurosim.spikes import Spikes

__all__ = ["nest_kernel", "nest_parts", "run_nest"]

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
    samples: int | None = None,
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
    request = requested_run(net, inputs, duration, record, samples, seed)
    with nest_kernel() as nest:
        return recording_of(request, [[part] for part in nest_parts(nest, request, threads)])


def nest_parts(nest: Any, request: RunRequest, threads: int) -> Iterator[NestPart]:
    """Run the samples of a request one after another in a kernel; what this process holds of each."""
    for sample in range(request.samples):
        network = NestNetwork(nest, request, sample, threads)
        network.run()
        yield network.part()


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
