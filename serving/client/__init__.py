"""Asks a served model for recommendations, from Python and from the command line.

    python -m serving.client ITEM ITEM ... --rest_api_port=8501

Works alike on TF Serving and on `serving.server`, and without TensorFlow.
"""

from serving.client.answers import (
    ModelMetadata,
    ModelVersion,
    Recommendation,
    Recommendations,
    Signature,
    TensorSpec,
)
from serving.client.batches import BatchError
from serving.client.contract import HISTORY_LENGTH
from serving.client.credentials import Tls
from serving.client.sync_client import AsyncRecommendationClient, RecommendationClient

__all__ = [
    "HISTORY_LENGTH",
    "AsyncRecommendationClient",
    "BatchError",
    "ModelMetadata",
    "ModelVersion",
    "Recommendation",
    "RecommendationClient",
    "Recommendations",
    "Signature",
    "TensorSpec",
    "Tls",
]
