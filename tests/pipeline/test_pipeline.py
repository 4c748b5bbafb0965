"""The pipeline is the same for every orchestrator."""

import json
from pathlib import Path

from tfx import v1 as tfx

from pipeline.pipeline import create_pipeline
from pipeline.settings import Settings


def test_it_compiles_for_kubeflow(tmp_path: Path):
    pipeline = create_pipeline(
        pipeline_root="gs://bucket/artifacts",
        data_path="gs://bucket/events",
        model_directory="gs://bucket/models/mclrec",
        settings=Settings(),
        beam_args=("--runner=DataflowRunner",),
        compare_only_with_others=False,
    )
    runner = tfx.orchestration.experimental.KubeflowV2DagRunner(
        config=tfx.orchestration.experimental.KubeflowV2DagRunnerConfig(default_image="image"),
        output_dir=str(tmp_path),
        output_filename="pipeline.json",
    )
    runner.run(pipeline, write_out=True)
    spec = json.loads((tmp_path / "pipeline.json").read_text())["pipelineSpec"]
    tasks = spec["root"]["dag"]["tasks"]
    # The order is part of the graph: nothing is learned from data that the gate has not seen.
    assert "DataGate" in tasks["Transform"]["dependentTasks"]
    assert "LastAcceptedData" in tasks["DataGate"]["dependentTasks"]
    assert {"FileBasedExampleGen", "Trainer", "ExportCheck", "Evaluator", "Pusher"} <= tasks.keys()
    text = json.dumps(spec)
    for module in ("pipeline.trainer.run_fn", "pipeline.pusher.PusherExecutor"):
        assert module in text
