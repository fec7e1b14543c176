from __future__ import annotations

import io
import sys

import pytest

from neurosim import nn
from neurosim.errors import DescriptionError
from neurosim.nn.training import progress
from neurosim.nn.training.progress import ProgressBar


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_function_is_told_how_far_it_is(make_module, make_data, monkeypatch):
    monkeypatch.setattr(progress, "_INTERVAL", 0.0)
    seen = []
    history = nn.fit(make_module(), *make_data(25), epochs=2, batch_size=10, progress=seen.append)
    assert [(p.epoch, p.done, p.total, p.epochs) for p in seen] == [(k // 3, k + 1, 6, 2) for k in range(6)]
    assert seen[2].loss == pytest.approx(history[0].loss)
    assert seen[5].accuracy == pytest.approx(history[1].accuracy)
    assert seen[-1].left == 0.0 < seen[0].left
    assert seen[0].left == pytest.approx(5 * seen[0].seconds)


def test_the_last_update_is_told_however_fast_it_was(make_module, make_data):
    seen = []
    nn.fit(make_module(), *make_data(25), epochs=2, batch_size=10, progress=seen.append)
    assert seen[-1].done == 6


@pytest.mark.parametrize(
    ("show", "stream", "delay", "drawn"),
    [
        (True, io.StringIO, 1.0, True), (False, Terminal, 0.0, False), (None, Terminal, 0.0, True),
        (None, Terminal, 100.0, False), (None, io.StringIO, 0.0, False),
    ],
)  # fmt: skip
def test_a_bar_is_drawn_where_one_is_asked_for_or_can_be_seen(show, stream, delay, drawn, monkeypatch):
    monkeypatch.setattr(progress, "_DELAY", delay)
    monkeypatch.setattr(sys, "stderr", stream())
    bar = ProgressBar(show, 20, 2, done=10)
    for _ in range(10):
        bar.advance(1, 0.5, 0.75)
    bar._bar and bar._bar.refresh()
    text = sys.stderr.getvalue()
    bar.close()
    assert ("20/20 updates" in text) == drawn
    assert ("epoch 2 of 2" in text and "loss 0.500, accuracy 75.0%" in text and "left" in text) == drawn


def test_something_else_is_refused():
    with pytest.raises(DescriptionError, match="True, False, None or a function"):
        ProgressBar("yes", 1, 1)
