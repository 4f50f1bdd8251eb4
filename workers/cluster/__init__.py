"""The same mailbox, job table and workers as actors on a Ray cluster.

Importing a module of this package imports `ray`, except `environment`; `workers.backends` is the
only one that does so.
"""
