"""Stand-in ERP, WMS, TMS and planning: real HTTP servers with books, ledgers and faults of their own."""
