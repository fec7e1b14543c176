"""From lava-dl's network file to a build: core tables and an emulator for a network trained with lava-dl."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from neurosim.errors import UnsupportedError
from neurosim.hardware.loihi.compile.mapped_usage import layout_of, usage_of
from neurosim.hardware.loihi.device_network import DeviceNetwork, Program
from neurosim.hardware.loihi.lava.lava_script import lava_files
from neurosim.hardware.loihi.mapping.map_network import map_network
from neurosim.hardware.loihi.netx.file_reader import read_network
from neurosim.hardware.loihi.netx.layer_group import Reading
from neurosim.hardware.loihi.netx.load_options import LoadOptions
from neurosim.hardware.loihi.netx.to_network import device_shapes, to_network
from neurosim.hardware.loihi.numerics.programs import PROGRAMS
from neurosim.hardware.loihi.report.analyse import analyse_device
from neurosim.hardware.loihi.tables.register_tables import tables_of
from neurosim.hardware.loihi.tables.table_files import write_tables
from neurosim.hardware.loihi.target import Loihi2, LoihiTarget
from neurosim.hardware.manifest import Manifest, PopulationEntry
from neurosim.hardware.target import Build

__all__ = ["compile_netx"]


def compile_netx(
    path: str | os.PathLike[str],
    target: LoihiTarget | None = None,
    *,
    options: LoadOptions | None = None,
    reading: Reading = Reading.STRICT,
    input_shape: Sequence[int] | None = None,
    dt: float = 1e-3,
) -> Build:
    """Map a network file and emit its chip. The build computes what Lava computes of the loaded file, bit for bit.

    Inputs and populations are named and shaped as `neurosim.hardware.loihi.netx.to_network` says, whose `host_messages`
    makes the input. All states are in units of registers.

    Args:
        target: `Loihi2` unless given; `Loihi1` knows leaky integrate-and-fire neurons alone, in its own arithmetic.
        options: what lava-dl's ``Network`` would be given besides the file.
        reading: whether parts that the loader misreads are refused or taken as it takes them.
        input_shape: (x, y, channel), where the first layer is a convolution and the file does not name it.
        dt: length of a step in seconds: a name of time only.

    Raises:
        FileFormatError: not such a file, or one that the loader fails on.
        UnsupportedError: what no register or synapse holds.
        CapacityError: a limit of the chip is exceeded.
    """
    target = target or Loihi2()
    layers = read_network(path, reading=reading, input_shape=input_shape)
    network = to_network(layers, options)
    if not isinstance(target, Loihi2):
        _check_programs(network, target)
    mapped = map_network(network, target.limits)
    script, note = lava_files(network, target.numerics)
    shape = layers.input_shape or ()
    populations = {
        name: PopulationEntry(shape=shape, lag=0, states=_states(network.populations[name].program))
        for name, shape in device_shapes(layers).items()
    }
    tables = tables_of(mapped, target.numerics)
    manifest = Manifest(
        target="loihi",
        profile=target.CHIP,
        dt=dt,
        inputs={name: PopulationEntry(shape=shape[::-1], lag=0) for name in network.inputs},
        populations=populations,
        outputs=(next(reversed(populations)),),
        settings={"source": "network.net", "numerics": target.numerics.name},
    )
    return Build(
        target=target,
        manifest=manifest,
        files={
            **write_tables(tables),
            **script,
            "network.net": Path(path).read_bytes(),
        },
        usage=usage_of(mapped),
        layout=layout_of(mapped),
        details="\n".join([*(f"the loader misreads: {m}" for m in layers.misread), note]),
        analysis=partial(analyse_device, mapped, tables, manifest, target.chip),
    )


def _states(program: Program) -> dict[str, tuple[float, float]]:
    names = ("v", "i") if program is Program.LIF else PROGRAMS[program].state
    return dict.fromkeys(names, (1.0, 0.0))


def _check_programs(network: DeviceNetwork, target: LoihiTarget) -> None:
    for name, p in network.populations.items():
        if p.program is not Program.LIF or p.options:
            raise UnsupportedError(
                "has neurons that the chip does not know",
                where=f"population {name!r} on {target.name}",
                value=p.program.name,
                limit="leaky integrate-and-fire without periodic resets",
                remedy="Compile for Loihi2",
            )
