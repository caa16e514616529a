"""Manifests: resources as YAML that can be applied again and again.

`applying.apply` is the verb; `kinds.KINDS` says what there is.
"""
