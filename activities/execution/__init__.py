"""How every effect is carried out: gate, call, outcome."""
