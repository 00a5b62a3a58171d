"""The inputs, commands and answers of workflows, and the records of their steps."""
