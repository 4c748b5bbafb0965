"""The components of the pipeline, one folder each. `pipeline.stages` connects them."""
