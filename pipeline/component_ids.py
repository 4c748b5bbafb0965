"""The ids of the pipeline's components, by which their artifacts are found and kept.

An id names a folder of artifacts and a node of the metadata. If an id changes, the pipeline no
longer finds what earlier runs have made. Without an id, TFX takes the name of the component's
class.

Imports nothing.
"""

EXAMPLE_GEN = "FileBasedExampleGen"
STATISTICS_GEN = "StatisticsGen"
CURATED_SCHEMA = "CuratedSchema"
EXAMPLE_VALIDATOR = "ExampleValidator"
LAST_ACCEPTED_DATA = "LastAcceptedData"
DATA_GATE = "DataGate"
TRANSFORM = "Transform"
TUNER = "Tuner"
BASE_MODEL = "BaseModel"
TRAINER = "Trainer"
EXPORT_CHECK = "ExportCheck"
LATEST_BLESSED_MODEL = "LatestBlessedModel"
SLICE_FEATURES = "SliceFeatures"
EVALUATOR = "Evaluator"
BLESSING = "Blessing"
PUSHER = "Pusher"

# In place of the resolvers on Kubeflow Pipelines, which has none, and what ends a run there.
PREVIOUS_RUN = "PreviousRun"
KEEP_FOR_NEXT_RUN = "KeepForNextRun"
RUN_PAGE = "RunPage"
