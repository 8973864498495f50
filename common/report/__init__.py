"""Pictures of a user's data and runs, and pages that need nothing else."""

import lazy_loader

from common import SearchPath

__path__ = SearchPath(__path__, __name__)
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
