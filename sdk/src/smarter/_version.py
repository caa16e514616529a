"""The version of both packages."""

__version__ = "0.7.0"
