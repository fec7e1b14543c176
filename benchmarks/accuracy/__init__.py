"""Accuracy after training: configurations that state all that a published protocol leaves to choice, and runs of them.

`benchmarks.accuracy.recipe` says what a configuration holds; ``*.toml`` beside it are the configurations, one a file;
``python -m benchmarks.accuracy NAME`` runs one. Hyper-parameters were chosen on held-out parts of training sets and
test sets are looked at once, after the last epoch. ``python -m benchmarks.spoken_digits`` compares kinds of delays.
"""
