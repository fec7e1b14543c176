"""Resistive-memory crossbars: device profiles, tiles, converters, circuit, mapping, files, emulator."""
