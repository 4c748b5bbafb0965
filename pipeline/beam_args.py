"""Beam's options for the components, completed with what TFX and Beam leave open."""

from collections.abc import Sequence

from apache_beam.options.pipeline_options import PipelineOptions

# Beam's DirectRunner only chooses a runner at every pipeline, this one for all of ours; but first
# it looks for the binary of another one (Prism) to download. All options named direct_* hold here.
_LOCAL_RUNNER = "FnApiRunner"
_CHOOSES_A_RUNNER = (None, "DirectRunner")
# Where none of these is set, TFX packs itself up for the workers, at each component.
_PACKAGES = ("sdk_container_image", "setup_file", "requirements_file", "extra_packages")


def complete_beam_args(chosen: Sequence[str] | None = None) -> list[str]:
    """Beam's options of a run.

    Args:
        chosen: A person's. Without a runner, Beam works on the machine of each component: in its
            process, or in others with `--direct_running_mode=multi_processing`.
    """
    arguments = list(chosen or ())
    options = PipelineOptions(arguments).get_all_options()
    if options["runner"] in _CHOOSES_A_RUNNER:
        arguments.append(f"--runner={_LOCAL_RUNNER}")
        options["runner"] = _LOCAL_RUNNER
    if options["runner"] == _LOCAL_RUNNER and not any(options[name] for name in _PACKAGES):
        # Workers on this machine have everything; "none" is no image and keeps TFX from packing.
        arguments.append("--sdk_container_image=none")
    return arguments
