"""Data sets: which files belong together (layouts), which cases are trained on (splits), what is to be segmented."""

import lazy_loader

from common import SearchPath

__path__ = SearchPath(__path__, __name__)
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
