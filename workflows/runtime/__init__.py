"""What all workflows share: inputs, steps, effect lanes, deadlines, retries."""
