"""The components of the pipeline, one folder each; `pipeline.py` puts them together."""
