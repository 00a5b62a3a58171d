"""The groups of the command line: each file is one group of `syncline` commands."""
