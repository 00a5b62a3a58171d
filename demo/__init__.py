"""The demo: real orders through the whole stack, watched live, checked at the end. A composition root, like
cli/main.py."""
