"""The pictures of the documentation that are drawn from numbers."""
