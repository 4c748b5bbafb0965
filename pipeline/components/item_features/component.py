"""The component that reads the table of the catalogue."""

from rich.console import Console
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import TransformGraph

from mclrec_tf.data.item_features_table import read_item_features
from pipeline.components.item_features.catalogue_graph import write_catalogue_graph
from pipeline.components.transform.vocabulary import item_ids, vocabulary_file
from pipeline.settings import CatalogueSettings, from_json


@component
def ItemFeatures(
    transform_graph: InputArtifact[TransformGraph],
    settings: Parameter[str],
    item_column: Parameter[str],
    fingerprint: Parameter[str],
    catalogue: OutputArtifact[TransformGraph],
) -> None:
    """Writes Transform's output with a vocabulary of all items, and their features beside it.

    Every later component takes the vocabulary from Transform's output, so it needs no other input
    for items without events. The numbers of the items that have events do not change, and with
    them no transformed Example.

    Args:
        transform_graph: Transform's output.
        settings: `CatalogueSettings` as JSON.
        item_column: The log's name for the column with the ids.
        fingerprint: That of the files of the table, so that a changed table is read again. "" where
            nothing is cached.
        catalogue: The output, see `write_catalogue_graph`.

    Raises:
        ItemTableError: The table cannot be used.
    """
    del fingerprint  # It is a part of the key of the cache, and of nothing else.
    chosen = from_json(CatalogueSettings, settings)
    features, items, report = read_item_features(
        chosen.items,
        item_ids(vocabulary_file(transform_graph.uri)),
        chosen.category_names,
        chosen.vector_names,
        item_column,
    )
    console = Console(highlight=False, markup=False, soft_wrap=True)
    for sentence in report.sentences():
        console.print(f"       {sentence}")
    write_catalogue_graph(catalogue.uri, transform_graph.uri, features, items, report.sentences())
