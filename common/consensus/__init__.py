"""The consensus of annotators over a whole data set: which cases, one case, all cases, the table and the page."""

import lazy_loader

from common import SearchPath

__path__ = SearchPath(__path__, __name__)
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
