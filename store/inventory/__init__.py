"""Stock ledger, expected supply, promises and reservations."""
