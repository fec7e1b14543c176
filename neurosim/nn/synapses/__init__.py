"""Layers between neurons: synapses, delays, convolutions, pooling, normalisation."""
