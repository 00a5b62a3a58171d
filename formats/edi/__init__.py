"""What X12 and EDIFACT share: tables, segments, checks, envelopes, control numbers, writing."""
