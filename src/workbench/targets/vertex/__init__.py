"""Vertex AI: a version in the Model Registry, served by an endpoint whose traffic is split; jobs and pipelines, too.

The real SDK's own clients (``google.cloud.aiplatform_v1``, ``google.cloud.storage``) speak REST, and try nothing again:
that is decided in :mod:`workbench.targets.deployment`, and the same for all targets.
"""
