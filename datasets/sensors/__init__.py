"""Sensors that turn images into events: the retina, its pixel, and how it moves."""
