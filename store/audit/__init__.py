"""The audit trail and its anchors."""
