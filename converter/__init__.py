"""Images that Imgur would refuse, made fit for it.

Runs in processes of its own: a fork server that a worker starts, and a converter process for each
image. Imports nothing of the other packages, so that little is loaded, and little is at hand for
whoever takes over a decoder. `workers` imports `order` and nothing else.
"""
