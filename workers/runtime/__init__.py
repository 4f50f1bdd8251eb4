"""Starts, watches and connects the processes; the only package that knows the other three."""
