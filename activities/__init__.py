"""Actions of workflows on the world: one class per system, its port injected. `records` is the database."""
