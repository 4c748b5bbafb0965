"""The pipeline on Kubeflow Pipelines and Vertex AI: spec, container image, a try on one machine."""
