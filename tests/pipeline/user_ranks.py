"""The rank of each user's test item, found in four ways that have to agree."""

import json
from pathlib import Path
from typing import Any

import apache_beam as beam
import keras
import numpy as np
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tfx_bsl.public.tfxio import TFExampleRecord

from mclrec_tf.data.histories import HeldOut, Histories
from mclrec_tf.evaluation import offline as evaluation
from mclrec_tf.evaluation.baselines import Popularity, Recency
from mclrec_tf.evaluation.beyond_accuracy import summarize_lists
from mclrec_tf.evaluation.catalogue import Catalogue
from mclrec_tf.evaluation.item_transitions import ItemTransitions
from mclrec_tf.evaluation.ranks import POLICIES
from mclrec_tf.evaluation.recommended_lists import recommend_lists
from pipeline.beam_args import complete_beam_args
from pipeline.components.evaluator.eval_config import eval_config
from pipeline.components.evaluator.tfma_metrics import (
    COUNTED,
    RANK_FEATURES,
    RANKINGS,
    rank_name,
)
from pipeline.components.item_transitions.component import MAX_FOLLOWERS
from pipeline.components.item_transitions.table import read_how
from pipeline.components.trainer.transformed_examples import read_training
from pipeline.runners.local.run_history import ComponentRun
from serving.client import RecommendationClient

Ranks = dict[str, dict[str, int]]  # by user, then by ranking

_EXPORTED = [ranking for ranking in RANKINGS if rank_name(ranking) not in RANK_FEATURES]


