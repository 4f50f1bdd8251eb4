"""A stand-in for Imgur and for source sites, for demos and tests.

``python -m sandbox`` starts it. Every response has ``X-Sandbox``, and every link it hands out has
``/sandbox/`` in its path, so that nothing can be mistaken for the real Imgur. Imports none of the
other packages.
"""
