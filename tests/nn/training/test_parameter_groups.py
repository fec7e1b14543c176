from __future__ import annotations

import pytest
import torch

from neurosim import neurons, nn
from neurosim.errors import DescriptionError
from neurosim.nn.training.optimiser import adam


class Learning(nn.LIF):
    """Neurons with a parameter of their own."""

    def __init__(self):
        super().__init__(neurons.LIF(), 3, dt=1e-3)
        self.tau_membrane = torch.nn.Parameter(torch.ones(3))


def make():
    linear = nn.DelayLinear(4, 3, 5)
    linear.bias = torch.nn.Parameter(torch.zeros(3))
    return nn.Sequential(linear, Learning(), nn.Linear(3, 2), nn.LIF(neurons.LIF(), 2, dt=1e-3))


def test_parameters_go_by_what_they_are():
    module = make()
    groups = {
        g["kind"]: g for g in nn.parameter_groups(module, rate=1e-3, neuron_rate=1e-4, weight_decay=0.1)
    }
    first, hidden, second, _ = module.layers
    found = {kind: [id(p) for p in g["params"]] for kind, g in groups.items()}
    wanted = {
        "weight": [first.weight, second.weight], "delay": [first.delay],
        "neuron": [hidden.tau_membrane], "other": [first.bias],
    }  # fmt: skip
    assert found == {kind: [id(p) for p in ps] for kind, ps in wanted.items()}
    assert {k: (g["lr"], g["weight_decay"]) for k, g in groups.items()} == {
        "weight": (1e-3, 0.1), "delay": (0.1, 0.0), "neuron": (1e-4, 0.0), "other": (1e-3, 0.0),
    }  # fmt: skip
    assert torch.optim.SGD(nn.parameter_groups(module)).param_groups[1]["kind"] == "delay"


def test_what_cannot_be_is_refused():
    with pytest.raises(DescriptionError, match="delay"):
        nn.parameter_groups(make(), delay_rate=-1.0)
    with pytest.raises(DescriptionError, match="no parameters"):
        nn.parameter_groups(torch.nn.Flatten())


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_the_fused_optimiser_is_the_plain_one_and_threads_do_not_matter(decay):
    kind = torch.optim.AdamW if decay else torch.optim.Adam
    trained = []
    threads = torch.get_num_threads()
    for make_one, used in ((adam, 1), (adam, 2), (lambda g: kind(g, fused=False, foreach=False), 1)):
        torch.set_num_threads(used)
        generator = torch.Generator().manual_seed(0)
        weight = torch.nn.Parameter(torch.randn(40001, dtype=torch.float32, generator=generator))
        optimiser = make_one([{"params": [weight], "lr": 0.01, "weight_decay": decay}])
        assert type(optimiser) is kind
        for _ in range(10):
            weight.grad = torch.randn(40001, generator=generator)
            optimiser.step()
        trained.append(weight.detach())
    torch.set_num_threads(threads)
    assert torch.equal(trained[0], trained[1])
    torch.testing.assert_close(trained[0], trained[2], rtol=1e-5, atol=1e-6)  # another order of roundings
