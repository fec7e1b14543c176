"""Accuracy under device noise as statistics."""

from neurosim.hardware.verify.accuracy_interval import (
    Mean,
    PairedDifference,
    device_mean,
    paired_difference,
    wilson,
)

__all__ = ["Mean", "PairedDifference", "device_mean", "paired_difference", "wilson"]