class FinishedRun:
    """The Examples and models of a finished run.

    Args:
        components: as `RunHistory.latest` returns them.
        served: folder of the pushed version.
    """

    def __init__(self, components: dict[str, ComponentRun], served: Path):

        def output(component: str, key: str) -> str:
            return components[component].outputs[key][0].uri

        self.test_files = str(Path(output("FileBasedExampleGen", "examples"), "Split-test", "*"))
        evaluated = output("EvaluationFeatures", "test_examples")
        self.evaluated_files = str(Path(evaluated, "Split-test", "*"))
        transformed = output("Transform", "transformed_examples")
        self.train_files = str(Path(transformed, "Split-train", "*"))
        self.transitions = output("ItemTransitions", "transitions")
        self.keras_file = Path(output("Trainer", "model"), "model.keras")
        self.served = served

    def examples(self) -> list[bytes]:
        files = tf.io.gfile.glob(self.test_files)
        return list(tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator())

    def users(self) -> list[tuple[str, list[bytes], bytes]]:
        """User, history and target of each test Example."""
        users = []
        for record in self.examples():
            feature = tf.train.Example.FromString(record).features.feature
            user, target = (feature[name].bytes_list.value[0] for name in ("user_id", "target"))
            users.append((user.decode(), list(feature["history"].bytes_list.value), target))
        return users

    def served_ranks(self, batch_size: int = 200) -> Ranks:
        """By the pushed SavedModel, without Beam; it has no transitions."""
        rank_examples = tf.saved_model.load(str(self.served)).signatures["rank_examples"]
        found: dict[str, list[int]] = {name: [] for name in _EXPORTED}
        examples = self.examples()
        for start in range(0, len(examples), batch_size):
            outputs = rank_examples(examples=tf.constant(examples[start : start + batch_size]))
            for name in _EXPORTED:
                found[name] += outputs[rank_name(name)].numpy().tolist()
        return _by_user([user for user, _, _ in self.users()], found)

    def test_split(self) -> HeldOut:
        """Histories and targets by id."""
        names = (self.served / "assets" / "items").read_bytes().split(b"\n")[:-1]
        id_of = {name: number for number, name in enumerate(names, start=1)}
        histories = [[id_of[item] for item in items] for _, items, _ in self.users()]
        targets = np.array([id_of[target] for _, _, target in self.users()], np.int32)
        return HeldOut(Histories.from_lists(histories), targets)

    def scorers(self) -> dict[str, Any]:
        """The model of the Keras file, and the baselines, with counts of our own, by prefix."""
        model = keras.saving.load_model(self.keras_file)
        counted = ItemTransitions.from_histories(
            read_training([self.train_files]),
            model.num_items,
            *read_how(self.transitions),
            max_followers=MAX_FOLLOWERS,
        )
        return {
            "": model,
            "popularity_": Popularity(model.num_items),
            "recency_": Recency(model.num_items),
            f"{COUNTED}_": counted,
        }

    def offline_lists(self) -> dict[str, float]:
        """What is recommended, as `mclrec_tf.evaluation` tells it, by the Evaluator's names."""
        histories, _ = self.test_split()
        scorers = self.scorers()
        model = scorers[""]
        catalogue = Catalogue.from_histories(
            read_training([self.train_files]),
            model.num_items,
            np.asarray(model.encoder.item_embedding.candidates()),
        )
        return {
            f"{prefix}{name}": value
            for prefix, scorer in scorers.items()
            for name, value in summarize_lists(
                recommend_lists(scorer, histories), catalogue, histories
            ).items()
        }

    def offline_ranks(self) -> Ranks:
        """By `mclrec_tf.evaluation` with the Keras file and its own counts: no SavedModel."""
        histories, targets = self.test_split()
        users = self.users()
        scorers = self.scorers()
        found = {}
        for prefix in ("", f"{COUNTED}_"):
            scorer = scorers[prefix]
            ranks = evaluation.rank_targets(scorer, histories, targets)._asdict()
            found |= {f"{prefix}{policy}": of_users.tolist() for policy, of_users in ranks.items()}
        return _by_user([user for user, _, _ in users], found)

    def answered_ranks(self, address: str) -> Ranks:
        """By the answers of a server of the version, over gRPC, with every item asked for."""
        users = [
            (user, [item.decode() for item in items], target.decode())
            for user, items, target in self.users()
        ]
        catalogue = len((self.served / "assets" / "items").read_bytes().split(b"\n")) - 1
        found: dict[str, list[int]] = {policy: [] for policy in POLICIES}
        with RecommendationClient(address) as client:
            for policy in POLICIES:
                answers = client.recommend_batch(
                    [items for _, items, _ in users],
                    k=catalogue,
                    keep_seen=policy == "all_items",
                )
                for (_, _, target), answer in zip(users, answers, strict=True):
                    scores = dict(answer)
                    # An item that may not be recommended comes behind all that may.
                    own = scores.get(target, -np.inf)
                    found[policy].append(1 + sum(score > own for score in scores.values()))
        return _by_user([user for user, _, _ in users], found)

    def evaluator_ranks(self, folder: Path) -> Ranks:
        """By the extractors of TFMA, configured as the Evaluator is."""
        config = tfma.utils.update_eval_config_with_defaults(eval_config(), rubber_stamp=True)
        model = tfma.default_eval_shared_model(str(self.served), eval_config=config)
        # Without a schema, as the Evaluator: it would leave out the features that are not in it.
        source = TFExampleRecord(
            self.evaluated_files, raw_record_column_name=tfma.ARROW_INPUT_COLUMN
        )
        options = beam.pipeline.PipelineOptions(complete_beam_args())
        with beam.Pipeline(options=options) as pipeline:
            extracts = (
                pipeline | source.BeamSource() | "ToExtracts" >> tfma.BatchedInputsToExtracts()
            )
            for extractor in tfma.default_extractors(eval_shared_model=model, eval_config=config):
                extracts |= extractor.stage_name >> extractor.ptransform
            _ = (
                extracts
                | "RanksAsJson" >> beam.Map(_ranks_as_json)
                | beam.io.WriteToText(str(folder / "ranks"))
            )
        ranks: Ranks = {}
        for file in folder.glob("ranks*"):
            for line in file.read_text().splitlines():
                ranks |= json.loads(line)
        return ranks


def _ranks_as_json(extracts: tfma.Extracts) -> str:
    users = [np.ravel(user)[0].decode() for user in extracts["features"]["user_id"]]
    ranks = {**extracts["predictions"], **extracts["features"]}
    found = {name: np.ravel(ranks[rank_name(name)]).tolist() for name in RANKINGS}
    return json.dumps(_by_user(users, found))


def _by_user(users: list[str], found: dict[str, list[int]]) -> Ranks:
    return {
        user: {name: ranks[place] for name, ranks in found.items()}
        for place, user in enumerate(users)
    }
