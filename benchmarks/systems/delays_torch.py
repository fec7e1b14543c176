"""Training steps with a learnable delay for every synapse in PyTorch: a kernel over time for each, and convolution.

``conv1d`` writes the kernel of linear interpolation, as ours has it; ``dcls`` is the DCLS package (Hammouamri,
Khalfaoui-Hassani and Masquelier, ICLR 2024) with its Gaussian kernel, of deviation 0.5, where its annealing ends.
Recurrent synapses cannot be a convolution: there every step multiplies the window of the last spikes with the kernel.
Neurons are those of SpikingJelly, as in the code of that paper, or a plain loop where it is not installed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

from benchmarks.case import Case
from benchmarks.systems.step import Layers, StepRunner, load
from benchmarks.systems.surrogate import spike_function

__all__ = ["build"]

DEVIATION = 0.5


def build(case: Case, options: Mapping[str, Any]) -> StepRunner:
    """The network of ``options["implementation"]``."""
    import torch

    torch.set_num_threads(options["threads"])
    arrays = load(case)
    kinds = {"conv1d": _Conv, "dcls": _Dcls}
    if case.kind.endswith("recurrent"):
        kinds = {"conv1d": _Recurrent}
    return StepRunner(torch, case, kinds[options["implementation"]](torch, case, arrays), arrays)


class _Conv(Layers):
    """Kernels of linear interpolation, and `torch.nn.functional.conv1d`."""

    def __init__(self, torch: Any, case: Case, arrays: dict[str, Any]) -> None:
        super().__init__(torch, case, arrays)
        self.version = torch.__version__
        p = case.parameters
        self.taps, self.count = int(p["delays"]), len(p["sizes"]) - 1
        self.place = torch.arange(self.taps - 1, -1, -1.0, device=p["device"])  # the last tap is no delay
        self.neurons = _neurons(torch, case)
        self.make(arrays)

    def make(self, arrays: dict[str, Any]) -> None:
        """Parameters of every layer."""
        self.weights = [self.parameter(arrays[f"weight{k}"]) for k in range(self.count)]
        self.delays = [self.parameter(arrays[f"delay{k}"]) for k in range(self.count)]

    def parameter(self, array: Any) -> Any:
        """A parameter on the device of the case."""
        return self.torch.nn.Parameter(self.torch.from_numpy(array.copy()).to(self.case.parameters["device"]))

    def layout(self, x: Any) -> Any:
        """Time last, as convolutions have it."""
        return x.permute(1, 2, 0).contiguous()

    def forward(self, x: Any) -> Any:
        return self.layers(x)[-1].sum(0)

    def spikes(self, x: Any) -> list[Any]:
        return [s.sum(dtype=self.torch.float64) for s in self.layers(x)]

    def constrain(self) -> None:
        with self.torch.no_grad():
            for delay in self.delays:
                delay.clamp_(0.0, self.taps - 1.0)

    def layers(self, x: Any) -> list[Any]:
        """Spikes ``[T, B, n]`` of every layer, of the input ``[B, n, T]``."""
        pad, spikes = self.torch.nn.functional.pad, []
        for k in range(self.count):
            arriving = self.delayed(k, pad(x, (self.taps - 1, 0)))
            spikes.append(self.neurons(arriving.permute(2, 0, 1).contiguous()))
            x = spikes[-1].permute(1, 2, 0)
        return spikes

    def delayed(self, k: int, x: Any) -> Any:
        """Arrivals ``[B, n, T]`` at layer k."""
        kernel = self.kernel(self.weights[k], self.delays[k])
        return self.torch.nn.functional.conv1d(x, kernel)

    def kernel(self, weight: Any, delay: Any) -> Any:
        """``[post, pre, taps]``: a weight shared between the two whole delays around its own."""
        near = (self.place - delay.unsqueeze(-1)).abs()
        return weight.unsqueeze(-1) * (1.0 - near).clamp(min=0.0)


class _Dcls(_Conv):
    """The layer of the DCLS package."""

    differs = f"Gaussian kernel of deviation {DEVIATION}"

    def make(self, arrays: dict[str, Any]) -> None:
        from DCLS.construct.modules import Dcls1d

        self.version = metadata.version("DCLS")
        torch, self.modules = self.torch, []
        for k in range(self.count):
            weight, delay = arrays[f"weight{k}"], arrays[f"delay{k}"]
            n_post, n_pre = weight.shape
            layer = Dcls1d(
                n_pre, n_post, kernel_count=1, dilated_kernel_size=self.taps, bias=False, version="gauss"
            )
            with torch.no_grad():
                layer.weight.copy_(torch.from_numpy(weight).unsqueeze(-1))
                place = (self.taps - 1.0) - delay - self.taps // 2  # counted from the middle of the kernel
                layer.P.copy_(torch.from_numpy(place)[None, :, :, None])
                layer.SIG.fill_(DEVIATION - 0.27)  # the package adds 0.27
            layer.SIG.requires_grad_(False)
            self.modules.append(layer.to(self.case.parameters["device"]))
        self.weights = [layer.weight for layer in self.modules]
        self.delays = [layer.P for layer in self.modules]

    def delayed(self, k: int, x: Any) -> Any:
        return self.modules[k](x)

    def constrain(self) -> None:
        with self.torch.no_grad():
            for layer in self.modules:
                layer.clamp_parameters()


class _Recurrent(_Conv):
    """Convolution for feed-forward synapses; a window of the last spikes times the kernel for recurrent ones."""

    note = "recurrent synapses by a product with the window of the last spikes"

    def make(self, arrays: dict[str, Any]) -> None:
        super().make(arrays)
        self.hidden = self.count - 1
        self.backs = [
            (self.parameter(arrays[f"recurrent{k}"]), self.parameter(arrays[f"recurrent_delay{k}"]))
            for k in range(self.hidden)
        ]
        self.weights += [w for w, _ in self.backs]
        self.delays += [d for _, d in self.backs]
        spike = spike_function(self.torch, self.case.parameters["surrogate"])
        self.cell = _cell(self.case, spike)

    def constrain(self) -> None:
        super().constrain()
        with self.torch.no_grad():
            for _, delay in self.backs:
                delay.clamp_(1.0, self.taps - 1.0)

    def layers(self, x: Any) -> list[Any]:
        pad, spikes = self.torch.nn.functional.pad, []
        for k in range(self.count):
            arriving = self.delayed(k, pad(x, (self.taps - 1, 0))).permute(2, 0, 1).contiguous()
            spikes.append(self.neurons(arriving) if k == self.hidden else self.loop(arriving, *self.backs[k]))
            x = spikes[-1].permute(1, 2, 0)
        return spikes

    def loop(self, arriving: Any, weight: Any, delay: Any) -> Any:
        """Spikes ``[T, B, n]`` of a layer that projects to itself."""
        torch = self.torch
        kernel = self.kernel(weight, delay)[:, :, :-1]  # the shortest is one step
        flat = kernel.permute(2, 1, 0).reshape(-1, len(weight))  # [taps - 1, pre] by post, the oldest first
        silent = torch.zeros_like(arriving[0])
        window, v, out = [silent] * (self.taps - 1), silent, []
        for t in range(len(arriving)):
            s, v = self.cell(torch.addmm(arriving[t], torch.cat(window, 1), flat), v)
            window = [*window[1:], s]
            out.append(s)
        return torch.stack(out)


def _cell(case: Case, spike: Callable[[Any], Any]) -> Callable[[Any, Any], tuple[Any, Any]]:
    decay, threshold = case.parameters["decay"], case.parameters["threshold"]

    def cell(arriving: Any, v: Any) -> tuple[Any, Any]:
        v = decay * v + arriving
        s = spike(v - threshold)
        return s, v * (1.0 - s.detach())

    return cell


def _neurons(torch: Any, case: Case) -> Callable[[Any], Any]:
    """Arrivals ``[T, B, n]`` to spikes."""
    p = case.parameters
    try:
        from spikingjelly.activation_based import functional, neuron, surrogate
    except ImportError:
        cell = _cell(case, spike_function(torch, p["surrogate"]))

        def loop(arriving: Any) -> Any:
            v, out = torch.zeros_like(arriving[0]), []
            for t in range(len(arriving)):
                s, v = cell(arriving[t], v)
                out.append(s)
            return torch.stack(out)

        return loop
    node = neuron.LIFNode(
        tau=1.0 / (1.0 - p["decay"]),
        decay_input=False,
        v_threshold=p["threshold"],
        v_reset=0.0,
        detach_reset=True,
        surrogate_function=surrogate.PiecewiseQuadratic(1.0)
        if p["surrogate"] == "triangle"
        else surrogate.ATan(2.0),
        step_mode="m",
    )

    def steps(arriving: Any) -> Any:
        functional.reset_net(node)
        return node(arriving)

    return steps
