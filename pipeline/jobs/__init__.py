"""What is done with a log or a model apart from a run of the pipeline."""
