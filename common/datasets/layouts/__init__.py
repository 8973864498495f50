"""One module per layout of a data set: `EXPECTS`, `recognize(root)` and `read(root, **options)`, and no split."""
