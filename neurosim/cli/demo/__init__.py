"""The demo: from event data over training to emulated chips and a report."""
