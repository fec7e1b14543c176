"""What is said on stderr, and when nothing is."""

from __future__ import annotations

import io
import sys

import pytest

from neurosim.cli.progress import Progress

pytest.importorskip("torch")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("silent", "stream"), [(False, Terminal), (False, io.StringIO), (True, Terminal)])
def test_stages_stay_and_training_is_rewritten_on_a_terminal(silent, stream, monkeypatch) -> None:
    from neurosim.nn import TrainingProgress

    monkeypatch.setattr(sys, "stderr", stream())
    progress = Progress(silent=silent)
    with progress.stage("train", "20 epochs"):
        progress.training()(
            TrainingProgress(
                epoch=2, epochs=20, done=30, total=200, loss=0.5, accuracy=0.75, seconds=6.0, left=34.0
            )
        )
    text = sys.stderr.getvalue()
    assert ("train     20 epochs\n" in text and "train     done in" in text) is not silent
    shown = "epoch 3 of 20: loss 0.500, accuracy 75.0%, 34 s left" in text
    assert shown == (stream is Terminal and not silent)
    assert progress.seconds["train"] >= 0
