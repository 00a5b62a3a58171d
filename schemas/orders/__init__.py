"""The order as its ERP releases it, and the milestones that partners report on it."""
