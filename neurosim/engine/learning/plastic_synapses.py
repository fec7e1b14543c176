"""Plastic synapses at work: their arrays, and the ops that the compiled loop calls for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.connectivity.synapse_rows import SynapseRows
from neurosim.engine.learning.columns import PlasticColumns, columns_of
from neurosim.engine.learning.kernel import numbers_of, rule_ops, trace_op
from neurosim.engine.learning.state import load_plastic, save_plastic
from neurosim.engine.learning.upkeep import UpkeepTimes
from neurosim.engine.learning.walk import NEVER, TABLE, arrive_op, finish_op, learn_op, note_op
from neurosim.engine.ops.driver import BLOCK
from neurosim.engine.ops.spike_list import SpikeList
from neurosim.engine.plan import Plan, PlanProjection
from neurosim.errors import DescriptionError
from neurosim.plasticity.options import DelaySite, Delivered, WeightUpdate

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
        rows, columns: the synapses from both sides; rewiring replaces them.
        arrays: everything the ops work on, by the names of `TABLE`.
        sizes: numbers in the same table.

    Raises:
        DescriptionError: a delay of no step where delays are dendritic; upkeep that does not fit.
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
        self.projection, self.rule, self.edges = p, p.plasticity, edges
        self.real, self.step = np.dtype(real), first
        self.dendritic = self.rule.delay_site is DelaySite.DENDRITIC
        self.deferred = self.rule.weight_update is WeightUpdate.AT_PRESYNAPTIC
        self.min_delay, self.max_delay = p.min_delay, p.max_delay
        self.rows: SynapseRows = p.rows
        self._source, self._target, self._last = source, target, first + steps
        self._tables: list[tuple[int, NDArray[np.int64]]] = []
        if self.dendritic and p.n_synapses and p.min_delay < 1:
            raise DescriptionError(
                "a dendritic delay takes at least one step",
                where=f"projection {p.name!r}",
                value=p.min_delay * plan.dt,
                limit=f">= {plan.dt:g} s",
            )
        self.columns: PlasticColumns = columns_of(self.rows, self.min_delay, self.max_delay)
        self._ops = rule_ops(self.rule, plan.dt, real, self.rows.word.dtype, self.columns.word.dtype)
        self.sizes = self._new_sizes(len(samples), first, 0 if modulation is None else len(modulation))
        self.arrays = self._new_arrays(plan.dt)
        self.arrays["arrivals"] = arrivals
        self.arrays["modulation"] = np.zeros(0) if modulation is None else np.ascontiguousarray(modulation)
        weight = np.empty((len(samples), p.n_synapses), real)
        weight[:] = np.clip(self.rows.weight.astype(np.float64), self.rule.w_min, self.rule.w_max)
        self.set_synapses(self.rows, weight, None, None)
        self._upkeep = UpkeepTimes(self, plan, samples, seed)
        if carried is not None:
            load_plastic(self, carried, first)
            self._upkeep.load(carried)

    def _new_sizes(self, samples: int, first: int, modulated: int) -> dict[str, int]:
        p, rule = self.projection, self.rule
        ring = self.rows.target_bits > 0
        kept = BLOCK + self.max_delay + 2  # steps whose spikes are kept: some are noted a block ahead
        rows_of_traces = self.max_delay - self.min_delay + 2 if ring else 1
        return dict(
            parts=len(self.edges) - 1, n_pre=p.n_pre, n_post=p.n_post,
            min_delay=self.min_delay, max_delay=self.max_delay, target_bits=self.rows.target_bits,
            pre_bits=self.columns.pre_bits, ring=int(ring),
            dendritic=int(self.dendritic), same_step=int(rule.same_step),
            after=int(rule.delivered is Delivered.AFTER), deferred=int(self.deferred),
            word_size=self.rows.word.itemsize, column_size=self.columns.word.itemsize,
            x_slots=1 if self.dendritic else rows_of_traces, y_slots=rows_of_traces if self.dendritic else 1,
            pre_slots=kept, post_slots=kept if self.dendritic else 2, cursor_slots=kept if ring else 1,
            cursor_width=(p.n_post if self.dendritic else p.n_pre) if ring else 1,
            out_slots=self.max_delay + 1 if self.dendritic else 1, first=first, samples=samples, steps=modulated,
            **{name: getattr(self._ops, name).address for name in ("pre", "post", "synapses")},
            traces=trace_op(self.real), n_x=len(rule.PRE_TRACES), n_y=len(rule.POST_TRACES),
        )  # fmt: skip

    def _new_arrays(self, dt: float) -> dict[str, NDArray[Any]]:
        p, rule, n = self.projection, self.rule, self.sizes
        samples, decays = n["samples"], rule.decays(dt)
        lanes = samples * n["parts"]
        cursors = (lanes, n["cursor_slots"], n["cursor_width"])
        numbers = numbers_of(rule, dt, self.real)
        self.sizes["n_numbers"] = len(numbers)
        # np.zeros takes no memory for what is never written: most of the room for spikes
        return {
            "x": np.zeros((samples, n["parts"], len(rule.PRE_TRACES), n["x_slots"], p.n_pre), self.real),
            "y": np.zeros((samples, len(rule.POST_TRACES), n["y_slots"], p.n_post), self.real),
            "pre_n": np.zeros((lanes, n["pre_slots"]), np.int64),
            "pre_i": np.zeros((lanes, n["pre_slots"], p.n_pre), np.int32),
            "pre_c": np.zeros((lanes, n["pre_slots"], p.n_pre), np.int32),
            "post_n": np.zeros((lanes, n["post_slots"]), np.int64),
            "post_i": np.zeros((lanes, n["post_slots"], p.n_post), np.int32),
            "post_c": np.zeros((lanes, n["post_slots"], p.n_post), np.int32),
            "cursor": np.zeros(cursors, np.int64),
            "due": np.zeros(cursors, np.int64),
            "next_due": np.full(cursors[:2], NEVER, np.int64),
            "numbers": numbers,
            "scale64": np.ones((lanes, len(rule.SYNAPSE))),
            "state_decay": np.array([decays[name] for name in rule.SYNAPSE]),
            "clock": np.full(lanes, n["first"], np.int64),
            "out": np.zeros((samples, n["out_slots"], p.n_post), self.real),
            "modulator": np.array([rule.MODULATOR]),
            "tally": np.zeros((samples, p.n_post), np.int64),
            "argument": np.zeros((lanes, 16), np.int64),
        }

    def set_synapses(
        self, rows: SynapseRows, weight: NDArray[Any], held: NDArray[Any] | None, states: NDArray[Any] | None
    ) -> None:
        """Put other synapses in place, in the same layout.

        Args:
            weight: [S, n_syn]; held: the same as last read, where updates are deferred; states: [S, states, n_syn].
        """
        self.rows = rows
        self.columns = columns = columns_of(rows, self.min_delay, self.max_delay)
        samples, n = weight.shape
        if states is None:
            states = np.zeros((samples, len(self.rule.SYNAPSE), n), self.real)
        if held is None:
            held = weight.copy() if self.deferred else np.zeros((samples, 0), self.real)
        self.arrays |= {
            "row_start": rows.row_start,
            "word": rows.word,
            "column_start": columns.start,
            "synapse": columns.synapse,
            "column_word": columns.word,
            "weight": np.ascontiguousarray(weight, self.real),
            "held": np.ascontiguousarray(held, self.real),
            "states": np.ascontiguousarray(states, self.real),
        }
        self.sizes |= {
            "n_synapses": n,
            "n_columns": len(columns.synapse),
            "distinct": int(columns.distinct),
            "dense": int(columns.dense),
        }
        for part, table in self._tables:
            table[7:] = self._entries(part)

    @property
    def weight(self) -> NDArray[Any]:
        """Weights as they are read, [S, n_syn]."""
        return self.arrays["held" if self.deferred else "weight"]

    @property
    def bytes_per_synapse(self) -> float:
        """Bytes of everything that is as long as the synapses, in one sample."""
        shared = sum(self.arrays[name].nbytes for name in ("word", "synapse", "column_word"))
        own = sum(self.arrays[name].nbytes for name in ("weight", "held", "states"))
        return float(shared + own / self.sizes["samples"]) / max(self.rows.n_synapses, 1)

    def _entries(self, part: int) -> list[int]:
        """The table from its eighth entry on."""
        here = {"low": int(self.edges[part]), "high": int(self.edges[part + 1]), "part": part, **self.sizes}
        arrays = self.arrays
        return [
            here[name] if name in here else arrays[name].ctypes.data if arrays[name].size else 0
            for name in TABLE[7:]
        ]

    def _table(self, part: int, spikes: SpikeList) -> NDArray[np.int64]:
        table = np.array([*spikes.entries(), *self._entries(part)], np.int64)
        self._tables.append((part, table))
        return table

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
        return self._upkeep.following(step)

    def upkeep(self, step: int) -> None:
        """Do what is due now that the steps before ``step`` are done."""
        if self._upkeep.due(step):
            self.finish(step)
            self._upkeep.act(step)

    def finish(self, step: int) -> None:
        """Do what dendritic delays leave of the steps before ``step``, so that weights can be read."""
        self.step = step
        if self.dendritic:
            for part in range(self.sizes["parts"]):
                table = np.array([*self._target.entries(), *self._entries(part)], np.int64)
                for sample in range(self.sizes["samples"]):
                    finish_op.ctypes(table.ctypes.data, sample, 0, 0, step, 0)

    def state(self, step: int | None = None) -> dict[str, NDArray[Any]]:
        """What the next run needs, and ``weight`` [S, n_syn] as it is read. ``step``: where the run was cut."""
        self.finish(self._last if step is None else step)
        return save_plastic(self) | self._upkeep.state()
