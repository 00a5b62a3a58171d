"""What workflows are started with, asked and answer, and what their steps write down."""
