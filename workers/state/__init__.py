"""Runs in the Manager, or in the state actor of a cluster: plain classes that know no process.

Imports the contract only.
"""
