"""The atlas: all methods, all kinds of label errors, several data sets, one protocol.

`data_sets` reads, `label_errors` spoils, `methods` says what is learned from it and how the result is decided on,
`training` trains, `measures` compares with the clean labels, `results` sums up. ``python -m benchmarks.atlas`` has the
commands; ``make benchmark TABLE=atlas`` runs all of them.
"""
