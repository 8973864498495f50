"""Data sets: which files belong together (layouts), which cases are trained on (splits), what is to be segmented."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
