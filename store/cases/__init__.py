"""Cases, notices to people, policies, outages of connected systems."""
