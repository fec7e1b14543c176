from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from neurosim import nn
from neurosim.errors import DataError, DescriptionError, ShapeError


def spikes(n, steps=12, samples=3, density=0.3):
    rng = np.random.default_rng(0)
    return torch.tensor(rng.uniform(size=(steps, samples, n)) < density).double()


def make(kind, n_in=12, n_out=9, **options):
    sizes = (n_in, n_out, 4) if kind is nn.SparseDelayLinear else (n_in, n_out)
    return kind(*sizes, dtype=torch.float64, **({"fan_in": 5} | options))


KINDS = [nn.SparseLinear, nn.SparseDelayLinear]


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_dense_layer_with_zeros(kind):
    layer = make(kind, seed=3)
    assert torch.equal(layer.mask.sum(1), torch.full((9,), 5))
    dense = kind.__mro__[2](*((12, 9, 4) if kind is nn.SparseDelayLinear else (12, 9)), dtype=torch.float64)
    with torch.no_grad():
        dense.weight.copy_(layer.weight * layer.mask)
        if kind is nn.SparseDelayLinear:
            dense.delay.copy_(layer.delay)
    x = spikes(12)
    torch.testing.assert_close(layer(x)[0], dense(x)[0], rtol=1e-12, atol=1e-12)  # sums in another order
    layer(x)[0].square().sum().backward()
    dense(x)[0].square().sum().backward()
    torch.testing.assert_close(layer.weight.grad, dense.weight.grad * layer.mask, rtol=1e-12, atol=1e-12)
    first, state = layer(x[:5])
    rest, _ = layer(x[5:], state)
    assert torch.equal(torch.cat([first, rest]), layer(x)[0])


def test_a_changed_mask_is_seen():
    layer, x = make(nn.SparseDelayLinear), spikes(12)
    for _ in range(3):
        layer = copy.deepcopy(layer)
        layer(x)
        layer.rewire_(0.5)
        with torch.no_grad():
            layer.weight.copy_(torch.rand(9, 12, dtype=torch.float64) * layer.mask)
    after, _ = layer(x)
    dense = nn.DelayLinear(12, 9, 4, dtype=torch.float64)
    with torch.no_grad():
        dense.weight.copy_(layer.weight)
        dense.delay.copy_(layer.delay)
    torch.testing.assert_close(after, dense(x)[0], rtol=1e-12, atol=1e-12)


def test_first_weights_have_the_scale_of_the_fan_in():
    layer = nn.SparseLinear(400, 100, fan_in=25)
    weight = layer.weight.detach()[layer.mask]
    assert len(weight) == 2500
    assert float(weight.abs().max()) <= (6 / 25) ** 0.5
    # the mean square of 2500 uniform numbers: a relative deviation of 0.9/sqrt(2500), five of them
    assert float(weight.square().mean()) == pytest.approx(2 / 25, rel=0.09)


@pytest.mark.parametrize("kind", KINDS)
def test_no_optimiser_moves_what_is_not_there(kind):
    layer = make(kind)
    with torch.no_grad():
        for parameter in layer.parameters():  # momentum and decay know nothing of masks
            parameter.sub_(1 + parameter.abs())
    layer.constrain_()
    assert (layer.weight.detach()[~layer.mask] == 0).all()
    assert (layer.weight.detach()[layer.mask] != 0).all()
    if kind is nn.SparseDelayLinear:
        assert layer.delay.min() >= 0


@settings(max_examples=40, deadline=None)
@given(
    share=st.floats(0, 1),
    fan_in=st.integers(1, 12),
    spare=st.integers(0, 4),
    growth=st.sampled_from(nn.Growth),
    seed=st.integers(0, 99),
)
def test_rewiring_keeps_count_limit_and_large_weights(share, fan_in, spare, growth, seed):
    layer = nn.SparseLinear(
        12, 9, fan_in=fan_in, max_fan_in=fan_in + spare, growth=growth, seed=seed, dtype=torch.float64
    )
    if growth is nn.Growth.GRADIENT:
        layer(spikes(12))[0].square().sum().backward()
    mask, weight = layer.mask.clone(), layer.weight.detach().clone()
    count = layer.rewire_(share)
    wanted = round(share * 9 * fan_in)
    assert layer.connections == 9 * fan_in
    assert count <= wanted
    assert layer.mask.sum(1).max() <= fan_in + spare
    gone, born = mask & ~layer.mask, layer.mask & ~mask
    assert int(gone.sum()) == int(born.sum()) == count
    assert (layer.weight.detach()[born] == 0).all()
    kept = mask & layer.mask
    assert torch.equal(layer.weight.detach()[kept], weight[kept])
    order = weight[mask].abs().sort().values
    if count:  # only the smallest went
        assert weight[gone].abs().max() <= order[wanted - 1]
    if fan_in < 12 // 2 and wanted:
        assert count > 0


