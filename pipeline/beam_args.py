"""Beam's options for the components, with better defaults than those of TFX and Beam."""

from collections.abc import Sequence

from apache_beam.options.pipeline_options import PipelineOptions

# Beam's DirectRunner chooses another runner for each pipeline. For all of ours it is this one, but
# before that it looks for a binary of another one (Prism) to download. The options named direct_*
# apply to this one too.
_LOCAL_RUNNER = "FnApiRunner"
_CHOOSES_A_RUNNER = (None, "DirectRunner")
# If none of these is set, TFX builds a package of itself for the workers, for each component.
_PACKAGES = ("sdk_container_image", "setup_file", "requirements_file", "extra_packages")


def complete_beam_args(chosen: Sequence[str] | None = None) -> list[str]:
    """Beam's options for a run.

    Args:
        chosen: The options that the user has given, by default none. Without a runner among them,
            Beam runs on the machine of each component: in the process of the component, or in
            several with `--direct_running_mode=multi_processing`.
    """
    arguments = list(chosen or ())
    options = PipelineOptions(arguments).get_all_options()
    if options["runner"] in _CHOOSES_A_RUNNER:
        arguments.append(f"--runner={_LOCAL_RUNNER}")
        options["runner"] = _LOCAL_RUNNER
    if options["runner"] == _LOCAL_RUNNER and not any(options[name] for name in _PACKAGES):
        # Workers on this machine have all packages. "none" is not an image, but keeps TFX from
        # building a package.
        arguments.append("--sdk_container_image=none")
    return arguments
