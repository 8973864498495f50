"""What the bundles share: losses, noise models, transforms, metrics, data, workflow and reports.

Imports run downward only; the order of the floors is in ``docs/architecture.md``.
"""

from common.errors import InputError

__all__ = ["InputError", "__version__"]
__version__ = "0.1.0"
