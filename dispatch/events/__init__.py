"""Events: admitted, correlated, mapped."""
