"""Views for pages, reports and metrics. Read-only."""
