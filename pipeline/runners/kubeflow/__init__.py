"""The pipeline on Kubeflow Pipelines and Vertex AI: its spec, its image, a local test."""
