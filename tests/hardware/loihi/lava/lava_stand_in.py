"""The few processes of lava-nc that the scripts use: arguments checked strictly, steps in plain NumPy after the public
models. `installed` puts them where `import lava` finds them."""

from __future__ import annotations

import sys
import types
from contextlib import contextmanager
from enum import IntEnum

import numpy as np
from scipy.sparse import csr_matrix

M = 1 << 23


class SignMode(IntEnum):
    NULL = 0
    MIXED = 1
    EXCITATORY = 2
    INHIBITORY = 3


class Port:
    def __init__(self, owner, shape):
        self.owner, self.shape, self.peers = owner, shape, []

    def connect(self, other):
        assert self.shape == other.shape, "shapes of ports differ"
        self.peers.append(other)
        other.peers.append(self)


class Data:
    """A variable: its value once the processes ran."""

    def __init__(self, owner, name):
        self.owner, self.name = owner, name
        self.values = None

    def get(self):
        assert self.owner.runtime.running, "the runtime has stopped"
        return self.values


class Runtime:
    running = True

    def stop(self):
        assert self.running
        self.running = False


class Process:
    runtime = None

    def ports(self):
        return [port for port in vars(self).values() if isinstance(port, Port)]

    def network(self):
        found, open_ = [], [self]
        while open_:
            process = open_.pop()
            if process not in found:
                found.append(process)
                open_ += [peer.owner for port in process.ports() for peer in port.peers]
                open_ += getattr(process, "watchers", [])
        return found

    def run(self, *, condition, run_cfg):
        assert run_cfg.select_tag == "fixed_pt"
        assert self.runtime is None
        processes, runtime = self.network(), Runtime()
        for process in processes:
            assert process.runtime is None
            process.runtime = runtime
            process.start(condition.num_steps)
        connections = [p for p in processes if isinstance(p, Dense)]
        for t in range(1, condition.num_steps + 1):
            for p in connections:
                p.send()
            for p in processes:
                if isinstance(p, (Source, AbstractLIF)):
                    p.step(t)
            for p in connections:
                p.receive()
            for p in processes:
                if isinstance(p, Sink):
                    p.step(t)

    def start(self, steps):
        pass


class Source(Process):
    def __init__(self, *, data):
        assert data.ndim == 2
        assert data.dtype == np.int32
        self.data = data
        self.s_out = Port(self, data.shape[:-1])

    def step(self, t):
        self.s_out.value = self.data[..., (t - 1) % self.data.shape[-1]]


class Sink(Process):
    def __init__(self, *, shape, buffer):
        self.a_in, self.data = Port(self, shape), Data(self, "data")
        self.data.values = np.zeros((*shape, buffer))

    def step(self, t):
        self.data.values[..., (t - 1) % self.data.values.shape[-1]] = sum(p.value for p in self.a_in.peers)


class Monitor(Process):
    def probe(self, target, num_steps):
        self.target, self.steps = target, num_steps
        target.owner.watchers.append(self)

    def get_data(self):
        assert self.runtime.running
        return {"process": {self.target.name: self.target.owner.history[self.target.name].astype(float)}}


class AbstractLIF(Process):
    def __init__(self, *, shape, du, dv, u, v, bias_mant, bias_exp):
        (n,) = shape
        assert type(du) is int
        assert -1 <= du <= 4095
        assert type(dv) is int
        assert 0 <= dv <= 4096
        self.a_in, self.s_out = Port(self, shape), Port(self, shape)
        self.u, self.v, self.watchers = Data(self, "u"), Data(self, "v"), []
        self.du, self.dv = du, dv
        bounds = {"u": M, "v": M, "bias_mant": 4096, "bias_exp": 7}
        values = {"u": u, "v": v, "bias_mant": bias_mant, "bias_exp": bias_exp}
        for name, value in values.items():
            assert np.shape(value) in ((), shape)
            assert np.asarray(value).dtype.kind == "i"
            assert np.abs(value).max() <= bounds[name]
            values[name] = np.broadcast_to(value, n).astype(np.int64)
        self.state = {"u": values["u"], "v": values["v"]}
        assert values["bias_exp"].min() >= 0
        self.bias = values["bias_mant"] << values["bias_exp"]

    def start(self, steps):
        self.history = {name: np.zeros((steps, len(x)), np.int64) for name, x in self.state.items()}

    def reset(self, t):
        pass

    def step(self, t):
        self.reset(t)
        u = decayed(self.state["u"], 4095 - self.du) + (sum(p.value for p in self.a_in.peers) << 6)
        once = np.where(u > M, u - 2 * M, u)
        self.state["u"] = np.where(once <= -M, u + 2 * M, once)
        v = decayed(self.state["v"], 4096 - self.dv) + self.state["u"] + self.bias
        v = np.clip(v, -M + 1, M - 1)
        self.s_out.value = self.spikes(v)
        self.state["v"] = np.where(self.s_out.value != 0, 0, v)
        for name, values in self.state.items():
            self.history[name][t - 1] = values


