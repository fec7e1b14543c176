"""What compiling gives of a mapped network: files, resources, the map of cores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from neurosim.hardware.manifest import Manifest
from neurosim.hardware.spinnaker.compile.plastic_settings import plastic_settings
from neurosim.hardware.spinnaker.image.machine_image import write_image
from neurosim.hardware.spinnaker.image.row_blocks import DelayedRows
from neurosim.hardware.spinnaker.machine_file import describe_machine
from neurosim.hardware.spinnaker.mapping.map_network import MappedNetwork
from neurosim.hardware.spinnaker.report.analyse import analyse_build
from neurosim.hardware.spinnaker.report.usage import usage_of
from neurosim.hardware.spinnaker.report.weight_error import WeightError
from neurosim.hardware.spinnaker.scripts.pynn_script import write_script
from neurosim.hardware.target import Build
from neurosim.loss_report import Loss, LossReport
from neurosim.spikes import Spikes

if TYPE_CHECKING:
    from neurosim.hardware.spinnaker.target import SpiNNaker

__all__ = ["build_of"]


def build_of(
    mapped: MappedNetwork,
    *,
    target: SpiNNaker,
    manifest: Manifest,
    losses: Sequence[Loss],
    weights: Mapping[str, NDArray[Any]],
    details: str,
    errors: Callable[[], Sequence[WeightError]] = tuple,
    sample: Mapping[str, Spikes] | None = None,
    units: Mapping[str, tuple[str, float]] | None = None,
) -> Build:
    """The build of a mapped network: what `map_plan` and networks in PyNN's terms have in common.

    Args:
        weights: see `neurosim.hardware.target.Build`.
        manifest: the machine is added to its settings.
        details: text for the report.
        errors: computes those of the weights, for the report.
        sample: spikes of the calibration sample in machine time, for the report.
        units: of plastic projections, see `plastic_settings`.
    """
    usage, layout = usage_of(mapped, target.limits)
    slower = round(manifest.settings["time_scale_factor"]) or 1
    delayed = next((w.delayed for w in mapped.words.values()), DelayedRows.READ)
    script = write_script(mapped.network, slower, delayed)
    return Build(
        target=target,
        manifest=replace(
            manifest,
            settings={
                **manifest.settings,
                "machine": describe_machine(mapped.machine),
                "plastic": plastic_settings(mapped, units or {}),
            },
        ),
        files={**write_image(mapped.image), **script},
        losses=LossReport(list(losses)),
        usage=usage,
        layout=layout,
        weights=weights,
        details=details,
        analysis=partial(analyse_build, mapped, target.limits, manifest, errors, sample),
    )
