"""What Beam (2.77) finds out again and again while it builds and runs a pipeline, found out once. Nothing here changes what is computed.

Beam is pinned, and a test fails when it keeps its options otherwise.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock


@contextmanager
def quick_beam() -> Iterator[None]:
    """Within the block Beam remembers the views of its options.

    `PipelineOptions.view_as` makes a parser of all options in each call, 1,446 times in a small Transform: a seventh of its time.
    """
    from apache_beam.options.pipeline_options import PipelineOptions

    view_as = PipelineOptions.view_as
    views: dict[tuple[int, type], tuple[Any, object]] = {}

    def remembered(self: Any, cls: type) -> Any:
        options = self._all_options  # which all views of one set of options share
        key = id(options), cls
        if key not in views:
            views[key] = view_as(self, cls), options  # kept, so that no other set is given this id
        return views[key][0]

    with mock.patch.object(PipelineOptions, "view_as", remembered):
        yield
