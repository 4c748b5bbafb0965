"""The runners of the pipeline: this machine, and Kubeflow Pipelines."""
