"""What the workbench is made of: plain Python, usable from a notebook without Kedro running."""
