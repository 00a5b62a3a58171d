"""Karrio, a gateway to carriers, as a transport desk."""
