"""Beam's options, remembered: every view tells the same as before, and a change through one is seen through all."""

from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions

from components.tfx.beam import quick_beam

ARGUMENTS = ["--runner=DirectRunner", "--direct_num_workers=3"]


def told(options: PipelineOptions) -> tuple[dict[str, object], dict[str, object]]:
    """What two views of the options tell."""
    return options.view_as(StandardOptions).get_all_options(), options.view_as(DirectOptions).get_all_options()


def test_a_view_tells_what_it_told_before() -> None:
    before = told(PipelineOptions(ARGUMENTS))
    with quick_beam():
        options = PipelineOptions(ARGUMENTS)
        assert told(options) == before == told(options)
        assert options.view_as(DirectOptions).direct_num_workers == 3


def test_a_view_is_made_once() -> None:
    options = PipelineOptions(ARGUMENTS)
    assert options.view_as(DirectOptions) is not options.view_as(DirectOptions)
    with quick_beam():
        assert options.view_as(DirectOptions) is options.view_as(DirectOptions)


def test_a_change_through_one_view_is_seen_through_another() -> None:
    with quick_beam():
        options = PipelineOptions(ARGUMENTS)
        options.view_as(StandardOptions).runner = "another"
        assert options.view_as(DirectOptions).view_as(StandardOptions).runner == "another"


def test_other_options_have_views_of_their_own() -> None:
    with quick_beam():
        first, second = PipelineOptions(ARGUMENTS), PipelineOptions(["--direct_num_workers=1"])
        assert first.view_as(DirectOptions).direct_num_workers == 3
        assert second.view_as(DirectOptions).direct_num_workers == 1
