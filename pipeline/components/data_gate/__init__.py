"""Data gates: data that look wrong stop the run before anything is learned from them."""
