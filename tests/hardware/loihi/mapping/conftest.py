from __future__ import annotations

import numpy as np
import pytest

from neurosim.hardware.loihi.device_network import DeviceNetwork, DevicePopulation, DeviceProjection
from neurosim.hardware.loihi.numerics.weights import SignMode


class DeviceNetworks:
    """Device networks and what a core must hold of them, written down synapse by synapse."""

    @staticmethod
    def population(name, size, **registers):
        zero = np.zeros(size, np.int64)
        names = ("du", "dv", "bias_mantissa", "bias_exponent", "u", "v")
        values = {**dict.fromkeys(names, zero), "threshold": zero + 100, "refractory": zero + 1, **registers}
        return DevicePopulation(name=name, size=size, **values)

    @staticmethod
    def projection(
        pre, post, n_pre, source, target, weight, exponent=0, delay=0, mode=SignMode.MIXED, name=None
    ):
        source = np.asarray(source, dtype=np.int64)
        columns = {"target": target, "weight": weight, "exponent": exponent, "mode": mode, "delay": delay}
        order = np.argsort(source, kind="stable")
        arrays = {
            k: np.broadcast_to(np.asarray(v, np.int64), source.shape)[order] for k, v in columns.items()
        }
        bounds = np.searchsorted(source[order], np.arange(n_pre + 1))
        return DeviceProjection(name=name or f"{pre}->{post}", pre=pre, post=post, row_start=bounds, **arrays)

    @classmethod
    def network(cls, inputs, populations, *projections):
        found = {
            n: p if isinstance(p, DevicePopulation) else cls.population(n, p) for n, p in populations.items()
        }
        return DeviceNetwork(inputs=inputs, populations=found, projections=projections)

    @classmethod
    def convolution(cls, pre, post, shape, kernel, *, stride=1, padding=0, dilation=1, groups=1, delay=0):
        """Rows of a correlation, synapse by synapse: input (C, H, W), kernel [O, C / groups, h, w], and its output."""
        c, h, w = shape
        o, per_group, kh, kw = kernel.shape
        size = [(n + 2 * padding - dilation * (k - 1) - 1) // stride + 1 for n, k in ((h, kh), (w, kw))]
        of, ci, i, j, y, x = (
            a.reshape(-1) for a in np.meshgrid(*map(np.arange, (*kernel.shape, *size)), indexing="ij")
        )
        row, column = y * stride + i * dilation - padding, x * stride + j * dilation - padding
        inside = (row >= 0) & (row < h) & (column >= 0) & (column < w)
        source = ((of // (o // groups) * per_group + ci) * h + row) * w + column
        target = (of * size[0] + y) * size[1] + x
        weight = kernel[of, ci, i, j]
        which = (source[inside], target[inside], weight[inside])
        return cls.projection(pre, post, c * h * w, *which, delay=delay), (o, *size)

    @staticmethod
    def wanted(network, slices):
        """(presynaptic neuron, compartment, delay, what it adds) of all synapses of these slices."""
        found = []
        for s in slices:
            for p in network.incoming(s.population):
                there = (p.target >= s.neurons.start) & (p.target < s.neurons.stop) & (p.weight != 0)
                columns = (
                    p.source + network.first_neuron[p.pre],
                    p.target - s.neurons.start + s.first,
                    p.delay,
                    p.weight * 2.0**p.exponent,
                )
                found += zip(*(a[there].tolist() for a in columns), strict=True)
        return sorted(found)

    @staticmethod
    def held(content):
        """The same of a content, list by list as a core reads them; entries of weight zero do nothing."""
        s, a, found, atom = content.synapses, content.axons, [], 0
        for axon in range(len(a.atoms)):
            for i in range(a.atoms[axon]):
                start = a.pointer[axon] + i * a.length[axon]
                for k in range(start, start + a.length[axon]):
                    if s.weight[k]:
                        value = int(s.weight[k]) * 2.0 ** s.formats[s.format[k] - 1].exponent
                        place = int(a.base[axon] + s.compartment[k])
                        found.append((int(a.source[atom]), place, int(s.delay[k]), value))
                atom += 1
        return sorted(found)


@pytest.fixture
def networks():
    return DeviceNetworks
