"""Exception cases: escalation, policies, notices to people."""
