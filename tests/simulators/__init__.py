"""The stand-in systems, over real HTTP on loopback."""
