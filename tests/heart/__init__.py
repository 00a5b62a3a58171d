"""What broke the heart once, over the API and with every process: nothing accepted is lost, nothing done otherwise."""
