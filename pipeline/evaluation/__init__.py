"""Whether a model is good enough: metrics by slice, and the decision with its reasons."""
