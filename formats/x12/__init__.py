"""ASC X12: interchanges, groups and transaction sets of logistics."""
