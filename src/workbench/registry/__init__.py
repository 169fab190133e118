"""The registry: MLflow runs, models without pickle, and the gate between a challenger and the champion.

``store`` says where everything lies and opens it; ``runs`` and ``provenance`` record a run; ``flavor`` and ``models``
keep model versions; ``gate`` decides and ``promotion`` carries the decision out.
"""
