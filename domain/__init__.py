"""Pure decisions: no I/O, no clock, no Temporal. Everything here can be tested without a server."""
