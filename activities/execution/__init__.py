"""The execution of effects: gate, call, outcome."""
