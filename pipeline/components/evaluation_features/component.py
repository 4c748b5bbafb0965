"""The component that adds to the test Examples what depends on the whole training split."""

import os

import apache_beam as beam
from tfx.dsl.component.experimental.annotations import (
    BeamComponentParameter,
    InputArtifact,
    OutputArtifact,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils
from tfx.types.experimental.simple_artifacts import File
from tfx.types.standard_artifacts import Examples, TransformGraph

from pipeline.components.evaluation_features.slice_features import AddSliceFeatures
from pipeline.components.evaluation_features.transition_ranks import AddTransitionRanks
from pipeline.components.example_gen.splits.split_example import TEST, TRAIN


@component(use_beam=True)
def EvaluationFeatures(
    examples: InputArtifact[Examples],
    transform_graph: InputArtifact[TransformGraph],
    transitions: InputArtifact[File],
    test_examples: OutputArtifact[Examples],
    beam_pipeline: BeamComponentParameter[beam.Pipeline] = None,
) -> None:
    """Writes a copy of the test split with the slices and the ranks by the counted transitions.

    The ranks are here and not in the export, which would have to carry a table of the counts that
    no server needs.

    Args:
        examples: ExampleGen's output.
        transform_graph: Transform's output, which has the vocabulary.
        transitions: ItemTransitions' output.
        test_examples: The output: the test split with the additional features.
        beam_pipeline: An empty Beam pipeline.
    """
    test_examples.split_names = artifact_utils.encode_split_names([TEST])
    train, test = (
        os.path.join(artifact_utils.get_split_uri([examples], split), "*")
        for split in (TRAIN, TEST)
    )
    output = os.path.join(artifact_utils.get_split_uri([test_examples], TEST), "examples")
    with beam_pipeline as pipeline:
        _ = (
            pipeline
            | "ReadTest" >> beam.io.ReadFromTFRecord(test)
            | AddSliceFeatures(pipeline | "ReadTrain" >> beam.io.ReadFromTFRecord(train))
            | AddTransitionRanks(transform_graph.uri, transitions.uri)
            | beam.io.WriteToTFRecord(output, file_name_suffix=".gz")
        )
