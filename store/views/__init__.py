"""What pages, reports and metrics read. Read-only."""
