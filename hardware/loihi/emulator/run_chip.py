"""The run of a chip: spikes to axons, axons to lists of synapses, synapses to accumulators, accumulators to neurons."""

from __future__ import annotations

from numba import njit

from neurosim.hardware.loihi.numerics.lif import step

__all__ = ["run_sample"]


@njit(cache=True, nogil=True)
def _send(start, stop, base, count, time, ring, target, weight, delay):  # type: ignore[no-untyped-def]
    last = ring.shape[0] - 1
    for k in range(start, stop):
        ring[(time + 1 + delay[k]) & last, base + target[k]] += count * weight[k]


@njit(cache=True, nogil=True)
def run_sample(  # type: ignore[no-untyped-def]
    steps, ring, u, v, dead, spike,
    keep_u, keep_v, bias, threshold, refractory, v_min, v_max, accumulator_bits, current_rule, bias_bits,
    axon_start, send_start, send_stop, send_base, target, weight, delay,
    input_start, input_source, input_count, host_start, host_send_start, host_send_stop, host_send_base,
    watch, spikes, watched_u, watched_v, watched_dead, rows, count,
):  # fmt: skip
    """Run one sample, N compartments of all cores counted through.

    Everything is int64, but ``target``, ``weight`` and ``delay`` int32 and ``spikes`` uint8.

    State: ``ring`` [slots, N] accumulators, a power of two of slots; ``u``, ``v``, ``dead``, ``spike`` [N].
    Compartments: registers [N] and overflow rules as in `neurosim.hardware.loihi.numerics.lif.step`.
    Connections: compartment c has the axons axon_start[c] to axon_start[c + 1]; axon a leads to the synapses
    send_start[a] to send_stop[a] with ``target`` (from send_base[a] on), ``weight`` (in units of the state), ``delay``.
    Host: in step t the sources ``input_source[input_start[t]:input_start[t + 1]]`` spike ``input_count`` times;
    source i has the axons host_start[i] to host_start[i + 1].
    Output: ``spikes`` [T, N]; ``watched_*`` [T, W] of the compartments ``watch``; overflows as in `step`.
    """
    last = ring.shape[0] - 1
    for t in range(steps):
        arrivals = ring[t & last]
        step(
            t, arrivals, u, v, dead, spike, keep_u, keep_v, bias, threshold, refractory, v_min, v_max,
            accumulator_bits, current_rule, bias_bits, rows, count,
        )  # fmt: skip
        arrivals[:] = 0
        for c in range(spike.shape[0]):
            if spike[c]:
                spikes[t, c] = 1
                for a in range(axon_start[c], axon_start[c + 1]):
                    _send(send_start[a], send_stop[a], send_base[a], 1, t, ring, target, weight, delay)
        for e in range(input_start[t], input_start[t + 1]):
            source = input_source[e]
            for a in range(host_start[source], host_start[source + 1]):
                _send(
                    host_send_start[a], host_send_stop[a], host_send_base[a], input_count[e], t, ring, target,
                    weight, delay,
                )  # fmt: skip
        for k in range(watch.shape[0]):
            c = watch[k]
            watched_u[t, k], watched_v[t, k], watched_dead[t, k] = u[c], v[c], dead[c]
