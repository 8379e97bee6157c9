"""The paper's claims (C1-C18): summary tables and a role map in, effects and verdict out.

A role map says which benchmark counts as in-domain (ID), out of domain (OOD) or general (GEN). No claim knows a model
or a data set by name: the caller says which table holds which kind of run. Definitions stand in notebooks/PREREG.md.
"""
