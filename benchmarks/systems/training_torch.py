"""Training steps of the libraries on PyTorch, and of plain PyTorch loops over time, compiled or not.

All reset to zero in the step of the spike and keep the gradient out of the reset where they can. The loops go over
time outside and layers inside, which is faster than the other way round on a processor, as a step stays in its cache.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

from benchmarks.case import Case
from benchmarks.systems.step import Layers, StepRunner, load
from benchmarks.systems.surrogate import spike_function

__all__ = ["build"]


def build(case: Case, options: Mapping[str, Any]) -> StepRunner:
    """The network of ``options["implementation"]``."""
    import torch

    torch.set_num_threads(options["threads"])
    torch.manual_seed(0)
    arrays = load(case)
    net = _NETWORKS[options["implementation"]](torch, case, arrays)
    return StepRunner(torch, case, net, arrays)


class _Linears(Layers):
    """Weights without biases, one matrix a layer, and one a recurrent layer."""

    scale = 1.0
    """Of the weights, where the library scales its input."""

    def __init__(self, torch: Any, case: Case, arrays: dict[str, Any]) -> None:
        super().__init__(torch, case, arrays)
        self.version = torch.__version__
        device = case.parameters["device"]
        self.decay, self.threshold = case.parameters["decay"], case.parameters["threshold"]
        self.sizes = case.parameters["sizes"]

        def matrix(name: str) -> Any:
            return torch.nn.Parameter((torch.from_numpy(arrays[name]) * self.scale).to(device))

        count = len(self.sizes) - 1
        self.forwards = [matrix(f"weight{k}") for k in range(count)]
        self.backs = [matrix(f"recurrent{k}") if f"recurrent{k}" in arrays else None for k in range(count)]
        self.weights = [*self.forwards, *(w for w in self.backs if w is not None)]
        if case.parameters["delays"]:
            self.differs = "no delays"

    def forward(self, x: Any) -> Any:
        counts = 0
        states = self.begin(x)
        for t in range(len(x)):
            spikes, states = self.step(x[t], states)
            counts = counts + spikes[-1]
        return counts

    def spikes(self, x: Any) -> list[Any]:
        states: Any = self.begin(x)
        total: Any = 0
        for t in range(len(x)):
            spikes, states = self.step(x[t], states)
            total = total + self.torch.stack([s.sum(dtype=self.torch.float64) for s in spikes])
        return [*total]

    def begin(self, x: Any) -> list[Any]:
        """State of every layer before the first step."""
        return [x.new_zeros(x.shape[1], n) for n in self.sizes[1:]]

    def step(self, h: Any, states: list[Any]) -> tuple[list[Any], list[Any]]:
        """One time step: spikes and states of every layer."""
        raise NotImplementedError


class _Loop(_Linears):
    """Plain PyTorch."""

    def __init__(self, torch: Any, case: Case, arrays: dict[str, Any]) -> None:
        super().__init__(torch, case, arrays)
        spike = spike_function(torch, case.parameters["surrogate"])

        def cell(arriving: Any, v: Any) -> tuple[Any, Any]:
            v = self.decay * v + arriving
            s = spike(v - self.threshold)
            return s, v * (1.0 - s.detach())

        self.cell: Callable[..., tuple[Any, Any]] = self.prepared(cell)

    def prepared(self, cell: Callable[..., Any]) -> Callable[..., Any]:
        """The cell as it is called."""
        return cell

    def begin(self, x: Any) -> list[Any]:
        silent = [None if w is None else x.new_zeros(x.shape[1], len(w)) for w in self.backs]
        return list(zip(super().begin(x), silent, strict=True))

    def step(self, h: Any, states: list[Any]) -> tuple[list[Any], list[Any]]:
        linear = self.torch.nn.functional.linear
        spikes, after = [], []
        for weight, back, (v, last) in zip(self.forwards, self.backs, states, strict=True):
            arriving = linear(h, weight)
            if back is not None:
                arriving = arriving + linear(last, back)
            h, v = self.cell(arriving, v)
            spikes.append(h)
            after.append((v, None if back is None else h))
        return spikes, after


class _Compiled(_Loop):
    """The neurons' update compiled; a loop of 100 steps in one graph takes minutes to compile and is no faster."""

    def prepared(self, cell: Callable[..., Any]) -> Callable[..., Any]:
        compiled: Callable[..., Any] = self.torch.compile(cell, dynamic=False)
        return compiled


