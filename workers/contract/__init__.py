"""What crosses a process boundary, and what all processes share: values, protocols, errors, logs.

Imports nothing of state, worker and runtime.
"""
