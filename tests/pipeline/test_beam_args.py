"""Beam's options: what a person chose, completed so that nothing is downloaded or packed up."""

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.beam_args import complete_beam_args


def completed(*chosen: str) -> dict:
    return PipelineOptions(complete_beam_args(chosen)).get_all_options()


@pytest.mark.parametrize("chosen", [[], ["--runner=DirectRunner"], ["--runner", "DirectRunner"]])
def test_on_one_machine_no_runner_is_downloaded_and_nothing_packed_up(chosen: list[str]):
    options = completed(*chosen)
    assert options["runner"] == "FnApiRunner"
    assert options["sdk_container_image"] == "none"
    assert options["direct_running_mode"] == "in_memory"


def test_workers_of_a_run_on_one_machine():
    options = completed("--direct_running_mode=multi_processing", "--direct_num_workers=2")
    assert options["runner"] == "FnApiRunner"
    assert (options["direct_running_mode"], options["direct_num_workers"]) == (
        "multi_processing",
        2,
    )


@pytest.mark.parametrize(
    "chosen",
    [
        ["--runner=DataflowRunner", "--sdk_container_image=image"],
        ["--runner=PortableRunner", "--job_endpoint=jobs:8099", "--environment_type=LOOPBACK"],
        ["--runner=FnApiRunner", "--extra_package=mclrec.tar.gz"],
    ],
)
def test_what_was_chosen_is_left_alone(chosen: list[str]):
    assert complete_beam_args(chosen) == chosen
