"""The product beside other ways to do the same work, on one machine, in one run."""
