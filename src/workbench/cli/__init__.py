"""The commands: ``kedro client|fleet|report|mlflow …``. Click only; the logic lies in the rooms below."""
