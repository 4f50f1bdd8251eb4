"""Converts images that Imgur would refuse.

Runs in processes of its own: a fork server that a worker starts, and a converter process for each
image. Imports nothing of the other packages, so that little is loaded, and an attacker who takes
over a decoder finds little. `workers` imports `order` and nothing else.
"""
