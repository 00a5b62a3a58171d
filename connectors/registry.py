"""The adapters that there are. A vendor's name stands here and in its own folder, and nowhere else."""

from connectors.adapters import Adapter
from connectors.karrio.adapter import KARRIO
from connectors.standard.adapter import STANDARD

ADAPTERS: dict[str, Adapter] = {
    adapter.name: adapter
    for adapter in (
        STANDARD,
        KARRIO,
        # one adapter a line: `make connector` writes above this one
    )
}
"""Each adapter by the name that a connection gives."""
