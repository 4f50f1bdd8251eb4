"""The web process: takes jobs over HTTP and shows them. Imports what workers/__init__ lists."""
