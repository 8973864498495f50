"""Annotators' files as their tools write them: each to masks on the image's own grid, and back."""

import lazy_loader

from common import SearchPath

__path__ = SearchPath(__path__, __name__)
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
