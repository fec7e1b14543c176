"""The group ``neuron`` of a layer: which neurons the loader makes of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import UnsupportedError
from neurosim.hardware.loihi.netx.layer_group import LayerGroup, Reading
from neurosim.hardware.loihi.netx.layers import NeuronKind, Neurons

__all__ = ["DEFAULT_NEURONS", "read_neurons", "resonator_fields"]

Ints = NDArray[np.int64]

DEFAULT_NEURONS = Neurons(du=-1, dv=4096, threshold=1 << 17)
"""What a dense layer without the group gets: no decay of the current, nothing left of the potential."""

_KNOWN = {
    *("type", "iDecay", "vDecay", "vThMant", "sigma_output", "sinDecay", "cosDecay"),
    *("refDelay", "gradedSpike", "wgtExp", "theta", "tauRho", "scaleRho", "activation", "weight_exp"),
}
"""Data sets that are read, and those that lava-dl's training library writes beside them."""
_DECAY_SCALE = 1 << 12


def read_neurons(g: LayerGroup, shape: tuple[int, ...], *, first: bool = False) -> Neurons:
    """The neurons of a layer of this shape, (x, y, channel) or (n,); ``first`` of an input layer.

    Raises:
        FileFormatError, UnsupportedError: data sets that are missing, or on which the loader fails.
    """
    model = g.text("neuron/type")
    unknown = sorted(set(g.keys("neuron")) - _KNOWN - {"messageBits"})
    if unknown:
        g.note(f"neuron/{unknown[0]}", "is not read by the loader", limit=sorted(_KNOWN))
    if "neuron/messageBits" in g:
        if "RF" not in model:
            raise g.refuse("neuron/messageBits", "the loader fails on it", remedy="Leave it out")
        g.note("neuron/messageBits", "is not used of resonators")
    if model in ("LOIHI", "CUBA"):
        if "neuron/refDelay" in g and np.any(g.array("neuron/refDelay") > 1):
            g.note("neuron/refDelay", "the loader ignores refractory periods", limit=1)
        i_decay, v_decay, mantissa = (_whole(g, key, shape) for key in ("iDecay", "vDecay", "vThMant"))
        return Neurons(
            du=_in_range(g, "iDecay", i_decay - 1, -1, 4095),
            dv=_in_range(g, "vDecay", v_decay, 0, 4096),
            threshold=_in_range(g, "vThMant", mantissa, 0, 1 << 17),
        )
    if model == "SDNN":
        if not first and "neuron/sigma_output" in g:
            return Neurons(kind=NeuronKind.SIGMA)
        kind = NeuronKind.DELTA if first else NeuronKind.SIGMA_DELTA
        return Neurons(kind=kind, threshold=_in_range(g, "vThMant", _whole(g, "vThMant", shape), 0, 1 << 17))
    if "RF" in model:
        if model not in ("RF", "RF_IZ", "RF_PHASE"):
            g.note("neuron/type", "the loader takes these neurons for resonators", value=model)
        sin, cos, threshold = (g.number(f"neuron/{key}") for key in ("sinDecay", "cosDecay", "vThMant"))
        held = resonator_fields(sin, cos)
        if max(abs(held[0] - sin), abs(held[1] - cos)) > 1 or not max(abs(sin), abs(cos)) <= _DECAY_SCALE:
            g.note("neuron/sinDecay", "the loader changes the decays", value=held, limit=(sin, cos))
        if g.reading is Reading.STRICT:  # one more or less depends on the NumPy that Lava runs on
            held = sin, cos
        return Neurons(
            kind=NeuronKind.RF if "PHASE" in model else NeuronKind.RF_IZ,
            sin=held[0],
            cos=held[1],
            threshold=threshold,
        )
    raise UnsupportedError(
        "neurons that the loader does not know",
        where=f"{g.where}, neuron/type",
        value=model,
        limit="CUBA, LOIHI, SDNN, RF_PHASE, RF_IZ",
    )


def resonator_fields(sin: int, cos: int) -> tuple[int, int]:
    """The registers that Lava computes from the period and the decay that the loader computes from these.

    In the loader's order of operations. The results would be these numbers again, but are cut toward zero, so that the
    last bit of a sine, which differs between releases of NumPy, decides whether one is lost.
    """
    s, c = np.float64(sin) / _DECAY_SCALE, np.float64(cos) / _DECAY_SCALE
    with np.errstate(divide="ignore", invalid="ignore"):
        alpha = 1 - np.sqrt(s**2 + c**2)
        period = 1 / (np.arctan2(s, c) / 2 / np.pi)
        angle = np.pi * 2 * 1 / period
        return tuple(int(np.int32((1 - alpha) * f(angle) * _DECAY_SCALE)) for f in (np.sin, np.cos))  # type: ignore[return-value]


def _whole(g: LayerGroup, key: str, shape: tuple[int, ...]) -> Ints:
    """One number, or what broadcasts to the shape."""
    values = g.array(f"neuron/{key}", whole=True)
    if values.size > 1 and not _broadcasts(values.shape, shape):
        raise g.refuse(f"neuron/{key}", "does not fit the layer", value=values.shape, limit=shape)
    return values


def _broadcasts(given: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(given, shape) == shape
    except ValueError:
        return False


def _in_range(g: LayerGroup, key: str, values: Ints, low: int, high: int) -> int | Ints:
    if values.min() < low or values.max() > high:
        worst = [int(values.min()), int(values.max())]
        g.note(f"neuron/{key}", "is out of the range of its register", value=worst, limit=f"{low} to {high}")
    return int(values.reshape(-1)[0]) if values.size == 1 else values
