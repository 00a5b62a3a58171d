"""The gateway: authenticate, limit, commit the raw message to the inbox, answer. It needs no Temporal to accept."""
