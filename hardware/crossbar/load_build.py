"""Opening a build folder: files, checked, to the machine that runs."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neurosim.engine.recording import Record, Recording
from neurosim.errors import FileFormatError, NumericsError
from neurosim.hardware.crossbar.cells import Cells, Compensation
from neurosim.hardware.crossbar.emulator import Machine, draw_cells, run_machine
from neurosim.hardware.crossbar.files import read_blocks
from neurosim.hardware.crossbar.mapping import TileShape
from neurosim.hardware.crossbar.profile import read_profile
from neurosim.hardware.emulator import Device, Overflow
from neurosim.hardware.manifest import Manifest
from neurosim.network_file import load_network
from neurosim.spikes import Spikes

__all__ = ["CrossbarDevice", "load"]


class CrossbarDevice(Device):
    """The emulator of a crossbar build. ``seed`` of `emulate` draws the cells of the device and its read noise."""

    def __init__(self, manifest: Manifest, machine: Machine) -> None:
        super().__init__(manifest)
        self.machine = machine
        self._drawn: tuple[int, list[Cells]] | None = None

    def cells(self, seed: int) -> list[Cells]:
        """The cells of the device ``seed``, block by block; the last device drawn is kept."""
        if self._drawn is None or self._drawn[0] != seed:
            self._drawn = (seed, draw_cells(self.machine, seed))
        return self._drawn[1]

    def run(
        self,
        inputs: Mapping[str, Spikes],
        steps: int,
        record: Mapping[str, Record],
        seed: int,
        overflow: Overflow,
    ) -> Recording:
        recording = run_machine(self.machine, self.cells(seed), inputs, steps, record, seed=seed)
        clipped = [e for e in recording.events if e.kind == "saturation"]
        if clipped and overflow is Overflow.RAISE:
            first = clipped[0]
            raise NumericsError(
                "a converter clipped",
                where=f"{first.population!r}, sample {first.sample}, step {first.step}, neuron {first.neuron}",
                value=f"{sum(e.count for e in clipped)} conversions",
                remedy="Calibrate the ADC ranges with typical inputs, or emulate with overflow=Overflow.WARN",
            )
        if (
            clipped
            and overflow is Overflow.WARN
            and sum(e.count for e in clipped) > self._tolerated(inputs, steps)
        ):
            share = sum(e.count for e in clipped)
            warnings.warn(
                f"converters clipped {share} times; see recording.events", RuntimeWarning, stacklevel=3
            )
        return recording

    def _tolerated(self, inputs: Mapping[str, Spikes], steps: int) -> float:
        """A calibrated range clips rare large currents on purpose; one conversion in a thousand is no news."""
        samples = next((s.samples for s in inputs.values()), 1)
        columns = sum(len(b.neuron) * len(b.full_scale) for b in self.machine.blocks)
        return 1e-3 * samples * steps * columns


def load(folder: Path, manifest: Manifest) -> CrossbarDevice:
    """The device of a build folder whose manifest was verified.

    Raises:
        FileFormatError: a file or a setting is missing, damaged or does not fit the others.
    """
    needed = {"crossbar.h5", "device.toml", "neurons.h5"}
    if missing := needed - set(manifest.files):
        raise FileFormatError("files are missing from the manifest", where=str(folder), value=sorted(missing))
    settings = manifest.settings
    rows, columns = _whole(settings, "rows", folder), _whole(settings, "columns", folder)
    net = load_network(folder / "neurons.h5")
    order = settings.get("order")
    if not isinstance(order, list) or sorted(map(str, order)) != sorted(net.populations):
        raise FileFormatError("does not list the populations", where=f"{folder}: settings.order", value=order)
    for described, listed in ((net.inputs, manifest.inputs), (net.populations, manifest.populations)):
        if {n: p.shape for n, p in described.items()} != {n: e.shape for n, e in listed.items()}:
            raise FileFormatError(
                "neurons.h5 and the manifest differ", where=str(folder), value=sorted(described)
            )
    if abs(net.dt - manifest.dt) > 1e-12 * net.dt:
        raise FileFormatError(
            "neurons.h5 and the manifest differ in dt", where=str(folder), value=net.dt, limit=manifest.dt
        )
    shape = TileShape(rows, columns)
    sizes = {name: net.size_of(name) for name in (*net.inputs, *net.populations)}
    wire = settings.get("wire_ohm")
    if not isinstance(wire, (int, float)) or not 0 <= wire < float("inf"):
        raise FileFormatError(
            "is not a resistance", where=f"{folder}: settings.wire_ohm", value=wire, limit=">= 0 ohm"
        )
    machine = Machine(
        dt=net.dt,
        inputs={name: p.shape for name, p in net.inputs.items()},
        populations={name: (net.populations[name].shape, net.populations[name].model) for name in order},
        lag={name: entry.lag for name, entry in manifest.populations.items()},
        blocks=tuple(read_blocks(folder / "crossbar.h5", shape, sizes)),
        shape=shape,
        profile=read_profile(folder / "device.toml"),
        adc_bits=_whole(settings, "adc_bits", folder, 24),
        wire=float(wire),
        compensation=_compensation(settings, folder),
        input_count=_whole(settings, "input_count", folder, 255),
    )
    return CrossbarDevice(manifest, machine)


def _compensation(settings: Mapping[str, Any], folder: Path) -> Compensation:
    value = settings.get("compensation")
    try:
        return Compensation(value)
    except ValueError:
        known = [c.value for c in Compensation]
        raise FileFormatError(
            "is unknown", where=f"{folder}: settings.compensation", value=value, limit=known
        ) from None


def _whole(settings: Mapping[str, Any], name: str, folder: Path, most: int = 1 << 16) -> int:
    value = settings.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise FileFormatError(
            "is missing or out of range",
            where=f"{folder}: settings.{name}",
            value=value,
            limit=f"1 to {most}",
        )
    return value
