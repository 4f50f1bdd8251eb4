"""Messages, protocols, errors, limits and logs that all processes share.

Imports nothing of state, worker and runtime.
"""
