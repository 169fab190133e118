"""The tiny project."""
