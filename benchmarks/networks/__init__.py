"""The networks that are run, drawn once from fixed seeds and kept as files that every system reads."""
