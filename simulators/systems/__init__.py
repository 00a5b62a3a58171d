"""The four stand-in systems, with books and ledgers of their own."""