class _SnnTorch(_Linears):
    """`Leaky`; recurrent layers are `RLeaky` without its bias, whose reset to zero is only ours without its delay."""

    def __init__(self, torch: Any, case: Case, arrays: dict[str, Any]) -> None:
        import snntorch

        super().__init__(torch, case, arrays)
        self.version = snntorch.__version__
        common = {"beta": self.decay, "threshold": self.threshold, "reset_mechanism": "zero"}
        if case.parameters["surrogate"] != "arctan":
            common["spike_grad"] = spike_function(torch, case.parameters["surrogate"])
        self.cells = []
        for back in self.backs:
            if back is None:
                self.cells.append(snntorch.Leaky(**common))
            else:
                cell = snntorch.RLeaky(**common, linear_features=len(back), reset_delay=False)
                cell.recurrent = torch.nn.Linear(len(back), len(back), bias=False)
                cell.recurrent.weight = back
                self.cells.append(cell)
        for cell in self.cells:
            cell.to(case.parameters["device"])

    def begin(self, x: Any) -> list[Any]:
        zeros = super().begin(x)
        return [(v,) if back is None else (v, v) for v, back in zip(zeros, self.backs, strict=True)]

    def step(self, h: Any, states: list[Any]) -> tuple[list[Any], list[Any]]:
        spikes, after = [], []
        for weight, cell, state in zip(self.forwards, self.cells, states, strict=True):
            h, v = cell(self.torch.nn.functional.linear(h, weight), *state)
            spikes.append(h)
            after.append((v,) if len(state) == 1 else (h, v))
        return spikes, after


class _SpikingJelly(_Linears):
    """`LIFNode` over all steps of a layer at once; on a GPU the library picks its own kernel, which the note names."""

    def __init__(self, torch: Any, case: Case, arrays: dict[str, Any]) -> None:
        from spikingjelly.activation_based import functional, neuron, surrogate

        super().__init__(torch, case, arrays)
        self.version = metadata.version("spikingjelly")
        triangle = case.parameters["surrogate"] == "triangle"
        self.functional = functional
        self.cells = torch.nn.ModuleList(
            [
                neuron.LIFNode(
                    tau=1.0 / (1.0 - self.decay),
                    decay_input=False,
                    v_threshold=self.threshold,
                    v_reset=0.0,
                    detach_reset=True,
                    surrogate_function=surrogate.PiecewiseQuadratic(1.0) if triangle else surrogate.ATan(2.0),
                    step_mode="m",
                )
                for _ in self.forwards
            ]
        )
        if case.parameters["device"] == "cuda":
            self.note = self._kernel()

    def _kernel(self) -> str:
        try:
            found = self.functional.neuron_implementation("lif", self.torch.device("cuda"))
        except Exception as error:  # an older version: it has to be told
            for backend in ("triton", "cupy"):
                try:
                    self.functional.set_backend(self.cells, backend)
                    return f"kernel: {backend}"
                except Exception:
                    continue
            return f"kernel: unknown ({type(error).__name__})"
        return f"kernel: {found.get('implementation')}"

    def layers(self, x: Any) -> list[Any]:
        """Spikes ``[T, B, n]`` of every layer."""
        self.functional.reset_net(self.cells)
        spikes = []
        for weight, cell in zip(self.forwards, self.cells, strict=True):
            x = cell(self.torch.nn.functional.linear(x, weight))
            spikes.append(x)
        return spikes

    def forward(self, x: Any) -> Any:
        return self.layers(x)[-1].sum(0)

    def spikes(self, x: Any) -> list[Any]:
        return [s.sum(dtype=self.torch.float64) for s in self.layers(x)]


class _Norse(_Linears):
    """`LIFBoxCell`, which scales its input by 1 - decay; with the surrogate SuperSpike, as it has no arctangent."""

    def __init__(self, torch: Any, case: Case, arrays: dict[str, Any]) -> None:
        from norse.torch.functional.lif_box import LIFBoxParameters
        from norse.torch.module.lif_box import LIFBoxCell

        self.scale = 1.0 / (1.0 - case.parameters["decay"])
        super().__init__(torch, case, arrays)
        self.version = metadata.version("norse")
        self.note = "surrogate: SuperSpike"
        parameters = LIFBoxParameters(
            tau_mem_inv=torch.tensor((1.0 - self.decay) / case.dt),
            v_th=torch.tensor(self.threshold),
            method="super",
        )
        self.cells = [LIFBoxCell(parameters, dt=case.dt) for _ in self.forwards]

    def begin(self, x: Any) -> list[Any]:
        return [None for _ in self.cells]

    def step(self, h: Any, states: list[Any]) -> tuple[list[Any], list[Any]]:
        spikes, after = [], []
        for weight, cell, state in zip(self.forwards, self.cells, states, strict=True):
            h, state = cell(self.torch.nn.functional.linear(h, weight), state)
            spikes.append(h)
            after.append(state)
        return spikes, after


_NETWORKS: dict[str, type[_Linears]] = {
    "loop": _Loop,
    "compile": _Compiled,
    "snntorch": _SnnTorch,
    "spikingjelly": _SpikingJelly,
    "norse": _Norse,
}
