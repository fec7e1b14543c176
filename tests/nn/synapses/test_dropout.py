from __future__ import annotations

import pytest
import torch

from neurosim import nn
from neurosim.errors import DescriptionError

ONES = torch.ones(5, 40, 50)


def test_one_mask_holds_for_the_sequence():
    y, mask = nn.Dropout(0.25, seed=1)(ONES)
    assert torch.equal(y, mask.expand(5, -1, -1))
    assert mask.unique().tolist() == pytest.approx([0.0, 4 / 3])
    # 2000 neurons: 5 standard deviations of the share that is silent
    assert (mask == 0).float().mean() == pytest.approx(0.25, abs=5 * (0.25 * 0.75 / 2000) ** 0.5)


def test_a_cut_sequence_keeps_its_mask():
    whole, _ = nn.Dropout(0.5, seed=2)(ONES)
    layer = nn.Dropout(0.5, seed=2)
    first, state = layer(ONES[:2])
    rest, _ = layer(ONES[2:], state)
    assert torch.equal(torch.cat([first, rest]), whole)
    assert int(layer.draws) == 1


def test_draws_go_on_and_repeat_from_a_saved_state():
    layer = nn.Dropout(0.5, seed=3)
    masks = [layer(ONES)[1] for _ in range(3)]
    assert not torch.equal(masks[0], masks[1])
    torch.manual_seed(0)  # of no effect
    again = nn.Dropout(0.5, seed=3)
    again(ONES)
    saved = again.state_dict()
    resumed = nn.Dropout(0.5, seed=3)
    resumed.load_state_dict(saved)
    assert torch.equal(resumed(ONES)[1], masks[1])
    assert not torch.equal(nn.Dropout(0.5, seed=4)(ONES)[1], masks[0])


def test_evaluation_passes_everything():
    layer = nn.Dropout(0.5).eval()
    y, state = layer(ONES)
    assert y is ONES
    assert state is None
    assert int(layer.draws) == 0


def test_probabilities_out_of_range_are_refused():
    for p in (-0.1, 1.0):
        with pytest.raises(DescriptionError, match="probability"):
            nn.Dropout(p)
