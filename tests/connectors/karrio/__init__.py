"""The connector for Karrio, against what a real one has answered."""
