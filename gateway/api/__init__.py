"""HTTP operations, one module for each subject."""
