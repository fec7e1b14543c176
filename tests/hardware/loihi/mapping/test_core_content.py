from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from neurosim.errors import CapacityError
from neurosim.hardware.loihi.chip_file import read_chip
from neurosim.hardware.loihi.mapping.core_content import core_content
from neurosim.hardware.loihi.mapping.mapped_network import CoreSlice
from neurosim.hardware.loihi.numerics.weights import SignMode, is_common

LOIHI1 = read_chip("loihi1").limits
FEW_AXONS = {**LOIHI1, "input_axons": 1}
COMMON = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def random_network(networks, seed):
    """Populations with several projections between them; sources fall into few kinds of equal targets."""
    rng = np.random.default_rng(seed)
    sizes = dict(zip("iab", rng.integers(1, 30, 3).tolist(), strict=True))
    projections = []
    for number, (pre, post) in enumerate(("ia", "ib", "ab", "ia")):
        reach = [np.flatnonzero(rng.random(sizes[post]) < rng.random()) for _ in range(3)]
        kind = rng.integers(0, 3, sizes[pre])
        source = np.repeat(np.arange(sizes[pre]), [len(reach[k]) for k in kind])
        target = np.concatenate([reach[k] for k in kind])
        n = len(source)
        mode = rng.integers(1, 4, n) if rng.random() < 0.5 else np.full(n, SignMode.MIXED)
        magnitude = rng.integers(0, [2, 8, 128][rng.integers(3)], n) * 2
        sign = np.where(
            mode == SignMode.MIXED, rng.choice([-1, 1], n), np.where(mode == SignMode.INHIBITORY, -1, 1)
        )
        projections.append(
            networks.projection(
                pre, post, sizes[pre], source, target, sign * magnitude, rng.integers(-1, 3, n),
                rng.integers(0, [1, 4, 62][rng.integers(3)], n), mode, f"{number}",
            )
        )  # fmt: skip
    slices = [
        CoreSlice("b", range(sizes["b"] // 2, sizes["b"])),
        CoreSlice("a", range(sizes["a"]), sizes["b"] - sizes["b"] // 2),
    ]
    return networks.network({"i": sizes["i"]}, {"a": sizes["a"], "b": sizes["b"]}, *projections), slices


@COMMON
@given(st.integers(0, 2**32), st.sampled_from([LOIHI1, FEW_AXONS]))
def test_a_core_holds_the_synapses_of_its_slices_and_no_other(networks, seed, limits):
    network, slices = random_network(networks, seed)
    content = core_content(network, slices, limits)
    assert networks.held(content) == networks.wanted(network, slices)


@COMMON
@given(st.integers(0, 2**32), st.sampled_from([LOIHI1, FEW_AXONS]))
def test_registers_are_within_their_ranges_and_bits_are_those_of_the_formats(networks, seed, limits):
    network, slices = random_network(networks, seed)
    content = core_content(network, slices, limits)
    s, a = content.synapses, content.axons
    for number, fmt in enumerate(s.formats, start=1):
        mine = s.format == number
        assert mine.any()
        assert is_common(s.weight[mine], fmt.exponent, fmt.mode)
        width = (1, 2, 3, 4, 5, 6, 8)[fmt.weight_bits - 1]
        lost = 8 - width + (fmt.mode is SignMode.MIXED)
        assert not np.any(s.weight[mine] % (1 << lost))
        assert s.delay[mine].max() < 1 << fmt.delay_bits
    assert a.base.min(initial=0) >= 0
    assert a.base.max(initial=0) <= 255
    assert not np.any(a.base[a.kind == 16] % 4)
    assert np.array_equal(a.kind > 0, a.atoms > 1)
    total = 0
    for pointer, length, atoms in set(
        zip(a.pointer.tolist(), a.length.tolist(), a.atoms.tolist(), strict=True)
    ):
        numbers = s.format[pointer : pointer + atoms * length]
        for begin, stop in zip(*_runs(numbers), strict=True):
            total += int(s.formats[numbers[begin] - 1].bits(stop - begin))
    assert total == content.bits <= content.bits_unshared


def _runs(numbers):
    cuts = np.flatnonzero(np.diff(numbers)) + 1
    return [0, *cuts.tolist()], [*cuts.tolist(), len(numbers)]


def test_a_dense_matrix_with_some_zeros_needs_no_indices(networks):
    """8 bits a weight: 64 take 522 bits, 576 in whole words. With indices 64 would take 64 * 18 + 10."""
    rng = np.random.default_rng(0)
    weight = rng.integers(1, 128, (20, 1024)) * 2
    weight[:, 1:-1][rng.random((20, 1022)) < 0.2] = 0
    source, target = np.divmod(np.arange(weight.size), 1024)
    projection = networks.projection("i", "a", 20, source, target, weight.reshape(-1))
    network = networks.network({"i": 20}, {"a": 1024}, projection)
    content = core_content(network, [CoreSlice("a", range(1024))], LOIHI1)
    assert content.bits == 20 * 16 * 576
    assert networks.held(content) == networks.wanted(network, [CoreSlice("a", range(1024))])


def test_narrow_weights_are_stored_narrow(networks):
    """Weights 3 and 4 times 2^0 need three bits at exponent -5, however the network holds them."""
    target = np.arange(0, 64)
    projection = networks.projection(
        "i", "a", 1, np.zeros(64), target, np.where(target % 2, 3, 4), mode=SignMode.EXCITATORY
    )
    network = networks.network({"i": 1}, {"a": 64}, projection)
    content = core_content(network, [CoreSlice("a", range(64))], LOIHI1)
    (fmt,) = content.synapses.formats
    assert (fmt.exponent, fmt.weight_bits, fmt.mode) == (-5, 3, SignMode.EXCITATORY)
    assert content.synapses.weight[:2].tolist() == [128, 96]
    assert content.bits == 256  # 64 * 3 + 10


def test_formats_are_merged_until_the_table_holds_them(networks):
    rng = np.random.default_rng(2)
    source, target = np.divmod(np.arange(60 * 40), 40)
    weight = (1 << source % 8) * rng.integers(0, 2, len(source))
    for most in (15, 4, 1):
        projection = networks.projection(
            "i", "a", 60, source, target, weight, 0, source % 5, SignMode.EXCITATORY
        )
        network = networks.network({"i": 60}, {"a": 40}, projection)
        content = core_content(network, [CoreSlice("a", range(40))], {**LOIHI1, "synapse_formats": most})
        assert 1 <= len(content.synapses.formats) <= most
        assert networks.held(content) == networks.wanted(network, [CoreSlice("a", range(40))])


def test_compartments_beyond_the_reach_of_an_index(networks):
    network = networks.network(
        {"i": 1}, {"a": 6000}, networks.projection("i", "a", 1, [0, 0], [0, 5999], [2, 2])
    )
    with pytest.raises(CapacityError, match="5999"):
        core_content(network, [CoreSlice("a", range(6000))], LOIHI1)


def test_a_core_without_synapses(networks):
    network = networks.network({"i": 1}, {"a": 5}, networks.projection("i", "a", 1, [], [], []))
    content = core_content(network, [CoreSlice("a", range(5))], LOIHI1)
    assert (content.bits, len(content.axons.atoms), content.synapses.formats) == (0, 0, ())
