"""Plastic synapses at work: their arrays, and the ops that the compiled loop calls for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.driver import BLOCK
from neurosim.engine.plan import Plan, PlanProjection
from neurosim.engine.plastic_columns import columns_of
from neurosim.engine.plasticity_kernel import numbers_of, rule_ops
from neurosim.engine.plasticity_walk import NEVER, TABLE, arrive_op, finish_op, learn_op, note_op
from neurosim.engine.spike_list import SpikeList
from neurosim.errors import DescriptionError, ShapeError
from neurosim.plasticity.options import DelaySite, Delivered, WeightUpdate
from neurosim.plasticity.rule import PlasticityRule

__all__ = ["PlasticSynapses"]




class PlasticSynapses:
    """A plastic projection in some samples.

    Args:
        samples: which samples of the run these are.
        first, steps: first step (of the network's life) and number of steps of the run.
        real: float32 or float64, of weights and traces.
        edges: the postsynaptic neurons of each part, int64 [parts + 1].
        source, target: spikes of both sides.
        arrivals: [S, n_post], where the arrivals of a step are put.
        modulation: third factor, [T, S], or None.
        carried: what `state` of an earlier run gave.
        seed: of the run.

    Attributes:
        weight: [S, n_syn].

    Raises:
        DescriptionError: a delay of no step where delays are dendritic.
        ShapeError: ``carried`` belongs to another projection.
    """

    def __init__(
        self,
        p: PlanProjection,
        plan: Plan,
        samples: range,
        first: int,
        steps: int,
        real: Any,
        edges: NDArray[np.int64],
        *,
        source: SpikeList,
        target: SpikeList,
        arrivals: NDArray[Any],
        modulation: NDArray[np.float64] | None,
        carried: Mapping[str, NDArray[Any]] | None,
        seed: int,
    ) -> None:
        assert p.plasticity is not None, "a static projection is not plastic"
        rule = self._rule = p.plasticity
        self._projection, self._dt, self._edges = p, plan.dt, edges
        self._first, self._last = first, first + steps
        self._source, self._target = source, target
        rows, n = p.rows, p.n_synapses
        dendritic = rule.delay_site is DelaySite.DENDRITIC
        if dendritic and p.min_delay < 1:
            raise DescriptionError(
                "a dendritic delay takes at least one step",
                where=f"projection {p.name!r}",
                value=p.min_delay * plan.dt,
                limit=f">= {plan.dt:g} s",
            )
        self._columns = columns = columns_of(rows, p.min_delay, p.max_delay)
        n_samples, parts = len(samples), len(edges) - 1
        ring = rows.target_bits > 0
        span = p.max_delay - p.min_delay
        kept = BLOCK + p.max_delay + 2  # steps whose spikes are remembered
        nx, ny, ns = len(rule.PRE_TRACES), len(rule.POST_TRACES), len(rule.SYNAPSE)
        x_slots, y_slots = (span + 2 if ring and not dendritic else 1), (span + 2 if ring and dendritic else 1)
        post_slots = kept if dendritic else 2
        width = (p.n_post if dendritic else p.n_pre) if ring else 1
        cursor_slots = kept if ring else 1
        lanes = n_samples * parts
        weight = np.clip(p.weight.astype(np.float64), rule.w_min, rule.w_max).astype(real)
        self.weight = np.repeat(weight[None], n_samples, axis=0)
        deferred = rule.weight_update is WeightUpdate.AT_PRESYNAPTIC
        decays = rule.decays(plan.dt)
        # np.zeros: memory that is never written is never taken
        self._arrays = {
            "row_start": rows.row_start,
            "word": rows.word,
            "column_start": columns.start,
            "synapse": columns.synapse,
            "column_word": columns.word,
            "weight": self.weight,
            "held": self.weight.copy() if deferred else np.zeros((n_samples, 0), real),
            "states": np.zeros((n_samples, ns, n), real),
            "x": np.zeros((n_samples, parts, nx, x_slots, p.n_pre), real),
            "y": np.zeros((n_samples, ny, y_slots, p.n_post), real),
            "pre_n": np.zeros((lanes, kept), np.int64),
            "pre_i": np.zeros((lanes, kept, p.n_pre), np.int32),
            "pre_c": np.zeros((lanes, kept, p.n_pre), np.int32),
            "post_n": np.zeros((lanes, post_slots), np.int64),
            "post_i": np.zeros((lanes, post_slots, p.n_post), np.int32),
            "post_c": np.zeros((lanes, post_slots, p.n_post), np.int32),
            "cursor": np.zeros((lanes, cursor_slots, width), np.int64),
            "due": np.zeros((lanes, cursor_slots, width), np.int64),
            "next_due": np.full((lanes, cursor_slots), NEVER, np.int64),
            "numbers": numbers_of(rule, plan.dt, real),
            "scale64": np.ones((lanes, ns)),
            "state_decay": np.array([decays[name] for name in rule.SYNAPSE]),
            "clock": np.full(lanes, first, np.int64),
            "out": np.zeros((n_samples, p.max_delay + 1 if dendritic else 1, p.n_post), real),
            "modulation": np.zeros((0, 0)) if modulation is None else np.ascontiguousarray(modulation),
            "modulator": np.array([rule.MODULATOR]),
            "arrivals": arrivals,
            "argument": np.zeros((lanes, 16), np.int64),
        }
        self._ops = rule_ops(rule, plan.dt, real, rows.word.dtype, columns.word.dtype)
        self._sizes = dict(
            parts=parts, n_pre=p.n_pre, n_post=p.n_post, n_synapses=n, n_columns=len(columns.synapse),
            min_delay=p.min_delay, max_delay=p.max_delay, target_bits=rows.target_bits, pre_bits=columns.pre_bits,
            ring=int(ring), distinct=int(columns.distinct), dense=int(columns.dense), dendritic=int(dendritic),
            same_step=int(rule.same_step), after=int(rule.delivered is Delivered.AFTER), deferred=int(deferred),
            word_size=rows.word.itemsize, column_size=columns.word.itemsize, x_slots=x_slots, y_slots=y_slots,
            pre_slots=kept, post_slots=post_slots, cursor_slots=cursor_slots, cursor_width=width,
            n_numbers=len(self._arrays["numbers"]), out_slots=self._arrays["out"].shape[1], first=first,
            samples=n_samples, steps=0 if modulation is None else len(modulation),
            **{name: getattr(self._ops, name).address for name in ("pre", "post", "traces", "synapses")},
        )  # fmt: skip
        if carried is not None:
            self._restore(carried)

    @property
    def nbytes_per_synapse(self) -> float:
        """Bytes of all that is as long as the synapses, in one sample."""
        arrays = (self._arrays[name] for name in ("word", "synapse", "column_word"))
        own = sum(self._arrays[name].nbytes for name in ("weight", "held", "states")) / len(self.weight)
        return float(sum(a.nbytes for a in arrays) + own) / self._projection.n_synapses

    def _table(self, part: int, spikes: SpikeList) -> NDArray[np.int64]:
        here = {"low": int(self._edges[part]), "high": int(self._edges[part + 1]), "part": part, **self._sizes}
        entries = spikes.entries()
        for name in TABLE[7:]:
            array = self._arrays.get(name)
            entries.append(here[name] if array is None else array.ctypes.data if array.size else 0)
        return np.array(entries, np.int64)

    def note(self, part: int) -> tuple[int, NDArray[np.int64]]:
        """Op and table: keep what the source emits in a step."""
        return note_op.address, self._table(part, self._source)

    def arrive(self, part: int) -> tuple[int, NDArray[np.int64]]:
        """Op and table: put what arrives in a step into ``arrivals``, before the targets' update."""
        return arrive_op.address, self._table(part, self._source)

    def learn(self, part: int) -> tuple[int, NDArray[np.int64]]:
        """Op and table: change weights after the targets' update of a step."""
        return learn_op.address, self._table(part, self._target)

    def next_upkeep(self, step: int) -> int:
        """The next step, after ``step``, before which `upkeep` has something to do."""
        return NEVER

    def upkeep(self, step: int) -> None:
        """Do what is due at an interval, now that the steps before ``step`` are done."""
        self._finish(step)

    def _finish(self, step: int) -> None:
        for part in range(self._sizes["parts"]):
            table = self._table(part, self._target)
            for sample in range(len(self.weight)):
                low, high = int(self._edges[part]), int(self._edges[part + 1])
                finish_op.ctypes(table.ctypes.data, sample, low, high, step, 0)
