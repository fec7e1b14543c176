"""Rounding the weights of one neuron together, so that its potential near the threshold is that of exact weights.

The potential is linear in the weights once the neuron's own spikes are given: v(t) = sum of w_k x_k(t), with x_k the
trace of synapse k through current and potential, reset with every spike. Rounding each weight to the nearest adds
errors that correlated inputs do not average out; here weights move to their other neighbour, one after the other, as
long as that reduces the squared error of v over the steps that are looked at (coordinate descent, as in layerwise
quantisation of deep networks: Nagel et al., "Up or down? Adaptive rounding for post-training quantization", ICML 2020).
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["adjust_neurons", "steps_to_look_at"]


@njit(cache=True, nogil=True)
def _decided(q, keep_u, keep_v, bias, u0, v0, spikes, dead_steps, out):  # type: ignore[no-untyped-def]
    """Potential just before the spike test of one sample, given its spikes; NaN in dead steps. q: arrivals [T]."""
    u, v, dead = u0, v0, 0
    for t in range(q.shape[0]):
        u = u * keep_u + q[t]
        v = v * keep_v + u + bias
        out[t] = v
        if dead > 0:
            out[t], v = np.nan, 0.0
            dead -= 1
        if spikes[t]:
            v, dead = 0.0, dead_steps


@njit(cache=True, nogil=True)
def _dot(a, b):  # type: ignore[no-untyped-def]
    """Four sums side by side: their additions need not wait for each other, and their order is always the same."""
    s0 = s1 = s2 = s3 = 0.0
    n = a.shape[0] & ~3
    for i in range(0, n, 4):
        s0 += a[i] * b[i]
        s1 += a[i + 1] * b[i + 1]
        s2 += a[i + 2] * b[i + 2]
        s3 += a[i + 3] * b[i + 3]
    for i in range(n, a.shape[0]):
        s0 += a[i] * b[i]
    return (s0 + s1) + (s2 + s3)


@njit(cache=True, nogil=True)
def _traced(row, begin, delay, keep_u, keep_v, spikes, dead_steps, place, out):  # type: ignore[no-untyped-def]
    """What a synapse of weight one adds to the potential in the steps that have a place, of one sample."""
    u, v, dead, t0 = 0.0, 0.0, 0, begin + delay
    for t in range(max(t0 - dead_steps, 0), t0):  # a dead time may reach into what follows
        dead = dead_steps if spikes[t] else max(dead - 1, 0)
    for t in range(t0, spikes.shape[0]):
        u = u * keep_u + row[t - delay]
        v = v * keep_v + u
        if dead > 0:
            v = 0.0
            dead -= 1
        p = place[t]
        if p >= 0:
            out[p] = v
        if spikes[t]:
            v, dead = 0.0, dead_steps


@njit(cache=True, nogil=True)
def _smallest(a, rank):  # type: ignore[no-untyped-def]
    """The value of a rank, of numbers that are moved about: Hoare's search. Sorting takes Numba seconds to compile."""
    low, high = 0, a.shape[0] - 1
    while low < high:
        pivot, i, j = a[(low + high) // 2], low, high
        while i <= j:
            while a[i] < pivot:
                i += 1
            while a[j] > pivot:
                j -= 1
            if i <= j:
                a[i], a[j] = a[j], a[i]
                i += 1
                j -= 1
        if rank <= j:
            high = j
        elif rank >= i:
            low = i
        else:
            break
    return a[rank]


@njit(cache=True, nogil=True)
def steps_to_look_at(v, threshold, near, points):  # type: ignore[no-untyped-def]
    """Indices of at most ``points`` potentials that are no NaN, in their order: the nearest to the threshold (the
    earlier of equal ones), or evenly spread."""
    alive, number = np.empty(v.shape[0], np.int64), 0
    for t in range(v.shape[0]):
        if not np.isnan(v[t]):
            alive[number] = t
            number += 1
    if number <= points:
        return alive[:number]
    found = np.empty(points, np.int64)
    if not near:
        for p in range(points):
            found[p] = alive[p * number // points]
        return found
    away = np.empty(number)
    for k in range(number):
        away[k] = abs(v[alive[k]] - threshold)
    bound, ties, taken = _smallest(away.copy(), points - 1), points, 0
    for k in range(number):
        if away[k] < bound:
            ties -= 1
    for k in range(number):
        if away[k] < bound or (away[k] == bound and ties > 0):
            if away[k] == bound:
                ties -= 1
            found[taken] = alive[k]
            taken += 1
    return found


@njit(cache=True, nogil=True)
def adjust_neurons(  # type: ignore[no-untyped-def]
    first, last, start, source, delay, exact, held, unit, low, high, given, begin, spikes,
    keep_u, keep_v, bias, u0, v0, threshold, chip_keep_u, chip_keep_v, chip_bias, chip_u0, chip_v0, chip_threshold,
    dead_steps, near, points, ridge, sweeps,
):  # fmt: skip
    """Adjust ``held`` (stored weights in steps, float64 [k]) of neurons ``first`` to ``last - 1`` in place.

    Synapses of neuron j are ``start[j]:start[j + 1]``: ``source`` a row of ``given``, ``delay`` steps from a spike to
    its arrival, ``exact`` the exact weight as a register value, ``unit`` that of a step, ``low``, ``high`` its range.
    ``given`` float32 [B, sources, T]: spikes that come in; ``begin`` int64 [B, sources]: the first step with any, or T.
    ``spikes`` uint8 [B, n, T] are the engine's. Registers are [n], exact and as the chip has them; ``dead_steps`` is
    int64. ``near``: whether steps near the threshold count, else all alike; ``points``: how many steps a neuron is
    looked at; ``ridge``: what moving away from the exact weight costs.
    """
    samples, steps = given.shape[0], given.shape[2]
    q, v = np.zeros(steps), np.zeros((samples, steps))
    for j in range(first, last):
        k0, k1 = start[j], start[j + 1]
        if k1 == k0:
            continue
        # 1. the exact potential, and the steps to look at
        for b in range(samples):
            q[:] = 0.0
            for k in range(k0, k1):
                row, d, w = given[b, source[k]], delay[k], exact[k]
                for t in range(begin[b, source[k]], steps - d):
                    q[t + d] += w * row[t]
            _decided(q, keep_u[j], keep_v[j], bias[j], u0[j], v0[j], spikes[b, j], dead_steps[j], v[b])
        flat = v.reshape(-1)
        alive = steps_to_look_at(flat, threshold[j], near, points)
        number = alive.shape[0]
        if number == 0:
            continue
        place = np.full(samples * steps, np.int64(-1))
        for p in range(number):
            place[alive[p]] = p
        # 2. traces of all synapses in these steps, and the error of the potential
        trace, out, error = np.zeros((k1 - k0, number)), np.zeros(steps), np.zeros(number)
        for b in range(samples):
            q[:] = 0.0
            _decided(
                q, chip_keep_u[j], chip_keep_v[j], chip_bias[j], chip_u0[j], chip_v0[j], spikes[b, j],
                dead_steps[j], out,
            )  # fmt: skip
            for t in range(steps):
                p = place[b * steps + t]
                if p >= 0:
                    error[p] = out[t] - flat[b * steps + t] - (chip_threshold[j] - threshold[j])
            for k in range(k0, k1):
                if begin[b, source[k]] < steps:
                    _traced(
                        given[b, source[k]], begin[b, source[k]], delay[k], chip_keep_u[j], chip_keep_v[j],
                        spikes[b, j], dead_steps[j], place[b * steps : (b + 1) * steps], trace[k - k0],
                    )  # fmt: skip
        power = np.zeros(k1 - k0)
        for k in range(k1 - k0):
            error += held[k0 + k] * unit[k0 + k] * trace[k]
            power[k] = _dot(trace[k], trace[k])
        cost = ridge * power.mean() * (k1 - k0) / number
        # 3. move weights to their other neighbour
        for _ in range(sweeps):
            moved = 0
            for k in range(k1 - k0):
                off = held[k0 + k] - exact[k0 + k] / unit[k0 + k]
                if abs(off) < 1e-3 or power[k] == 0.0:
                    continue
                step = -1.0 if off > 0 else 1.0
                new = held[k0 + k] + step
                if new < low[k0 + k] or new > high[k0 + k] or abs(off + step) >= 1.0:
                    continue
                a = step * unit[k0 + k]
                gain = 2 * a * _dot(trace[k], error) + a * a * power[k]
                gain += cost * unit[k0 + k] ** 2 * ((off + step) ** 2 - off**2)
                if gain < 0:
                    error += a * trace[k]
                    held[k0 + k] = new
                    moved += 1
            if moved == 0:
                break
