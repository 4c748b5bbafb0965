"""The component that adds to the test Examples what depends on the whole training split."""

import os

import apache_beam as beam
from tfx.dsl.component.experimental.annotations import (
    BeamComponentParameter,
    InputArtifact,
    OutputArtifact,
    Parameter,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.experimental.simple_artifacts import File
from tfx.types.standard_artifacts import Examples, TransformGraph

from pipeline.components.evaluation_features.baseline_answers import AddBaselineAnswers
from pipeline.components.evaluation_features.slice_features import AddSliceFeatures
from pipeline.components.evaluation_features.training_users import (
    WriteTrainingUsers,
    read_training_users,
)
from pipeline.components.evaluator.catalogue_files import (
    CatalogueFiles,
    read_items,
    write_catalogue,
    write_categories,
)
from pipeline.components.evaluator.list_features import LONGEST
from pipeline.components.example_gen.splits.split_example import TEST, TRAIN
from pipeline.components.item_features.catalogue_graph import has_item_features, read_categories
from pipeline.components.transform.vocabulary import vocabulary_file


@component(use_beam=True)
def EvaluationFeatures(
    examples: InputArtifact[Examples],
    transform_graph: InputArtifact[TransformGraph],
    transitions: InputArtifact[File],
    list_length: Parameter[int],
    test_examples: OutputArtifact[Examples],
    beam_pipeline: BeamComponentParameter[beam.Pipeline] = None,
) -> None:
    """Writes a copy of the test split with slices, and with what the baselines answer.

    The ranks and lists of the counted transitions are here and not in the export, which would have
    to carry a table of the counts that no server needs. Beside the Examples is what the evaluation
    has to know of the items: how many training users had each of them.

    Args:
        examples: ExampleGen's output.
        transform_graph: Transform's output, which has the vocabulary, or that of ItemFeatures.
        transitions: ItemTransitions' output.
        list_length: How many items a list of a baseline has: `list_features.LONGEST`. Examples
            of an earlier version, which have no lists, are thus not taken from the cache.
        test_examples: The output: the test split with the additional features.
        beam_pipeline: An empty Beam pipeline.

    Raises:
        ValueError: `list_length` is another.
    """
    if list_length != LONGEST:
        raise ValueError(f"list_length must be {LONGEST}, got {list_length}: compile anew.")
    test_examples.split_names = artifact_utils.encode_split_names([TEST])
    train, test = (
        os.path.join(artifact_utils.get_split_uri([examples], split), "*")
        for split in (TRAIN, TEST)
    )
    output = os.path.join(artifact_utils.get_split_uri([test_examples], TEST), "examples")
    # Inside the artifact, because every worker can reach that folder.
    working_folder = os.path.join(test_examples.uri, "working")
    if fileio.exists(working_folder):  # An attempt that was killed has left it.
        fileio.rmtree(working_folder)
    with beam_pipeline as pipeline:
        trained_on = pipeline | "ReadTrain" >> beam.io.ReadFromTFRecord(train)
        _ = trained_on | WriteTrainingUsers(working_folder)
        _ = (
            pipeline
            | "ReadTest" >> beam.io.ReadFromTFRecord(test)
            | AddSliceFeatures(trained_on, has_item_features(transform_graph.uri))
            | AddBaselineAnswers(transform_graph.uri, transitions.uri)
            | beam.io.WriteToTFRecord(output, file_name_suffix=".gz")
        )
    items = read_items(vocabulary_file(transform_graph.uri))
    users = read_training_users(working_folder, items)
    write_catalogue(test_examples.uri, CatalogueFiles(items, *users))
    write_categories(test_examples.uri, read_categories(transform_graph.uri))
    fileio.rmtree(working_folder)
