"""What the bundles share: losses, noise models, transforms, metrics, data, workflow and reports.

Imports run downward only; the order of the floors is in ``docs/architecture.md``. Every packaged bundle has its own
copy; a process has one for all bundles, so that two bundles whose copies differ in version cannot share it, see
`common.workflow.one_version`. Importing it changes nothing in the process.
"""

from common.errors import InputError

__all__ = ["InputError", "__version__"]
__version__ = "0.1.0"
