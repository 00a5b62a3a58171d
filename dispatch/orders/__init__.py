"""What a release needs before its workflow starts: promise, units, days."""
