"""What every connector must do, whichever system it speaks to: checks, run against the connector's own stand-in."""
