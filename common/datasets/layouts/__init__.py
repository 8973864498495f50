"""One module per layout of a data set: `EXPECTS`, `recognize(root)` and `read(root, **options)`, and no split."""

from common import SearchPath

__path__ = SearchPath(__path__, __name__)
