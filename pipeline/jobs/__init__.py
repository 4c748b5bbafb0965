"""Jobs that use a log or a model outside a run of the pipeline."""
