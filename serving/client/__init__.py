"""Asks a served model for recommendations, from Python and from the command line.

    python -m serving.client ITEM ITEM ... --rest_api_port=8501

Works alike on TF Serving and on `serving.devserver`, and without TensorFlow.
"""

from serving.client.answers import (
    BatchError,
    ModelMetadata,
    ModelVersion,
    Recommendation,
    Recommendations,
    Signature,
    TensorSpec,
)
from serving.client.async_client import AsyncRecommendationClient
from serving.client.credentials import Tls
from serving.client.sync_client import RecommendationClient
from serving.export_contract import HISTORY_LENGTH

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
