"""The embedded stack: everything Syncline needs, started on a laptop from Python wheels alone, without a container."""
