"""Resistive-memory crossbars: device profiles, tiles, converters, circuit, mapping, files, emulator."""

from neurosim.hardware.crossbar.cells import Compensation
from neurosim.hardware.crossbar.load_build import CrossbarDevice, load
from neurosim.hardware.crossbar.mapping import Scaling
from neurosim.hardware.crossbar.profile import Profile, profile_names, read_profile
from neurosim.hardware.crossbar.target import Crossbar

__all__ = [
    "Compensation",
    "Crossbar",
    "CrossbarDevice",
    "Profile",
    "Scaling",
    "load",
    "profile_names",
    "read_profile",
]
