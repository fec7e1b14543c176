"""Sensors: a retina that turns images into events, a cochlea that turns sounds into them, and their parts."""
