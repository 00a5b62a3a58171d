"""Faults between the product and Temporal, and tests of the proxy that makes them."""
