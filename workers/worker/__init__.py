"""Runs in a worker process: leases a task, does it, reports its outcome.

Imports the contract only.
"""