def test_gradients_say_where_synapses_grow():
    layer = nn.SparseLinear(12, 9, fan_in=4, max_fan_in=12, growth=nn.Growth.GRADIENT, dtype=torch.float64)
    x = spikes(12)
    dense = torch.zeros(9, 12, dtype=torch.float64)
    for k in range(2):  # gradients of two updates are added up
        target = torch.rand(9, generator=torch.Generator().manual_seed(k)).double()
        y, _ = layer(x)
        (y * target).sum().backward()
        dense += target[:, None] * x.sum((0, 1))
    mask = layer.mask.clone()
    layer.rewire_(0.25)
    best = torch.where(mask, -1.0, dense).flatten().topk(9).indices
    assert set(torch.nonzero((layer.mask & ~mask).flatten())[:, 0].tolist()) == set(best.tolist())
    assert (layer.dense_gradient == 0).all()
    layer.eval()(x)[0].sum().backward()
    assert (layer.dense_gradient == 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_random_growth_in_every_update(kind):
    grown = make(kind, growth=nn.Growth.GRADIENT)
    random = make(kind)
    x = spikes(grown.n_in)
    for _ in range(3):
        for layer in (grown, random):
            layer.zero_grad()
            layer(x)[0].square().sum().backward()
        torch.testing.assert_close(grown.weight.grad, random.weight.grad)


@pytest.mark.parametrize("kind", KINDS)
def test_inputs_that_do_not_fit_are_refused(kind):
    with pytest.raises(ShapeError, match="spikes"):
        make(kind)(spikes(13))
    with pytest.raises(DataError, match="dtype"):
        make(kind)(spikes(12).float())


def test_random_growth_repeats_from_a_saved_state():
    def masks(layer, times):
        for _ in range(times):
            layer.rewire_(0.3)
        return layer.mask

    a, b, c = (make(nn.SparseLinear, seed=s) for s in (1, 1, 2))
    masks(a, 2)
    b.load_state_dict(a.state_dict())
    assert torch.equal(masks(b, 1), masks(a, 1))
    assert not torch.equal(a.mask, masks(c, 3))


def test_whole_modules_are_pruned_and_rewired():
    net = torch.nn.Sequential(make(nn.SparseLinear), make(nn.SparseDelayLinear, 9, 6), nn.Linear(6, 2))
    assert nn.prune_(net, 0.25) == (45 - 27) + (30 - round(0.25 * 54))
    assert [net[k].connections for k in (0, 1)] == [27, 14]
    smallest = net[0].weight.detach()[net[0].mask].abs().min()
    assert nn.rewire_(net, 0.5) == 14 + 7
    net[0].prune_(27 - 14)
    assert net[0].weight.detach()[net[0].mask].abs().min() >= smallest


def test_arguments_that_do_not_fit_are_refused():
    with pytest.raises(DescriptionError, match="either"):
        nn.SparseLinear(4, 3)
    with pytest.raises(DescriptionError, match="fan_in"):
        nn.SparseLinear(4, 3, fan_in=5)
    with pytest.raises(ShapeError, match="mask"):
        nn.SparseLinear(4, 3, mask=np.ones((4, 3)))
    with pytest.raises(DescriptionError, match="max_fan_in"):
        nn.SparseLinear(4, 3, mask=np.ones((3, 4)), max_fan_in=3)
    with pytest.raises(DescriptionError, match="rewire_"):
        nn.SparseLinear(4, 3, fan_in=2).rewire_(1.5)
