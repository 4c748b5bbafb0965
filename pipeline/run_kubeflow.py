"""Command line: compiles the pipeline for Kubeflow Pipelines or Vertex AI Pipelines.

Example:
    python -m pipeline.run_kubeflow --data gs://shop/events/ --pipeline-root gs://shop/artifacts \\
        --serving-dir gs://shop/models --image IMAGE --output mclrec.yaml
"""

import argparse
import os
import sys
from pathlib import Path

from pipeline.cli.command_line import add_beam_args, add_model_name, add_pipeline_name, parse, path
from pipeline.cli.os_errors import tells_os_errors
from pipeline.cli.setting_options import add_settings
from pipeline.extras import KUBEFLOW, need_extra
from pipeline.settings import option
from serving.command_line import not_empty
from serving.tensorflow_log import load_tensorflow_quietly

_EPILOG = """\
Nothing is submitted: the spec is a file for `kfp run create`, the user interface of Kubeflow
Pipelines, or google.cloud.aiplatform.PipelineJob. On submission, the pipeline root and the spec's
parameters (data_folder, push_destination, state_folder, trainer_config) can be changed; all other
options are fixed here. `python -m pipeline.runners.kubeflow.try_spec` tests a spec on this machine,
and pipeline/runners/kubeflow/README.md explains how to build the image and what a cluster needs.

exit status: 0 compiled; 1 error; 2 wrong options
"""


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = argparse.ArgumentParser(
        prog="python -m pipeline.run_kubeflow",
        usage="%(prog)s --data LOG --pipeline-root URI --serving-dir URI --image IMAGE [options]",
        description="Compiles the pipeline of pipeline.run_local for Kubeflow Pipelines 2 or "
        "Vertex AI Pipelines. All containers must be able to reach every URI, for example gs://.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument(
        "--data",
        required=True,
        type=not_empty,
        metavar="LOG",
        help="the event log: a file, a folder with / at its end, or a glob pattern, in which "
        "{SPAN} and {VERSION} stand for the newest ones",
    )
    result.add_argument(
        "--pipeline-root",
        required=True,
        type=not_empty,
        metavar="URI",
        help="folder of the artifacts of all runs",
    )
    result.add_argument(
        "--serving-dir",
        required=True,
        type=not_empty,
        metavar="URI",
        help="folder of served models; the model goes to URI/MODEL_NAME/VERSION",
    )
    add_model_name(result)
    add_pipeline_name(result)
    result.add_argument(
        "--image",
        required=True,
        type=not_empty,
        help="container image, built from pipeline/runners/kubeflow/Dockerfile",
    )
    result.add_argument(
        "--output",
        type=path,
        default=Path("mclrec.yaml"),
        metavar="FILE",
        help="the spec, a YAML file (default: %(default)s)",
    )
    result.add_argument(
        "--accept-missing",
        action="store_true",
        help="compile a pipeline whose runs go on if artifacts of earlier runs are gone; nothing "
        "is compared with these, and the page about the run says so",
    )
    add_beam_args(
        result,
        example="--runner=DataflowRunner --project=shop --region=europe-west1 "
        "--temp_location=gs://shop/tmp --sdk_container_image=IMAGE",
        default="in the container of each component",
    )
    add_settings(result)
    return result


@tells_os_errors
def main(arguments: list[str] | None = None) -> int:
    """Compiles the spec and returns the exit status."""
    options_parser = parser()
    options, chosen = parse(options_parser, arguments)
    if options.output.suffix not in (".yaml", ".yml"):
        options_parser.error(f"--output must end in .yaml or .yml, got {str(options.output)!r}.")
    need_extra("kubeflow", KUBEFLOW)
    load_tensorflow_quietly()
    # These imports take seconds. They are made here so that --help answers at once.
    import mclrec_tf  # noqa: F401  (says which backend Keras needs, before TFX imports Keras)
    from pipeline.pipeline import kubeflow_pipeline
    from pipeline.runners.kubeflow.spec import compile_spec, write_spec

    try:
        pipeline = kubeflow_pipeline(
            pipeline_root=options.pipeline_root,
            data_path=options.data,
            model_directory=os.path.join(options.serving_dir, options.model_name),
            settings=chosen,
            pipeline_name=options.pipeline_name,
            beam_args=options.beam_args,
            state_folder=os.path.join(options.pipeline_root, "state"),
            accept_missing=options.accept_missing,
        )
    except ValueError as error:
        options_parser.error(str(error))
    write_spec(compile_spec(pipeline, options.image), options.output)
    print(f"Compiled {len(pipeline.components)} components to {options.output}")
    for name in ("data", "pipeline_root", "serving_dir", "item_names", "items"):
        value = getattr(options, name)
        if value and "://" not in value:
            kind = "file" if name in ("item_names", "items") else "folder"
            print(
                f"note: {option(name)} is a path, not a URI: it has to be the same {kind} "
                "in every container"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
