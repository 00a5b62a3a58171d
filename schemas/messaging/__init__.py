"""Envelope and signature of messages, effects, and the instructions that systems are sent."""
