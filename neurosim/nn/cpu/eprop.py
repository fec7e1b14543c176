"""Eligibility traces of single synapses."""

from __future__ import annotations

from typing import Any

from numba import njit

__all__ = ["accumulate"]


@njit(cache=True, nogil=True)
def accumulate(
    first: int, last: int, pseudo: Any, trace: Any, signal: Any, decay_out: float, decay_theta: Any, jump: Any,
    adaptive: bool, slow: Any, filtered: Any, grad: Any,
) -> None:  # fmt: skip
    """One step of the postsynaptic neurons first to last.

    With the trace q of the input i, the surrogate derivative psi of the neuron j and its learning signal L::

        e_ji <- psi_j (q_i - slow_ji) ; slow_ji <- c_j (slow_ji + jump_j e_ji)
        filtered_ji <- decay_out filtered_ji + e_ji ; grad_ji += sum over samples of L_j filtered_ji

    pseudo, signal [B, n]; trace [B, m]; slow (if ``adaptive``: the threshold's part), filtered [B, n, m]; grad [n, m].
    """
    for b in range(pseudo.shape[0]):
        q = trace[b]
        for j in range(first, last):
            psi, learn = pseudo[b, j], signal[b, j]
            low, out = filtered[b, j], grad[j]
            if adaptive:
                theta, c, rise = slow[b, j], decay_theta[j], jump[j]
                for i in range(q.size):
                    e = psi * (q[i] - theta[i])
                    theta[i] = c * (theta[i] + rise * e)
                    low[i] = decay_out * low[i] + e
                    out[i] += learn * low[i]
            else:
                for i in range(q.size):
                    low[i] = decay_out * low[i] + psi * q[i]
                    out[i] += learn * low[i]
