"""A package, so that a fixture can be for all tests in it and no others."""
