"""UN/EDIFACT: interchanges, groups and messages of logistics."""
