"""What the data does: the Kedro package. One folder a pipeline."""
