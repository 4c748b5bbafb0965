"""The pipeline on Kubeflow Pipelines and Vertex AI: its spec, its image, a local test."""

from pipeline.extras import KUBEFLOW, need_extra

need_extra("kubeflow", KUBEFLOW)
