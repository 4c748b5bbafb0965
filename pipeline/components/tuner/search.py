"""`tuner_fn`, which TFX's Tuner calls: from transformed Examples to the best hyperparameters."""

import dataclasses
import os

import keras
import keras_tuner
from keras_tuner.engine import base_tuner, trial
from rich.console import Console
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.components.tuner.component import TunerFnResult

from mclrec_tf.data.item_features import ItemFeatures
from pipeline.components.item_features.catalogue_graph import read_item_features
from pipeline.components.trainer.fit import TrainingData, fit, model_of, read_training_data
from pipeline.components.transform.vocabulary import vocabulary_size
from pipeline.components.tuner.custom_config import TunerConfig
from pipeline.components.tuner.search_space import SearchSpace, with_values
from pipeline.settings import ModelSettings, TrainingSettings, from_json

# The first trials are random. From then on, the results of earlier trials guide the search.
_INITIAL_TRIALS = 5


def tuner_fn(fn_args: FnArgs) -> TunerFnResult:
    """Builds the search that TFX then runs.

    A search that was killed resumes from its backup, even within a trial, when it is started again
    with the same inputs and settings.

    Args:
        fn_args: TFX's arguments. `custom_config` is a `TunerConfig`.

    Raises:
        FileNotFoundError: A split has no files, or Transform's output has no vocabulary.
    """
    config = from_json(TunerConfig, fn_args.custom_config)
    data = read_training_data(fn_args.train_files, fn_args.eval_files)
    tuner = Search(
        model=config.model,
        training=config.training,
        space=config.space,
        trials=config.trials,
        num_items=vocabulary_size(fn_args.transform_graph_path),
        item_features=read_item_features(fn_args.transform_graph_path, data.train),
        directory=config.backup(
            fn_args.train_files, fn_args.eval_files, fn_args.transform_graph_path
        ),
    )
    return TunerFnResult(tuner=tuner, fit_kwargs={"data": data})


class Search(base_tuner.BaseTuner):
    """Trains with different hyperparameters and finds those with the best validation metric.

    The first hyperparameters are drawn at random, later ones by Bayesian optimization. A trial that
    diverges, or whose settings contradict each other, counts as failed, and the search goes on.
    Three failed trials in a row end it.

    Args:
        model: The settings of the model. Those in `space` are replaced.
        training: The settings of the training. Those in `space` are replaced. `monitor` is the
            metric that is maximized, and `seed` also seeds the search.
        space: The values to try, by setting.
        trials: The number of trainings.
        num_items: The number of items in the vocabulary, |I|.
        directory: The folder in which the search keeps its state, so that it can resume.
        item_features: The features of the items, if they have any.
    """

    def __init__(
        self,
        model: ModelSettings,
        training: TrainingSettings,
        space: SearchSpace,
        trials: int,
        num_items: int,
        directory: str,
        item_features: ItemFeatures | None = None,
    ):
        self._model, self._training = model, training
        self._num_items = num_items
        self._item_features = item_features
        self._trials = trials
        self._console = Console(highlight=False, markup=False, soft_wrap=True)
        hyperparameters = keras_tuner.HyperParameters()
        for name, values in space.items():
            hyperparameters.Choice(name, list(values))
        oracle = keras_tuner.oracles.BayesianOptimizationOracle(
            objective=keras_tuner.Objective(training.monitor, "max"),
            max_trials=trials,
            num_initial_points=min(_INITIAL_TRIALS, trials),
            seed=training.seed + 1,  # KerasTuner takes 0 for no seed.
            hyperparameters=hyperparameters,
            tune_new_entries=False,
            allow_new_entries=False,
        )
        parent, name = os.path.split(directory)
        super().__init__(oracle, directory=parent, project_name=name)
        oracle.verbose = 0

    def run_trial(self, trial: trial.Trial, data: TrainingData) -> dict[str, float]:
        """Trains once and returns the best value of the monitored metric.

        Args:
            trial: The trial, with its hyperparameters.
            data: What is trained and validated on.
        """
        values = trial.hyperparameters.values
        shown = ", ".join(f"{name.strip('_')} {value}" for name, value in values.items())
        self._console.print(f"       trial {int(trial.trial_id) + 1}/{self._trials}: {shown}")
        settings, training = with_values(values, self._model, self._training)
        keras.utils.set_random_seed(training.seed)
        # Counts join the scores after the training, whose metric is that of the encoder.
        settings = dataclasses.replace(settings, counts=False)
        model = model_of(self._num_items, settings, training, data.train, self._item_features)
        state = os.path.join(self.get_trial_dir(trial.trial_id), "state")
        stopping = fit(model, data, training, state, settings.item_start).stopping
        stopping.discard()
        return {training.monitor: stopping.best_so_far}
