"""Tools for those who write models."""
