"""Tryton's connector against a small stand-in, and against exchanges that were recorded with a real one."""
