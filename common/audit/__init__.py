"""Which labels of a data set are wrong, and in what way: labels compared with probabilities of networks."""

import lazy_loader

from common import SearchPath

__path__ = SearchPath(__path__, __name__)
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