def decayed(x, keep):
    return np.sign(x) * ((np.abs(x) * keep) >> 12)


class LIF(AbstractLIF):
    def __init__(self, *, vth, **others):
        super().__init__(**others)
        assert type(vth) is int
        assert 0 <= vth <= 131071
        self.vth = vth

    def spikes(self, v):
        return (v > self.vth << 6).astype(np.int64)


class LIFReset(LIF):
    def __init__(self, *, reset_interval, reset_offset, **others):
        super().__init__(**others)
        assert type(reset_interval) is int
        assert reset_interval > 0
        assert type(reset_offset) is int
        self.interval, self.offset = reset_interval, reset_offset % reset_interval

    def reset(self, t):
        if t % self.interval == self.offset:
            self.state = {name: 0 * x for name, x in self.state.items()}


class TernaryLIF(AbstractLIF):
    def __init__(self, *, vth_hi, vth_lo, **others):
        super().__init__(**others)
        assert type(vth_hi) is int
        assert type(vth_lo) is int
        assert vth_lo <= vth_hi
        self.vth_hi, self.vth_lo = vth_hi, vth_lo

    def spikes(self, v):
        return (v > self.vth_hi << 6).astype(np.int64) - (v < self.vth_lo << 6)


class Dense(Process):
    delayed = sparse = False

    def __init__(self, *, weights, weight_exp, num_weight_bits, sign_mode, num_message_bits=0, delays=None):
        assert isinstance(weights, csr_matrix if self.sparse else np.ndarray)
        assert type(weight_exp) is int
        assert -7 <= weight_exp <= 7
        assert type(num_weight_bits) is int
        assert 1 <= num_weight_bits <= 8
        assert isinstance(sign_mode, SignMode)
        assert sign_mode is not SignMode.NULL
        assert (delays is not None) == self.delayed
        w = weights.toarray() if self.sparse else weights
        assert w.dtype == int
        self.delays = np.zeros_like(w)
        if self.delayed:
            assert type(delays) is type(weights)
            assert delays.shape == w.shape
            assert delays.dtype == int
            self.delays = delays.toarray() if self.sparse else delays
            assert self.delays.min() >= 0
            assert self.delays.max() <= 63
        low, high = {SignMode.MIXED: (-256, 255), SignMode.INHIBITORY: (-255, 0)}.get(sign_mode, (0, 255))
        lost = 8 - num_weight_bits + (sign_mode is SignMode.MIXED)
        assert np.array_equal(w, np.clip(w, low, high)), "weights would be clipped"
        assert not np.any(w % (1 << lost)), "weights would be truncated"
        assert not np.any(w % (1 << max(0, -weight_exp))), "a sum would be rounded"
        self.w = w.astype(object) * 2**weight_exp if weight_exp < 0 else w << weight_exp
        self.w = self.w.astype(np.int64)
        self.graded = num_message_bits > 0
        self.s_in, self.a_out = Port(self, w.shape[1:]), Port(self, w.shape[:1])
        self.buffer = np.zeros((int(self.delays.max()) + 1, len(w)), np.int64)

    def send(self):
        self.a_out.value = self.buffer[0]

    def receive(self):
        (source,) = self.s_in.peers
        s = source.value if self.graded else source.value.astype(bool)
        self.buffer = np.roll(self.buffer, -1, axis=0)
        self.buffer[-1] = 0
        for d in range(len(self.buffer)):
            self.buffer[d] += np.where(self.delays == d, self.w, 0) @ s


class Sparse(Dense):
    sparse = True


class DelayDense(Dense):
    delayed = True


class DelaySparse(Dense):
    sparse = delayed = True


class RunSteps:
    def __init__(self, *, num_steps):
        self.num_steps = num_steps


class Loihi2SimCfg:
    def __init__(self, *, select_tag):
        self.select_tag = select_tag


MODULES = {
    "lava.magma.core.run_conditions": {"RunSteps": RunSteps},
    "lava.magma.core.run_configs": {"Loihi2SimCfg": Loihi2SimCfg},
    "lava.proc.dense.process": {"Dense": Dense, "DelayDense": DelayDense},
    "lava.proc.sparse.process": {"Sparse": Sparse, "DelaySparse": DelaySparse},
    "lava.proc.lif.process": {"LIF": LIF, "LIFReset": LIFReset, "TernaryLIF": TernaryLIF},
    "lava.proc.io.sink": {"RingBuffer": Sink},
    "lava.proc.io.source": {"RingBuffer": Source},
    "lava.proc.monitor.process": {"Monitor": Monitor},
    "lava.utils.weightutils": {"SignMode": SignMode},
}


@contextmanager
def installed():
    """`import lava...` finds the classes above."""
    before = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "lava"}
    try:
        for name, content in MODULES.items():
            parts = name.split(".")
            for i in range(1, len(parts) + 1):
                sys.modules.setdefault(".".join(parts[:i]), types.ModuleType(".".join(parts[:i])))
            vars(sys.modules[name]).update(content)
        yield
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "lava"]:
            del sys.modules[name]
        sys.modules.update(before)
