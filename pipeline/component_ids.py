"""The ids of the pipeline's components, by which their artifacts are stored and found.

An id names a folder of artifacts and a node in the metadata. If an id changes, the pipeline no
longer finds the artifacts of earlier runs. Without an id, TFX uses the name of the component's
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
ITEM_FEATURES = "ItemFeatures"
TUNER = "Tuner"
BASE_MODEL = "BaseModel"
TRAINER = "Trainer"
EXPORT_CHECK = "ExportCheck"
LATEST_BLESSED_MODEL = "LatestBlessedModel"
ITEM_TRANSITIONS = "ItemTransitions"
EVALUATION_FEATURES = "EvaluationFeatures"
EVALUATOR = "Evaluator"
BLESSING = "Blessing"
REFIT = "Refit"
PUSHER = "Pusher"

# On Kubeflow Pipelines, which has no resolvers, the first of these replaces them, and the other two
# end a run.
PREVIOUS_RUN = "PreviousRun"
KEEP_FOR_NEXT_RUN = "KeepForNextRun"
RUN_PAGE = "RunPage"
