"""The physical world: shipments, journeys, and what happens to them."""
