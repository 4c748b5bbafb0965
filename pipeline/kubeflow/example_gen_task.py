"""The task of ExampleGen in a container: TFX's driver, then TFX's container entry point."""

import argparse
from collections.abc import Sequence

from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor
from tfx.orchestration.kubeflow.v2.file_based_example_gen import driver


def main(arguments: Sequence[str] | None = None) -> None:
    """Takes the arguments of the entry point.

    The driver leaves span, version and the pattern of the files in the output file, where the
    entry point looks for them.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executor_class_path", required=True)
    parser.add_argument("--json_serialized_invocation_args", required=True)
    parser.add_argument("--json_serialized_inputs_spec_args", required=True)
    options, beam_args = parser.parse_known_args(arguments)
    driver.main(options)
    kubeflow_v2_run_executor.main((options, beam_args))


if __name__ == "__main__":
    main()
