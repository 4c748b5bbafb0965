"""The component that counts the transitions and chooses their decay."""

import os

import apache_beam as beam
from tfx.dsl.component.experimental.annotations import (
    BeamComponentParameter,
    InputArtifact,
    OutputArtifact,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.experimental.simple_artifacts import File
from tfx.types.standard_artifacts import Examples, TransformGraph

from mclrec_tf.evaluation.decay import DECAYS, best_decay, sample_of
from mclrec_tf.evaluation.item_transitions import ItemTransitions as Baseline
from pipeline.components.example_gen.splits.split_example import TRAIN, VALIDATION
from pipeline.components.item_transitions.count import WriteFollowers, read_followers
from pipeline.components.item_transitions.table import write_transitions
from pipeline.components.trainer.transformed_examples import read_held_out
from pipeline.components.transform.vocabulary import vocabulary_size

MAX_FOLLOWERS = 100
"""How many followers of an item are kept. The table takes 800 bytes an item."""


@component(use_beam=True)
def ItemTransitions(
    transformed_examples: InputArtifact[Examples],
    transform_graph: InputArtifact[TransformGraph],
    transitions: OutputArtifact[File],
    beam_pipeline: BeamComponentParameter[beam.Pipeline] = None,
) -> None:
    """Writes the baseline `mclrec_tf.evaluation.item_transitions`, counted over the train split.

    Only the train split is counted, which holds no event of validation or test. The decay is the
    one that ranks the targets of validation users best, so that a model has to beat the baseline at
    its best. The test split is never read.

    Args:
        transformed_examples: Transform's output.
        transform_graph: Transform's output, which has the number of items.
        transitions: The output, as `write_transitions` writes it.
        beam_pipeline: An empty Beam pipeline.
    """
    train, validation = (
        os.path.join(artifact_utils.get_split_uri([transformed_examples], split), "*")
        for split in (TRAIN, VALIDATION)
    )
    num_items = vocabulary_size(transform_graph.uri)
    # Inside the artifact, because every worker can reach that folder.
    working_folder = os.path.join(transitions.uri, "working")
    if fileio.exists(working_folder):  # An attempt that was killed has left it.
        fileio.rmtree(working_folder)
    with beam_pipeline as pipeline:
        _ = pipeline | WriteFollowers(train, working_folder, MAX_FOLLOWERS)
    counted = Baseline(*read_followers(working_folder, num_items, MAX_FOLLOWERS))
    fileio.rmtree(working_folder)
    best, _ = best_decay(counted, sample_of(read_held_out([validation])), DECAYS)
    write_transitions(transitions.uri, best)
