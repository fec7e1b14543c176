"""A data set in its parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurosim import random
from neurosim.datasets import ArrayDataset, SpikeDataset

__all__ = ["Labelled", "Parts"]

Labelled = SpikeDataset | ArrayDataset


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Training and test set, and a validation set where the data set has one."""

    train: Labelled
    test: Labelled
    validation: Labelled | None = None

    def for_tuning(self, share: float) -> tuple[Labelled, Labelled]:
        """(what is trained on, what is measured) while hyper-parameters are chosen; the test set is in neither.

        Without a validation set every class gives ``share`` of its training samples, the same ones at every call.
        """
        if self.validation is not None:
            return self.train, self.validation
        aside = np.zeros(len(self.train), bool)
        order = random.bits(random.key(0, "split", "validation"), np.arange(len(self.train)))
        for label in np.unique(self.train.labels):
            members = np.flatnonzero(self.train.labels == label)
            aside[members[np.argsort(order[members], kind="stable")][: round(share * len(members))]] = True
        return self.train.select(~aside), self.train.select(aside)
