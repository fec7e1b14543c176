"""The weights of plastic synapses after a run, in the network's unit and order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import FileFormatError
from neurosim.hardware.spinnaker.emulator.core_tables import Memory
from neurosim.hardware.spinnaker.emulator.start_up import PlasticPlace, Started
from neurosim.hardware.spinnaker.image.machine_image import VertexKind

__all__ = ["learned_weights"]

Int64 = NDArray[np.int64]


def learned_weights(
    started: Started, memories: Sequence[Memory], settings: Mapping[str, Any]
) -> dict[str, NDArray[np.float64]]:
    """Projection -> weights [B, n_syn], sorted by source neuron, delay and target neuron.

    Args:
        memories: of each sample, at the end of a run.
        settings: see `compile.plastic_settings`.

    Raises:
        FileFormatError: the settings do not fit the machine.
    """
    if not isinstance(settings, Mapping):
        raise FileFormatError("is not a table", where="manifest, settings, plastic", value=settings)
    weights = {}
    for name, entry in settings.items():
        try:
            post, unit, blocks = str(entry["post"]), float(entry["unit"]), {int(b) for b in entry["blocks"]}
        except (TypeError, KeyError, ValueError, OverflowError) as error:
            raise FileFormatError(
                f"is described wrongly: {error!r}", where=f"projection {name!r}", value=entry
            ) from None
        cores = {v.place for v in started.vertices if v.population == post and v.kind is VertexKind.NEURONS}
        found = [
            _synapses(started, p) for p in started.plastic if p.place in cores and p.rows.start in blocks
        ]
        synapse, source, delay, target = (
            np.concatenate([np.zeros(0, np.int64), *(f[i] for f in found)]) for i in range(4)
        )
        order = synapse[np.lexsort((target, delay, source))]  # stable: parallel synapses keep their order
        weights[name] = np.stack([m.rows.weight[order] for m in memories]) * unit
    return weights


def _synapses(started: Started, place: PlasticPlace) -> tuple[Int64, Int64, Int64, Int64]:
    """Numbers, source neurons, delays and targets of the synapses of some rows."""
    rows, sender = started.initial.rows, started.vertices[place.vertex]
    begin, end = rows.start[place.first], rows.start[place.first + place.rows.count]
    counts = np.diff(rows.start[place.first : place.first + place.rows.count + 1])
    row = np.repeat(np.arange(place.rows.count), counts)
    core = next(k for k, v in enumerate(started.vertices) if v.place == place.place)
    slots = 1 << int(started.tables.cores.delay_bits[core])
    delay = (rows.delay[begin:end].astype(np.int64) - 1) % slots + 1
    if sender.kind is VertexKind.DELAY:
        stage, row = np.divmod(row, sender.hi - sender.lo)
        delay += (stage + 1) * slots
    return np.arange(begin, end), row + sender.lo, delay, rows.target[begin:end].astype(np.int64)
