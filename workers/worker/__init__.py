"""Runs in a worker process: leases tasks, processes them, reports their outcomes.

Imports the contract only.
"""
