"""Whether every core of a network can hold what it must, with the change that would fit where it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neurosim.errors import CapacityError
from neurosim.hardware.spinnaker.delay_extension import Extension, delay_core_dtcm
from neurosim.hardware.spinnaker.device_network import DeviceNetwork
from neurosim.hardware.spinnaker.mapping.partition import Needs, halvings, refusal
from neurosim.hardware.spinnaker.numerics.ring_buffer import undelivered

__all__ = ["check_cores", "check_plastic_delays"]


def check_cores(network: DeviceNetwork, found: Mapping[str, Extension], limits: Mapping[str, Any]) -> None:
    """Check rows, population tables and both memories of every core.

    Args:
        found: delay extensions, see `delay_extension.extensions`.

    Raises:
        CapacityError: a limit is exceeded; names the population or projection, and the atoms per core that would fit.
    """
    needs = Needs(network)
    for name, p in network.populations.items():
        if p.model is None:
            continue
        _check_table(network, name, found, limits)
        if not needs.fits(name, p.atoms, found, limits):
            raise _refusal(needs, name, found, limits)
    for e in found.values():
        _check_delay_core(network, e, limits)


def check_plastic_delays(network: DeviceNetwork) -> None:
    """Refuse plastic synapses whose spikes the machine would drop, see `ring_buffer.undelivered`.

    Raises:
        CapacityError: names the projection and the delay.
    """
    for p in network.projections:
        if p.plastic:
            bits = network.delay_bits(p.post)
            wrong = undelivered(p.delay, bits, network.populations[p.post].slots)
            if wrong.any():
                delay = int(p.delay[wrong][0])
                raise CapacityError(
                    "SpiNNaker never delivers over a plastic synapse whose delay is the number of ring-buffer slots: "
                    f"the longest delay into {p.post!r} rounded up to a power of two",
                    where=f"projection {p.name!r}",
                    value=f"{delay} steps",
                    limit=f"{1 << bits} slots",
                    remedy="Use a delay of one step more or less, or any longer delay on another projection to it",
                )


def _refusal(
    needs: Needs, name: str, found: Mapping[str, Extension], limits: Mapping[str, Any]
) -> CapacityError:
    p = needs.network.populations[name]
    fewer = [a for a in halvings(p.size, p.atoms) if a < p.atoms]
    fits = next((a for a in fewer if needs.fits(name, a, found, limits)), None)
    return refusal(name, p.full_core, needs.of(name, p.atoms, found), limits, fits)


def _check_table(
    network: DeviceNetwork, name: str, found: Mapping[str, Extension], limits: Mapping[str, Any]
) -> None:
    incoming = network.incoming(name)
    blocks = len(incoming) + sum(q.pre in found for q in incoming)
    if blocks > limits["table_blocks"]:
        raise CapacityError(
            "its population table has no room for so many blocks of rows",
            where=f"population {name!r}",
            value=f"{blocks} blocks",
            limit=f"{limits['table_blocks']} blocks",
            remedy="Join projections that come from the same population",
        )
    for q in incoming:
        pre = network.populations[q.pre]
        stages = found[q.pre].stages if q.pre in found else 1
        neurons, most = pre.full_core * stages, limits["table_neurons"]
        if neurons > most:
            raise CapacityError(
                "its source has more neurons on a core than a population table can say",
                where=f"projection {q.name!r}",
                value=f"{neurons} neurons" + (f" in {stages} delay stages" if stages > 1 else ""),
                limit=f"{most} neurons",
                remedy=_atoms(most // stages or None, "Shorten the delays", f" of {q.pre!r}"),
            )


def _check_delay_core(network: DeviceNetwork, e: Extension, limits: Mapping[str, Any]) -> None:
    p, most = network.populations[e.pre], limits["dtcm_bytes"]
    need = delay_core_dtcm(p.full_core, e.stages, e.slots)
    if need > most:
        fits = next(
            (a for a in halvings(p.size, p.atoms) if delay_core_dtcm(a, e.stages, e.slots) <= most), None
        )
        raise CapacityError(
            f"the spikes that wait in its delay core, {e.stages} stages of {e.slots} steps, do not fit the data memory",
            where=f"population {e.pre!r}",
            value=f"{need} bytes",
            limit=f"{most} bytes",
            remedy=_atoms(fits, "Shorten the delays"),
        )


def _atoms(fits: int | None, otherwise: str, whose: str = "") -> str:
    return otherwise if fits is None else f"atoms_per_core={fits}{whose} would fit"
