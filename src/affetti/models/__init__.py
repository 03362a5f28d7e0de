"""Networks: generators with one ``sample``, regressors with one ``predict``. Tensors and state dicts only, no files."""
