"""Performance, as ratios against baselines of the same run. `make bench`; never part of the test suite."""
