"""Ways of packets: keys, multicast trees, routing tables and their compression, and packets followed through them."""

from __future__ import annotations

__all__: list[str] = []
